//! `creel up`: the control plane and its instances.

#![expect(clippy::unwrap_used, reason = "tests")]

mod api;
mod bulk;
mod channels;
mod chat;
mod command_line;
mod connections;
mod credits;
mod docker;
mod doctor;
mod doors;
mod everyone;
mod installation;
mod isolation;
mod kept_data;
mod nothing_is_lost;
mod oidc;
mod openclaw;
mod plan;
mod plugins;
mod railway;
mod records;
mod refusals;
mod secrets;
mod signin;
mod sleep;
mod system;
mod templates;
mod user_command;
mod users;
mod verbose;
