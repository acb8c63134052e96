//! The native gateway: what an instance, or a node of a cluster, runs.
//!
//! `creel gateway run` calls [`run`]. Inside, a request passes `observe` (id, log, metrics), `guard` (token, rate) and one
//! handler; a turn runs in a task of its own (`turns`) and its events flow back as server-sent events. All state is keyed by user
//! (`user`, `state`): a gateway for one person is the case of one user.
//!
//! This room knows nothing of how instances are made or supervised (`fleet`), nor of the Cloud Backend.

mod auth;
mod caller;
mod chat;
mod completions;
mod drain;
mod error;
mod guard;
mod health;
mod housekeeping;
mod metrics;
mod models;
mod observe;
mod profile;
mod rate;
mod routes;
mod run;
mod sessions;
mod state;
mod state_lock;
mod tenants;
mod turns;
mod user;
mod webchat;

pub use run::{Options, StartError, run};
pub use state_lock::{Running, running};
