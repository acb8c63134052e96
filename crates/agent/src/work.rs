//! The work of one turn: history, model, tools, model again, until there is an answer; and writes down what was said.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use creel_llm::{Client, Message, Request, ToolCall, ToolSpec, Usage};
use creel_session::{Body, Entry, SessionStore, Stop, Transcript};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::ask::{Draft, Round, first_to_answer, request, tell};
use crate::error::TurnError;
use crate::prompt::system_prompt;
use crate::replay::{Attempt, OpenTurn};
use crate::tools::ToolOutput;
use crate::turn::{History, Meter, Outcome, ToolStatus, Turn, TurnEvent};
use crate::{history, record, replay};

/// Tool calls of one round that are carried out; what a model asks for beyond them it is told.
const CALLS: usize = 64;
/// What is told of a reply that ends before the model was done, or never began: an empty one looks like a fault of ours.
const WITHHELD: &str =
    "[The model's provider withheld the rest of this answer: its content filter objects. Ask in other words.]";
/// The same, where a model was at the limit of its tokens before it said a word: it thought for too long.
const USED_UP: &str =
    "[The model used up its reply before it said a word. Ask for less at once, or have its limit (maxTokens) raised.]";
/// Bytes that are kept of a reply that broke off: a model that runs wild must not fill the conversation.
const DRAFT_LIMIT: usize = 256 * 1024;

pub struct Work<'a> {
    client: &'a Client,
    sessions: &'a dyn SessionStore,
    events: &'a mpsc::Sender<TurnEvent>,
    meter: &'a dyn Meter,
    turn: Turn,
    epoch: u64,
    draft: Draft,
}

impl<'a> Work<'a> {
    /// `epoch` is that of the session's lease.
    pub fn new(
        client: &'a Client,
        sessions: &'a dyn SessionStore,
        events: &'a mpsc::Sender<TurnEvent>,
        meter: &'a dyn Meter,
        turn: Turn,
        epoch: u64,
    ) -> Self {
        Self {
            client,
            sessions,
            events,
            meter,
            turn,
            epoch,
            draft: Draft::default(),
        }
    }

    /// `transcript` is what the session holds; `None`: it is new, or the turn has none.
    pub async fn answer(&mut self, transcript: Option<Transcript>) -> Result<Outcome, TurnError> {
        let mut open = None;
        if let Some(transcript) = &transcript {
            match self.earlier_attempt(transcript)? {
                Attempt::Answered { outcome, begun_at } => {
                    self.begun(begun_at).await?;
                    self.emit(TurnEvent::Text(outcome.reply.clone())).await?;
                    return Ok(outcome);
                }
                Attempt::Open(turn) => {
                    self.begun(turn.begun_at).await?;
                    self.turn.id.clone_from(&turn.id);
                    open = Some(turn);
                }
                Attempt::None => self.continue_open_turn(transcript),
            }
        }
        let mut tools = self.turn.toolbox.specs().await;
        // A call of this name would be the client's, and providers refuse two tools of one name.
        tools.retain(|tool| !self.is_client_tool(&tool.name));
        tools.extend(self.turn.client_tools.iter().cloned());
        let messages = self.conversation(transcript.as_ref(), open.as_ref(), &tools)?;
        let mut request = request(messages, tools, &self.turn.sampling);
        let OpenTurn {
            mut reply, mut usage, ..
        } = match open {
            Some(open) => open,
            None => {
                self.record_input().await?;
                OpenTurn::default()
            }
        };
        if !reply.is_empty() {
            self.emit(TurnEvent::Text(reply.clone())).await?;
        }
        for _ in 0..self.turn.limits.tool_rounds {
            let Round {
                text,
                calls,
                stop,
                usage: used,
                model,
            } = self.ask(&request, None).await?;
            usage += used;
            reply.push_str(&text);
            let (theirs, mine): (Vec<_>, Vec<_>) = calls.into_iter().partition(|call| self.is_client_tool(&call.name));
            if !theirs.is_empty() || mine.is_empty() {
                // Tools of ours beside the client's own: their results are kept for when the client comes back with its.
                if self.turn.session.is_some() {
                    self.call_tools(&mine, &request.tools).await?;
                }
                return Ok(Outcome {
                    reply,
                    tool_calls: theirs,
                    model,
                    usage,
                    stop,
                    replayed: false,
                });
            }
            let results = self.call_tools(&mine, &request.tools).await?;
            request.messages.push(Message::Assistant { text, tool_calls: mine });
            request.messages.extend(results);
        }
        request.tools.clear();
        request.tool_choice = None;
        // Whoever asked must not take this for all that could be done.
        let rounds = self.turn.limits.tool_rounds;
        let note = format!("[The limit of {rounds} rounds of tools in a turn is reached; ask again to go on.]");
        let last = self.ask(&request, Some(&note)).await?;
        usage += last.usage;
        reply.push_str(&last.text);
        Ok(Outcome {
            reply,
            tool_calls: Vec::new(),
            model: last.model,
            usage,
            stop: last.stop,
            replayed: false,
        })
    }

