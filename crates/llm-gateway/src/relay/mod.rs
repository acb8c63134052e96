//! The way of a reply from the provider to the client: piece by piece, unbuffered, metered as it passes.
//!
//! A client that reads slowly slows the provider down; one that goes away drops this body, which hangs up on the provider and charges
//! what was used. A stream that has begun is never begun again elsewhere: if it breaks, its last event says so.

mod broken;
mod form;

pub use form::Form;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use self::broken::{Broken, CUT, OVERRUN, REVOKED, SILENT, TOO_LONG};
use self::form::Passed;
use crate::catalog::Provider;
use crate::clock::now_us;
use crate::gather::Gather;
use crate::health::Health;
use crate::ledger::Settled;
use crate::meter::Meter;
use crate::style::Style;
use crate::upstream::Lease;

/// Bounds of a reply.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The longest silence within it.
    pub idle: Duration,
    /// The longest it may take as a whole.
    pub total: Duration,
}

/// The body of an answer.
pub struct Relay {
    /// `None`: there is no more to come from the provider.
    source: Option<Source>,
    form: Form,
    /// What the client gets next.
    gathered: Gather,
    /// The provider's connection was given a turn to bring more, and brought none yet.
    gave_turn: bool,
    /// It ends here.
    broken: Option<Broken>,
    /// `None`: it is settled.
    meter: Option<Meter>,
    /// The settlement, for the turn in which others may end too; only then the client gets the end.
    settled: Option<Settled>,
    provider_style: Style,
    client: Style,
    /// The provider's.
    health: Arc<Health>,
    bounds: Bounds,
    deadline: Instant,
    /// Since when nothing came although the client wanted something.
    waiting_since: Option<Instant>,
    /// Made when there is something to wait for; set anew only when it has fired.
    timer: Option<Pin<Box<Sleep>>>,
}

struct Source {
    body: Incoming,
    lease: Option<Lease>,
}

/// What [`Relay::gather`] has come to.
enum Gathered {
    /// There is something, and nothing more to be had at once.
    Some,
    /// There is something, and the provider's connection has a turn to bring more: this task is woken after it.
    Turn,
    /// Nothing has come.
    None,
    /// The provider has ended, or is done with: what was gathered is the last.
    Over,
}

impl Relay {
    pub fn new(
        body: Incoming,
        lease: Lease,
        form: Form,
        meter: Meter,
        provider: &Provider,
        client: Style,
        bounds: Bounds,
    ) -> Self {
        Self {
            source: Some(Source {
                body,
                lease: Some(lease),
            }),
            form,
            gathered: Gather::default(),
            gave_turn: false,
            broken: None,
            meter: Some(meter),
            settled: None,
            provider_style: provider.style,
            client,
            health: Arc::clone(&provider.health),
            bounds,
            deadline: Instant::now() + bounds.total,
            waiting_since: None,
            timer: None,
        }
    }

    /// What the client gets for this piece; empty if it must wait for the next one.
    fn take(&mut self, chunk: Bytes) -> Result<Bytes, Broken> {
        let Some(meter) = &mut self.meter else {
            return Ok(self.form.behind_the_end(chunk));
        };
        if meter.key().state.is_revoked() {
            return Err(REVOKED);
        }
        let Passed { out, end } = self.form.piece(chunk, meter, self.provider_style)?;
        if end {
            self.settle_done();
        } else if meter.is_overrun() {
            return Err(OVERRUN);
        }
        Ok(out)
    }

