//! The native gateway, from outside: `creel gateway run` as its users, its operators and its enemies meet it.

mod auth;
mod chat;
mod clock;
mod config;
mod drain;
mod idempotency;
mod limits;
mod memory;
mod models;
mod observability;
mod openai;
mod secure;
mod sessions;
mod start;
mod tools;
