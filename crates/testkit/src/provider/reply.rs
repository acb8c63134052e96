//! What the provider answers, and how it delivers it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::body::{Hold, Piece};
use super::gate::Gate;
use super::{anthropic, openai};

/// One answer of the provider's script.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) outcome: Outcome,
    hold: Option<Hold>,
    /// Bytes of each piece on the wire.
    piece_size: Option<usize>,
    crlf: bool,
    cut: bool,
    pub(super) as_document: bool,
    pub(super) without_media_type: bool,
    /// The last rendering, because a benchmark asks the same thing again and again.
    rendered: Arc<Mutex<Option<Rendering>>>,
}

type Rendering = (Wanted, Arc<[Piece]>);

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Answer(Answer),
    Refusal {
        status: u16,
        message: String,
        code: Option<String>,
        retry_after: Option<String>,
    },
    /// Anything at all.
    Raw {
        status: u16,
        media_type: String,
        body: Bytes,
        coding: Option<&'static str>,
    },
    /// Silence.
    Hang,
}

/// What a model says.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// Makes the ids of the answer.
    pub number: u64,
    pub reasoning: Option<String>,
    /// The text, in the pieces it is streamed in.
    pub texts: Vec<Arc<str>>,
    pub calls: Vec<Call>,
    pub input_tokens: u64,
    /// `None`: one for each piece of text and each call.
    pub output_tokens: Option<u64>,
    pub cached_tokens: u64,
    pub repeat_usage: bool,
    pub reached_limit: bool,
    pub withheld: bool,
    /// Give up after the texts, with an error in the stream.
    pub gives_up: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

impl Answer {
    /// The pieces of text, written as one API has it. Neighbours that are the same share their bytes.
    pub fn text_pieces(&self, write: impl Fn(&str) -> String) -> Vec<Piece> {
        let mut last: Option<(&Arc<str>, Piece)> = None;
        let piece = |text| match &last {
            Some((before, piece)) if Arc::ptr_eq(before, text) => piece.clone(),
            _ => last.insert((text, Piece::text(write(text)))).1.clone(),
        };
        self.texts.iter().map(piece).collect()
    }

    pub fn output_tokens(&self) -> u64 {
        self.output_tokens
            .unwrap_or((self.texts.len() + self.calls.len()) as u64)
    }
}

/// In which form the client wants the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub api: Api,
    pub model: String,
    pub stream: bool,
    pub usage: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Openai,
    Anthropic,
}