    fn earlier_attempt(&self, transcript: &Transcript) -> Result<Attempt, TurnError> {
        let Some(key) = &self.turn.idempotency_key else {
            return Ok(Attempt::None);
        };
        let input = record::input(&self.turn.input);
        replay::attempt(&transcript.entries, key, &input, |tool| self.is_client_tool(tool))
    }

    /// Results of the client's tools belong to the turn that called them.
    fn continue_open_turn(&mut self, transcript: &Transcript) {
        if matches!(self.turn.input.first(), Some(Message::Tool { .. }))
            && let Some((turn, _)) = history::open_calls(&transcript.entries)
        {
            self.turn.id = turn.to_owned();
        }
    }

    /// What the model is told. An `open` turn comes last, with what was already said and done in it.
    fn conversation(
        &self,
        transcript: Option<&Transcript>,
        open: Option<&OpenTurn>,
        tools: &[ToolSpec],
    ) -> Result<Vec<Message>, TurnError> {
        let route = self.turn.routes.first().ok_or(TurnError::NoModel)?;
        let prompt = system_prompt(&self.turn.workspace, self.turn.instructions.as_deref());
        let mut input = self.turn.input.clone();
        input.extend(open.into_iter().flat_map(|open| history::replay(&open.since, &[])));
        let mut messages = match (&self.turn.history, transcript) {
            (History::Given(given), _) => given.clone(),
            (History::Transcript, None) => Vec::new(),
            (History::Transcript, Some(transcript)) => {
                let fixed = history::tokens(&prompt, tools, &input);
                let reply = self.turn.sampling.max_tokens.unwrap_or(route.reply_tokens);
                let budget = route.context_window.saturating_sub(fixed).saturating_sub(reply);
                match open {
                    Some(open) => history::recall(&open.before(&transcript.entries), &input, budget),
                    None => history::recall(&transcript.entries, &input, budget),
                }
            }
        };
        messages.insert(0, Message::System(prompt));
        messages.extend(input);
        Ok(messages)
    }

    /// Asks the model once, and writes down what it said, with a `note` below it. Where no tools are offered, none is called.
    async fn ask(&mut self, request: &Request, note: Option<&str>) -> Result<Round, TurnError> {
        let routes = &self.turn.routes;
        let mut round = first_to_answer(self.client, routes, request, self.follower(), &mut self.draft).await?;
        self.meter.tokens(&round.model, round.usage);
        if request.tools.is_empty() && !round.calls.is_empty() {
            round.calls.clear();
            round.stop = Stop::End;
        }
        let wordless = round.text.trim().is_empty() && round.calls.is_empty();
        let missing = match round.stop {
            Stop::ContentFilter => Some(WITHHELD),
            Stop::Length if wordless => Some(USED_UP),
            _ => None,
        };
        let mut notes = String::new();
        for note in [missing, note].into_iter().flatten() {
            let gap = if round.text.is_empty() && notes.is_empty() {
                ""
            } else {
                "\n\n"
            };
            notes.push_str(&format!("{gap}{note}"));
        }
        round.text.push_str(&notes);
        let body = record::reply(
            round.text.clone(),
            &round.calls,
            round.model.clone(),
            round.usage,
            round.stop,
        );
        self.record(&[self.entry(body)]).await?;
        if !notes.is_empty() {
            self.emit(TurnEvent::Text(notes)).await?;
        }
        Ok(round)
    }

