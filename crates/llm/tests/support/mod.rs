//! What the tests of this crate share: clients with small bounds, and a listener who keeps what it heard.

use std::time::Duration;

use creel_llm::{Api, Client, Error, Event, Message, Options, Request, Stop, Target, ToolCall, Usage};
use creel_testkit::provider::Provider;
use futures_util::StreamExt as _;

pub const APIS: [Api; 2] = [Api::OpenaiCompletions, Api::AnthropicMessages];

/// Repeats at once.
pub fn options() -> Options {
    Options {
        base_backoff: Duration::from_millis(1),
        ..Options::default()
    }
}

pub fn client() -> Client {
    Client::new(options())
}

pub fn target(provider: &Provider, api: Api) -> Target {
    let url = match api {
        Api::AnthropicMessages => provider.anthropic_url(),
        _ => provider.openai_url(),
    };
    Target::new(api, url, "m1").with_key("sk-test-key")
}

pub fn hello() -> Request {
    Request::of(vec![Message::user("Hello")])
}

/// A whole reply.
#[derive(Debug, Default)]
pub struct Heard {
    pub texts: Vec<String>,
    pub reasoning: String,
    pub calls: Vec<ToolCall>,
    pub stop: Option<Stop>,
    pub usage: Option<Usage>,
}

impl Heard {
    pub fn text(&self) -> String {
        self.texts.concat()
    }
}

pub async fn ask(client: &Client, target: &Target, request: &Request) -> Result<Heard, Error> {
    let mut heard = Heard::default();
    let mut reply = client.stream(target, request).await?;
    while let Some(event) = reply.next().await {
        assert_eq!(heard.stop, None, "nothing comes after the end");
        match event? {
            Event::Text(text) => heard.texts.push(text),
            Event::Reasoning(text) => heard.reasoning.push_str(&text),
            Event::ToolCall(call) => heard.calls.push(call),
            Event::Finish { stop, usage } => (heard.stop, heard.usage) = (Some(stop), usage),
        }
    }
    assert!(heard.stop.is_some(), "a reply without error has an end");
    Ok(heard)
}