impl Reply {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            hold: None,
            piece_size: None,
            crlf: false,
            cut: false,
            as_document: false,
            without_media_type: false,
            rendered: Arc::default(),
        }
    }

    /// A text, streamed word by word.
    pub fn text(text: &str) -> Self {
        Self::pieces(text.split_inclusive(' '))
    }

    /// A text in pieces of the test's choice.
    pub fn pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let texts = pieces.into_iter().map(Arc::from).collect();
        Self::new(Outcome::Answer(Answer {
            number,
            texts,
            input_tokens: 10,
            ..Answer::default()
        }))
    }

    /// A call of one tool, without text; `arguments` is JSON text.
    pub fn tool_call(name: &str, arguments: &str) -> Self {
        Self::pieces([]).and_tool_call(name, arguments)
    }

    /// At least `bytes` bytes of text, in pieces of 64 KiB. A stream of them takes the memory of one.
    pub fn huge(bytes: usize) -> Self {
        const PIECE: usize = 64 * 1024;
        let piece: Arc<str> = "x".repeat(PIECE).into();
        Self::pieces([]).answer(|answer| answer.texts = vec![piece; bytes.div_ceil(PIECE)])
    }

    /// A refusal with this status, in the shape of the API that is asked.
    pub fn status(status: u16) -> Self {
        let message = format!("the script says {status}");
        Self::new(Outcome::Refusal {
            status,
            message,
            code: None,
            retry_after: None,
        })
    }

    /// Bytes that are no answer in any protocol, under the head of an event stream.
    pub fn garbage() -> Self {
        Self::raw(
            200,
            "text/event-stream",
            &b"\x00\xFF\x13 nothing that anybody promised \xC3\x28\n\n"[..],
        )
    }

    /// Whatever the test wants.
    pub fn raw(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(Outcome::Raw {
            status,
            media_type: media_type.to_owned(),
            body: body.into(),
            coding: None,
        })
    }

    /// Says of bytes that they are in this content coding, whatever the client accepts.
    #[must_use]
    pub fn encoded(mut self, name: &'static str) -> Self {
        if let Outcome::Raw { coding, .. } = &mut self.outcome {
            *coding = Some(name);
        }
        self
    }

    /// No answer, not even a head, until the client goes away.
    pub fn hang() -> Self {
        Self::new(Outcome::Hang)
    }

    fn answer(mut self, change: impl FnOnce(&mut Answer)) -> Self {
        match &mut self.outcome {
            Outcome::Answer(answer) => change(answer),
            other => panic!("{other:?} is no answer of a model"),
        }
        self
    }

    /// Calls a tool, too.
    #[must_use]
    pub fn and_tool_call(self, name: &str, arguments: &str) -> Self {
        self.answer(|answer| {
            let id = format!("call_{}_{}", answer.number, answer.calls.len());
            answer.calls.push(Call {
                id,
                name: name.to_owned(),
                arguments: arguments.to_owned(),
            });
        })
    }

    /// Thinks aloud before.
    #[must_use]
    pub fn reasoning(self, text: &str) -> Self {
        self.answer(|answer| answer.reasoning = Some(text.to_owned()))
    }

    /// What it says that it cost.
    #[must_use]
    pub fn usage(self, input_tokens: u64, output_tokens: u64) -> Self {
        self.answer(|answer| (answer.input_tokens, answer.output_tokens) = (input_tokens, Some(output_tokens)))
    }

    /// How many of the input tokens came from the cache.
    #[must_use]
    pub fn cached(self, tokens: u64) -> Self {
        self.answer(|answer| answer.cached_tokens = tokens)
    }

    /// Tells its usage twice.
    #[must_use]
    pub fn duplicate_usage(self) -> Self {
        self.answer(|answer| answer.repeat_usage = true)
    }

    /// Ends because the limit of tokens is reached.
    #[must_use]
    pub fn reaches_limit(self) -> Self {
        self.answer(|answer| answer.reached_limit = true)
    }

    /// The rest of it, or all, is withheld by a filter.
    #[must_use]
    pub fn withheld(self) -> Self {
        self.answer(|answer| answer.withheld = true)
    }

    /// Gives up after the text, with an error in the stream (OpenAI: `server_error`, Anthropic: `overloaded_error`).
    #[must_use]
    pub fn gives_up(self) -> Self {
        self.answer(|answer| answer.gives_up = true)
    }

    /// The refusal says when to come back: seconds or an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        if let Outcome::Refusal { retry_after, .. } = &mut self.outcome {
            *retry_after = Some(value.to_owned());
        }
        self
    }

    /// What the refusal says, and its `code` (OpenAI) or `type` (Anthropic).
    #[must_use]
    pub fn saying(mut self, text: &str, word: &str) -> Self {
        if let Outcome::Refusal { message, code, .. } = &mut self.outcome {
            *message = text.to_owned();
            *code = Some(word.to_owned());
        }
        self
    }

    /// Each piece of text waits for the gate.
    #[must_use]
    pub fn gated(mut self, gate: &Gate) -> Self {
        self.hold = Some(Hold::Gate(gate.clone()));
        self
    }

    /// Each piece of text waits so long, as real models do. For benchmarks: a test uses [`Reply::gated`].
    #[must_use]
    pub fn paced(mut self, pace: Duration) -> Self {
        self.hold = Some(Hold::Pace(pace));
        self
    }

    /// Goes over the wire in chunks of so many bytes, whatever they cut apart.
    #[must_use]
    pub fn in_chunks_of(mut self, bytes: usize) -> Self {
        self.piece_size = Some(bytes.max(1));
        self
    }

    /// Ends its lines with CRLF.
    #[must_use]
    pub fn with_crlf(mut self) -> Self {
        self.crlf = true;
        self
    }

    /// Breaks the connection half-way.
    #[must_use]
    pub fn cut_halfway(mut self) -> Self {
        self.cut = true;
        self
    }

    /// One JSON document, although the client asked for a stream.
    #[must_use]
    pub fn as_document(mut self) -> Self {
        self.as_document = true;
        self
    }

    /// Leaves out `Content-Type`.
    #[must_use]
    pub fn without_media_type(mut self) -> Self {
        self.without_media_type = true;
        self
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn hold(&self) -> Option<Hold> {
        self.hold.clone()
    }

    /// The answer as it goes over the wire.
    pub(super) fn render(&self, answer: &Answer, wanted: Wanted) -> Arc<[Piece]> {
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, pieces)) = &*rendered
            && *before == wanted
        {
            return Arc::clone(pieces);
        }
        let pieces: Arc<[Piece]> = self.deliver(match (wanted.api, wanted.stream) {
            (Api::Openai, true) => openai::stream(answer, &wanted),
            (Api::Openai, false) => vec![Piece::text(openai::document(answer, &wanted))],
            (Api::Anthropic, true) => anthropic::stream(answer, &wanted),
            (Api::Anthropic, false) => vec![Piece::text(anthropic::document(answer, &wanted))],
        });
        *rendered = Some((wanted, Arc::clone(&pieces)));
        pieces
    }

    fn deliver(&self, mut pieces: Vec<Piece>) -> Arc<[Piece]> {
        if self.crlf {
            for piece in &mut pieces {
                let text = String::from_utf8_lossy(&piece.bytes).replace('\n', "\r\n");
                piece.bytes = text.into();
            }
        }
        if self.cut {
            let half = pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>() / 2;
            let mut left = half;
            pieces.retain_mut(|piece| {
                piece.bytes.truncate(left);
                left -= piece.bytes.len();
                !piece.bytes.is_empty()
            });
        }
        if let Some(size) = self.piece_size {
            let split = pieces.iter().flat_map(|piece| {
                let chunks = (0..piece.bytes.len()).step_by(size);
                chunks.map(move |at| Piece {
                    bytes: piece.bytes.slice(at..piece.bytes.len().min(at + size)),
                    is_text: piece.is_text && at == 0,
                })
            });
            pieces = split.collect();
        }
        pieces.into()
    }
}
