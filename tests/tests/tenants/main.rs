//! Many users in one gateway, from outside: as its users, its operators and its enemies meet it.

mod admin;
mod attack;
mod backend;
mod endpoints;
mod lifecycle;
mod monitor;
mod nodes;
mod outage;
mod quotas;
mod timing;
mod tools;
