//! The Cloud Backend: the REST API, who may use it, and the console.
//!
//! `creel up` (and `creel backend run`) calls [`serve`] with a [`Backend`]. A request passes `auth` (API token, or the console's cookie with
//! CSRF protection) and one handler; who signs in themselves passes `signin` and reaches `me` alone; handlers speak to the fleet and to the records and know no process, no file and no
//! SQL. What happened is written down once, by `activity`.
//!
//! This room knows the fleet; it knows nothing of how a gateway answers beyond `/v1/chat/completions`.

mod activity;
mod auth;
mod bulk;
mod channels;
mod chat;
mod config;
mod config_sync;
mod console;
mod credits;
mod csv;
mod doctor;
mod drivers;
mod error;
mod events;
mod everyone;
mod expiry;
mod instances;
mod llm;
mod logs;
mod me;
mod merge_patch;
mod observe;
mod payer;
mod plan;
mod routes;
mod serve;
mod signin;
mod state;
mod sync;
mod system;
mod templates;
mod usage;
mod users;

pub use auth::{Bootstrap, BootstrapError, FirstSignIn, GivenToken, GivenTokens, WeakToken, bootstrap, first_sign_in};
pub use everyone::{Everyone, GatewayAddress, InvalidAddress};
pub use llm::LlmSetup;
pub use serve::serve;
pub use signin::oidc::{Oidc, OidcSettings};
pub use state::Backend;
