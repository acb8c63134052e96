//! Reads the body of an answer: from bytes to events, within the bounds of [`Options`].

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Response;
use http::header::CONTENT_TYPE;
use http_body::Body as _;
use tokio::time::{Instant, Sleep};

use crate::body::Body;
use crate::client::Options;
use crate::decode::{Decode, Fault};
use crate::error::{Error, Kind};
use crate::event::Event;
use crate::refusal::{self, Secrets};
use crate::sse::Parser;

/// An answer that is being read.
pub struct Wire {
    pub body: Body,
    form: Form,
    decoder: Box<dyn Decode>,
    secrets: Secrets,
    /// Bytes that may still come.
    room: u64,
    max_bytes: u64,
    idle_timeout: Duration,
    /// When the last byte came.
    heard: Instant,
    /// Wakes at the earliest end of the silence; set anew only when it has fired, because that is cheaper than with
    /// every chunk.
    timer: Pin<Box<Sleep>>,
}

/// How far the answer is.
pub enum Progress {
    Reading,
    /// The reply is whole, but the body's end has not come yet.
    Finished,
    /// The body has ended.
    Ended,
}

/// What the answer is written as.
enum Form {
    Events(Parser),
    Document(Vec<u8>),
    /// The head did not say; the first byte will.
    Unknown,
}

impl Form {
    /// From `Content-Type`. A web page is a wrong address or a proxy that has something to say, never a reply.
    fn of(media_type: &str) -> Result<Self, Error> {
        let media_type = media_type.to_ascii_lowercase();
        if media_type.contains("event-stream") {
            Ok(Self::Events(Parser::default()))
        } else if media_type.contains("json") {
            Ok(Self::Document(Vec::new()))
        } else if media_type.contains("html") {
            Err(Error::new(
                Kind::Garbage,
                "a web page came instead of a reply; check the provider's base URL",
            ))
        } else {
            Ok(Self::Unknown)
        }
    }
}

impl Wire {
    pub fn new(
        response: Response<Body>,
        decoder: Box<dyn Decode>,
        secrets: Secrets,
        options: &Options,
    ) -> Result<Self, Error> {
        let media_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let form = Form::of(media_type)?;
        let wire = Self {
            body: response.into_body(),
            form,
            decoder,
            secrets,
            room: options.max_reply_bytes,
            max_bytes: options.max_reply_bytes,
            idle_timeout: options.idle_timeout,
            heard: Instant::now(),
            timer: Box::pin(tokio::time::sleep(options.idle_timeout)),
        };
        if wire.body.size_hint().lower() > wire.room {
            return Err(wire.too_large());
        }
        Ok(wire)
    }

    /// Takes the next chunk, if there is one.
    pub fn poll(&mut self, cx: &mut Context<'_>, out: &mut VecDeque<Event>) -> Poll<Result<Progress, Error>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_silence(cx).map(Err);
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => self.take(&chunk, out),
                // Trailers: no provider sends any.
                Err(_) => Ok(Progress::Reading),
            },
            // Cut or not, the model may have been done already.
            None => self.end(false, out).map(|()| Progress::Ended),
            Some(Err(_)) => self.end(true, out).map(|()| Progress::Ended),
        })
    }

    /// Ready when nothing came for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let end = self.heard + self.idle_timeout;
            if Instant::now() >= end {
                return Poll::Ready(Error::new(
                    Kind::Timeout,
                    format!("nothing came for {:?}", self.idle_timeout),
                ));
            }
            self.timer.as_mut().reset(end);
        }
    }

    fn take(&mut self, chunk: &[u8], out: &mut VecDeque<Event>) -> Result<Progress, Error> {
        self.heard = Instant::now();
        self.room = self
            .room
            .checked_sub(chunk.len() as u64)
            .ok_or_else(|| self.too_large())?;
        if let Form::Unknown = self.form {
            match chunk.trim_ascii_start().first() {
                None => return Ok(Progress::Reading),
                Some(b'{' | b'[') => self.form = Form::Document(Vec::new()),
                Some(_) => self.form = Form::Events(Parser::default()),
            }
        }
        match &mut self.form {
            Form::Document(document) => document.extend_from_slice(chunk),
            Form::Events(parser) => {
                parser.push(chunk);
                while let Some(data) = parser.next() {
                    match self.decoder.event(data, out) {
                        Ok(false) => {}
                        Ok(true) => return Ok(Progress::Finished),
                        Err(fault) => return Err(self.error(fault)),
                    }
                }
            }
            Form::Unknown => {}
        }
        Ok(Progress::Reading)
    }

    /// No more bytes will come; `cut`: not because it was the end.
    fn end(&mut self, cut: bool, out: &mut VecDeque<Event>) -> Result<(), Error> {
        let result = match &mut self.form {
            Form::Unknown => Err(Fault::Cut),
            Form::Document(_) if cut => Err(Fault::Cut),
            Form::Document(document) if document.trim_ascii().is_empty() => {
                Err(Fault::Garbage("the reply is empty".to_owned()))
            }
            Form::Document(document) => self.decoder.whole(document, out),
            Form::Events(parser) => {
                // Some providers leave out the last blank line.
                parser.push(b"\n\n");
                let last = parser.next().map(|data| self.decoder.event(data, out));
                match last {
                    Some(Ok(true)) => Ok(()),
                    // Half an event.
                    Some(Err(Fault::Garbage(_))) => Err(Fault::Cut),
                    Some(Err(fault)) => Err(fault),
                    Some(Ok(false)) | None if parser.is_garbage() => Err(Fault::Garbage("no event in it".to_owned())),
                    Some(Ok(false)) | None => self.decoder.end(out),
                }
            }
        };
        result.map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(error) => refusal::in_stream(&error, &self.secrets),
            Fault::Garbage(why) => Error::new(Kind::Garbage, why),
            Fault::Cut => Error::cut(),
        }
    }

    fn too_large(&self) -> Error {
        Error::new(Kind::TooLarge, format!("more than {} bytes", self.max_bytes))
    }
}
