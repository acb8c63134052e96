//! `/api/me`: what a signed-in user may see and do, all of it their own. Whose it is comes from the sign-in, never from the request.

mod account;
mod chat;
mod config;
mod identity;
mod tokens;

pub use account::{change_password, credits, show, usage};
pub use chat::{completions, session, sessions};
pub use config::{patch as patch_config, read as config, write as write_config};
pub use identity::{of_user, read as identity, set_of_user, write as write_identity};
pub use tokens::{list as list_tokens, mint as mint_token, revoke as revoke_token};
