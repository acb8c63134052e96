//! End to end: the real `creel` binary behind real sockets; fakes stand only for what is outside of Creel.
//!
//! A scenario in `tests/` reads as prose, and this crate is its vocabulary:
//!
//! ```no_run
//! # async fn example() {
//! use creel_testkit::provider::Provider;
//! use creel_tests::gateway::Gateway;
//!
//! let provider = Provider::start().await;
//! provider.reply("Hello.");
//! let gateway = Gateway::of(&provider).await;
//! assert_eq!(gateway.chat("hi").await["reply"], "Hello.");
//! # }
//! ```
//!
//! Nothing here sleeps or measures time: a scenario waits for a condition, and [`wait::within`] only turns a hang into a
//! failure that names what was missing. It uses no crate of Creel's, only what a user has: the command line, the files and
//! the network.

pub mod binary;
pub mod clock;
pub mod gateway;
pub mod http;
pub mod llm;
pub mod mcp;
pub mod nginx;
pub mod person;
pub mod process;
pub mod railway;
pub mod scripts;
pub mod sse;
pub mod stranger;
pub mod tenants;
pub mod terminal;
pub mod time;
pub mod up;
pub mod wait;
