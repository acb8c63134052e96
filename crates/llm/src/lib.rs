//! Model providers: one streaming client for OpenAI-style and Anthropic-style APIs, and a built-in `demo` provider that
//! needs neither key nor network.
//!
//! The agent calls it, once for every round of a turn: a [`Target`] says whom to ask, a [`Request`] what, and the
//! [`ReplyStream`] hands out each [`Event`] in the moment its last byte has arrived. Dropping the stream hangs up.
//!
//! ```no_run
//! # async fn ask() -> Result<(), creel_llm::Error> {
//! use creel_llm::{Api, Client, Event, Message, Options, Request, Target};
//! use futures_util::StreamExt as _;
//!
//! let client = Client::new(Options::default());
//! let target = Target::new(Api::OpenaiCompletions, "https://api.openai.com/v1", "gpt-4o-mini");
//! let mut reply = client.stream(&target, &Request::of(vec![Message::user("Hello")])).await?;
//! while let Some(event) = reply.next().await {
//!     if let Event::Text(text) = event? {
//!         print!("{text}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It may not know of sessions, users, configuration files or credits. It keeps nothing between calls but its idle
//! connections, and a process that never asks a model pays nothing for it: HTTP and TLS are set up by the first call.

mod anthropic;
mod backoff;
mod body;
mod client;
mod count;
mod decode;
mod demo;
mod error;
mod event;
mod link;
mod openai;
mod public;
mod refusal;
mod reply;
mod request;
mod sse;
mod target;
mod tls;
mod transport;
mod wire;

pub use client::{Client, Options};
pub use count::{Count, IMPLAUSIBLE};
pub use error::{Error, Kind};
pub use event::{Event, Stop, ToolCall, Usage};
pub use public::{check_public, public_only};
pub use reply::ReplyStream;
pub use request::{Message, Part, Request, Schema, ToolSpec};
pub use target::{Api, ApiKey, Target};
pub use tls::objection as tls_objection;