    /// Takes what has come. The provider's connection is a task of this thread and hands over one piece at a time, though it has read
    /// many: it gets a turn for each, until it has none left.
    fn gather(&mut self, cx: &mut Context<'_>) -> Gathered {
        loop {
            let Some(source) = &mut self.source else {
                return Gathered::Over;
            };
            let Poll::Ready(frame) = Pin::new(&mut source.body).poll_frame(cx) else {
                if self.gathered.is_empty() {
                    return Gathered::None;
                }
                if std::mem::replace(&mut self.gave_turn, true) {
                    return Gathered::Some;
                }
                cx.waker().wake_by_ref();
                return Gathered::Turn;
            };
            self.waiting_since = None;
            self.gave_turn = false;
            let taken = match frame {
                Some(Ok(frame)) => {
                    // Trailers: no provider sends any.
                    let Ok(chunk) = frame.into_data() else { continue };
                    if source.body.is_end_stream()
                        && let Some(lease) = source.lease.take()
                    {
                        lease.give_back();
                    }
                    self.take(chunk)
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "the provider's connection broke");
                    Err(CUT)
                }
                None => {
                    if let Some(lease) = source.lease.take() {
                        lease.give_back();
                    }
                    self.source = None;
                    Ok(self.ended())
                }
            };
            match taken {
                Ok(out) => self.gathered.push(out),
                Err(broken) => {
                    self.source = None;
                    self.broken = Some(broken);
                }
            }
            // A document comes in few pieces, which may be large.
            if self.gathered.is_full() || (!self.gathered.is_empty() && self.form.is_document()) {
                return Gathered::Some;
            }
        }
    }

    /// Lets what the provider sent along with the head of its answer come along with ours: a document, or the first events.
    pub async fn begin(&mut self) {
        let mut gave_turn = self.form.is_document();
        poll_fn(|cx| {
            if self.settled.take().is_some() {
                return Poll::Ready(());
            }
            match self.gather(cx) {
                Gathered::Turn => return Poll::Pending,
                Gathered::None if !std::mem::replace(&mut gave_turn, true) => {}
                _ if self.settled.is_some() => {}
                _ => return Poll::Ready(()),
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// The provider's body has ended as it should. A stream of which nothing came is no reply, and its client is told so.
    fn ended(&mut self) -> Bytes {
        let Some(mut meter) = self.meter.take() else {
            return Bytes::new();
        };
        let Passed { out, end } = self.form.rest(&mut meter);
        let is_none = meter.heard_nothing() && !self.form.is_document();
        self.tell(!is_none && !meter.gave_up());
        if is_none {
            meter.failed();
            return CUT.event(self.client);
        }
        if end {
            self.settled = meter.done();
        } else {
            // No word that it was the end: what was seen counts if it is more than what was told.
            meter.ended_unsaid();
        }
        out
    }

    /// Whether the reply came as it should.
    fn tell(&self, went_well: bool) {
        if went_well {
            self.health.went_well();
        } else {
            self.health.failed(None, now_us());
        }
    }

    fn settle_done(&mut self) {
        if let Some(meter) = self.meter.take() {
            self.tell(!meter.gave_up());
            self.settled = meter.done();
        }
    }

    /// Gives up on the provider, and tells the client if that is still possible.
    fn break_off(&mut self, broken: &Broken) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.source = None;
        let settled = self.meter.is_none();
        if let Some(meter) = self.meter.take() {
            tracing::warn!(code = broken.code, "a reply was broken off");
            if broken.is_providers {
                self.tell(false);
            }
            meter.broken();
        }
        if settled {
            // The client has all of it.
            return Poll::Ready(None);
        }
        if self.form.is_document() {
            return Poll::Ready(Some(Err(io::Error::other(broken.message))));
        }
        let event = broken.event(self.client);
        // An event that was cut in two must not swallow this one.
        let mut text = BytesMut::from(&b"\n\n"[..]);
        text.extend_from_slice(&event);
        Poll::Ready(Some(Ok(Frame::data(text.freeze()))))
    }

    /// Ready when the provider was silent, or has talked, for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        let now = Instant::now();
        let since = *self.waiting_since.get_or_insert(now);
        loop {
            let end = (since + self.bounds.idle).min(self.deadline);
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
            std::task::ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.deadline {
                return Poll::Ready(TOO_LONG);
            }
            if now >= end {
                return Poll::Ready(SILENT);
            }
            timer.as_mut().reset(end);
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        // However slowly a client reads what is there.
        if this.source.is_some() && this.meter.is_some() && Instant::now() >= this.deadline {
            this.source = None;
            this.broken = Some(TOO_LONG);
        }
        let had_its_turn = this.settled.take().is_some();
        if !had_its_turn || this.gathered.is_empty() {
            match this.gather(cx) {
                Gathered::Turn => return Poll::Pending,
                Gathered::None => {
                    let broken = std::task::ready!(this.poll_patience(cx));
                    return this.break_off(&broken);
                }
                Gathered::Some | Gathered::Over => {}
            }
        }
        if this.settled.is_some() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !this.gathered.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(this.gathered.take()))));
        }
        match this.broken.take() {
            Some(broken) => this.break_off(&broken),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.gathered.is_empty() && self.broken.is_none()
    }

    /// A document that passes as it is keeps its length.
    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        let to_come = match &self.source {
            _ if !self.form.is_document() => None,
            Some(source) => source.body.size_hint().exact(),
            None if self.broken.is_none() => Some(0),
            None => None,
        };
        to_come.map_or_else(SizeHint::default, |to_come| {
            SizeHint::with_exact(to_come + self.gathered.len() as u64)
        })
    }
}