    /// Runs the calls side by side; the results come in the order of the calls. A tool that nobody offered gets no event.
    async fn call_tools(&self, calls: &[ToolCall], offered: &[ToolSpec]) -> Result<Vec<Message>, TurnError> {
        let outputs: Vec<ToolOutput> = join_all(calls.iter().enumerate().map(|(number, call)| async move {
            if number >= CALLS {
                return ToolOutput::error(format!("only {CALLS} calls can be made at once; make this one again"));
            }
            let is_offered = offered.iter().any(|tool| tool.name == call.name);
            let tell = async |status| {
                if is_offered {
                    let name = call.name.clone();
                    // Nobody is there to read it: the turn ends by that, not here.
                    let _ = self.emit(TurnEvent::Tool { name, status }).await;
                }
            };
            tell(ToolStatus::Running).await;
            let begun = Instant::now();
            let mut counted = is_offered.then(|| Counted::new(self.meter, &call.name));
            let output = self.turn.toolbox.call(&call.name, &call.arguments).await;
            // A name that nobody offered is the model's own words.
            let tool = if is_offered { call.name.as_str() } else { "unknown" };
            let (took_ms, bytes) = (begun.elapsed().as_millis(), output.text.len());
            tracing::debug!(tool, took_ms, bytes, failed = output.is_error, "tool call");
            let status = match output.is_error {
                true => ToolStatus::Failed,
                false => ToolStatus::Done,
            };
            if let Some(counted) = &mut counted {
                counted.status = status;
            }
            drop(counted);
            tell(status).await;
            output
        }))
        .await;
        let entry = |(call, output): (&ToolCall, &ToolOutput)| {
            self.entry(Body::ToolResult {
                call_id: call.id.clone(),
                name: call.name.clone(),
                text: output.text.clone(),
                is_error: output.is_error,
            })
        };
        let entries: Vec<Entry> = calls.iter().zip(&outputs).map(entry).collect();
        self.record(&entries).await?;
        let messages = calls.iter().zip(outputs).map(|(call, output)| Message::Tool {
            call_id: call.id.clone(),
            text: output.text,
            is_error: output.is_error,
        });
        Ok(messages.collect())
    }

    /// Tells whoever follows the turn.
    async fn emit(&self, event: TurnEvent) -> Result<(), TurnError> {
        match self.follower() {
            Some(follower) => tell(follower, event).await,
            None => Ok(()),
        }
    }

    fn follower(&self) -> Option<&'a mpsc::Sender<TurnEvent>> {
        self.turn.followed.then_some(self.events)
    }

    /// Tells when the turn was begun, which is no part of its outcome.
    async fn begun(&self, at: u64) -> Result<(), TurnError> {
        tell(self.events, TurnEvent::Begun { at }).await
    }

    fn is_client_tool(&self, name: &str) -> bool {
        self.turn.client_tools.iter().any(|tool| tool.name == name)
    }

    async fn record_input(&self) -> Result<(), TurnError> {
        let key = &self.turn.idempotency_key;
        let at = now();
        let entry = |body| Entry {
            at,
            idempotency_key: key.clone(),
            ..self.entry(body)
        };
        let entries: Vec<Entry> = record::input(&self.turn.input).into_iter().map(entry).collect();
        self.record(&entries).await?;
        match key {
            Some(_) => self.begun(at).await,
            None => Ok(()),
        }
    }

    /// Writes down what was said of a reply that broke off.
    pub async fn record_draft(&mut self, stop: Stop) -> Result<(), TurnError> {
        let Draft { mut text, model } = std::mem::take(&mut self.draft);
        if text.is_empty() {
            return Ok(());
        }
        text.truncate(text.floor_char_boundary(DRAFT_LIMIT));
        let body = record::reply(text, &[], model, Usage::default(), stop);
        self.record(&[self.entry(body)]).await
    }

    fn entry(&self, body: Body) -> Entry {
        Entry {
            at: now(),
            turn: self.turn.id.clone(),
            epoch: self.epoch,
            idempotency_key: None,
            body,
        }
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), TurnError> {
        match &self.turn.session {
            Some(key) if !entries.is_empty() => Ok(self.sessions.append(key, self.epoch, entries).await?),
            _ => Ok(()),
        }
    }
}

/// Milliseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A tool call that is counted when it ends, also where that is because its turn does.
struct Counted<'a> {
    meter: &'a dyn Meter,
    tool: &'a str,
    status: ToolStatus,
}

impl<'a> Counted<'a> {
    fn new(meter: &'a dyn Meter, tool: &'a str) -> Self {
        Self {
            meter,
            tool,
            status: ToolStatus::Cancelled,
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.meter.tool_call(self.tool, self.status);
    }
}
