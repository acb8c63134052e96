//! One model call of a turn: the model that was chosen, then its fallbacks, until one answers.

use std::time::Instant;

use creel_llm::{Client, Event, Message, ReplyStream, Request, ToolCall, ToolSpec, Usage};
use creel_session::Stop;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::TurnError;
use crate::turn::{Route, Sampling, TurnEvent};

/// What a model answered.
pub struct Round {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub stop: Stop,
    pub usage: Usage,
    /// Label of the model that answered.
    pub model: String,
}

/// What the model has said in the present call, so that it is not lost when the call is.
#[derive(Default)]
pub struct Draft {
    pub text: String,
    pub model: String,
}

/// Makes the request of a turn; each round adds its messages.
pub fn request(messages: Vec<Message>, tools: Vec<ToolSpec>, sampling: &Sampling) -> Request {
    Request {
        messages,
        tool_choice: sampling.tool_choice.clone().filter(|_| !tools.is_empty()),
        max_tokens: sampling.max_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop: sampling.stop.clone(),
        extra: sampling.extra.clone(),
        tools,
    }
}

/// Asks along the `routes`. Once a model has begun to speak, no other one is asked: the client has read its words, or they are in the
/// `draft`.
pub async fn first_to_answer(
    client: &Client,
    routes: &[Route],
    request: &Request,
    follower: Option<&mpsc::Sender<TurnEvent>>,
    draft: &mut Draft,
) -> Result<Round, TurnError> {
    let mut failure = TurnError::NoModel;
    for (number, route) in routes.iter().enumerate() {
        *draft = Draft {
            text: String::new(),
            model: route.label.to_string(),
        };
        let begun = Instant::now();
        let failed = |error| TurnError::Model {
            model: route.label.clone(),
            error,
        };
        let call = async {
            let stream = client.stream(&route.target, request).await.map_err(failed)?;
            let first_ms = begun.elapsed().as_millis();
            tracing::debug!(model = %route.label, first_ms, "the model answers");
            listen(stream, follower, draft, failed).await
        };
        let answer = match route.timeout {
            Some(limit) => timeout(limit, call).await.unwrap_or_else(|_| {
                Err(TurnError::ModelTimedOut {
                    model: route.label.clone(),
                    limit,
                })
            }),
            None => call.await,
        };
        let took_ms = begun.elapsed().as_millis();
        match &answer {
            Ok(round) => tracing::debug!(
                model = %route.label,
                took_ms,
                input_tokens = round.usage.input_tokens,
                output_tokens = round.usage.output_tokens,
                tool_calls = round.calls.len(),
                stop = ?round.stop,
                "model call"
            ),
            Err(error) => tracing::debug!(model = %route.label, took_ms, result = error.code(), "model call"),
        }
        match answer {
            Err(error) if error.is_the_models() && draft.text.is_empty() => {
                // What the last one came to is how the turn ends, and is said there.
                if let Some(next) = routes.get(number + 1) {
                    tracing::warn!(model = %route.label, %error, next = %next.label, "the model did not answer; the next one is asked");
                }
                failure = error;
            }
            answer => return answer,
        }
    }
    Err(failure)
}

/// Hands an event on; where nobody is there to read it, the turn is cancelled.
pub async fn tell(follower: &mpsc::Sender<TurnEvent>, event: TurnEvent) -> Result<(), TurnError> {
    follower.send(event).await.map_err(|_| TurnError::Cancelled)
}

async fn listen(
    mut stream: ReplyStream,
    follower: Option<&mpsc::Sender<TurnEvent>>,
    draft: &mut Draft,
    failed: impl Fn(creel_llm::Error) -> TurnError,
) -> Result<Round, TurnError> {
    let mut calls = Vec::new();
    while let Some(event) = stream.next().await {
        match event.map_err(&failed)? {
            Event::Text(text) => {
                draft.text.push_str(&text);
                if let Some(follower) = follower {
                    tell(follower, TurnEvent::Text(text)).await?;
                }
            }
            Event::ToolCall(call) => calls.push(call),
            Event::Finish { stop, usage } => {
                let stop = match stop {
                    creel_llm::Stop::Length => Stop::Length,
                    _ if !calls.is_empty() => Stop::ToolCalls,
                    creel_llm::Stop::ContentFilter => Stop::ContentFilter,
                    _ => Stop::End,
                };
                let Draft { text, model } = std::mem::take(draft);
                return Ok(Round {
                    text,
                    calls,
                    stop,
                    usage: usage.unwrap_or_default(),
                    model,
                });
            }
            Event::Reasoning(_) => {}
        }
    }
    Err(failed(creel_llm::Error::cut()))
}
