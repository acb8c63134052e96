//! Time that a gateway adds to a turn: one client, one turn after the other, the same request sent to the provider directly
//! and through each gateway, in turns; the difference of the medians of a round, and the median of the rounds.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Bench, PROVIDER_PORT, Pair, Samples, median};
use crate::client::Connection;
use crate::peers::{Gateway, TOKEN};
use crate::report::{Bar, Row};

const QUESTION: &str = "What is the capital of France? Answer in twenty words.";

/// A way to ask for a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    Completion,
    StreamedCompletion,
    /// `/api/v1/chat`, in a session, which `native` alone has.
    Chat,
}

impl Ask {
    pub fn path(self) -> &'static str {
        if self == Self::Chat {
            "/api/v1/chat"
        } else {
            "/v1/chat/completions"
        }
    }

    pub fn body(self, model: &str, session: &str) -> Bytes {
        let body = match self {
            Self::Chat => json!({"message": QUESTION, "session_id": session}),
            _ => json!({
                "model": model,
                "messages": [{"role": "user", "content": QUESTION}],
                "stream": self == Self::StreamedCompletion,
            }),
        };
        body.to_string().into()
    }
}

pub async fn measure(bench: &Bench, pair: &Pair, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, ask) in [
        ("added to a turn, ms", Ask::Completion),
        ("added to a streamed turn, ms", Ask::StreamedCompletion),
        ("added to a turn of a session, ms", Ask::Chat),
    ] {
        let added = Added::measure(bench, pair, ask).await?;
        let (native, openclaw) = (median(&added.native), median(&added.openclaw));
        let bar = Bar::at_most(0.3);
        let bar = if ask == Ask::Chat {
            bar
        } else {
            bar.of_upstream(1.0 / 1000.0)
        };
        rows.push(
            Row::new(what, native, openclaw)
                .bar(bar)
                .note(format!("direct {:.3}", median(&added.direct))),
        );
        samples.insert(what.into(), added.samples());
    }
    Ok(rows)
}

/// Milliseconds, one figure a round.
#[derive(Default)]
struct Added {
    direct: Vec<f64>,
    native: Vec<f64>,
    openclaw: Vec<f64>,
}

impl Added {
    async fn measure(bench: &Bench, pair: &Pair, ask: Ask) -> anyhow::Result<Self> {
        let (rounds, turns) = if bench.quick { (3, 50) } else { (9, 100) };
        let direct_ask = if ask == Ask::Chat { Ask::Completion } else { ask };
        let upstream = pair.openclaw.as_ref().filter(|_| ask != Ask::Chat);
        // Connections, caches and, in upstream, the agent's runtime: the first turn pays for them.
        warm_up(&pair.native, ask, 50).await?;
        if let Some(upstream) = upstream {
            warm_up(upstream, ask, 2).await?;
        }
        let mut added = Self::default();
        for round in 0..rounds {
            // A conversation of twenty messages before it is a new one.
            let session = |turn: usize| format!("bench-{round}-{}", turn / 10);
            let direct = sequence(PROVIDER_PORT, direct_ask, "m1", turns, session).await?;
            added.direct.push(direct);
            added
                .native
                .push(sequence(pair.native.port, ask, "openclaw", turns, session).await? - direct);
            if let Some(upstream) = upstream {
                added
                    .openclaw
                    .push(sequence(upstream.port, ask, "openclaw", 3, session).await? - direct);
            }
        }
        Ok(added)
    }

    fn samples(&self) -> Value {
        json!({"direct_ms": self.direct, "native_added_ms": self.native, "openclaw_added_ms": self.openclaw})
    }
}

async fn warm_up(gateway: &Gateway, ask: Ask, turns: usize) -> anyhow::Result<f64> {
    sequence(gateway.port, ask, "openclaw", turns, |turn| {
        format!("warm-{}", turn / 10)
    })
    .await
}

/// Median of so many turns in a row on one connection, in milliseconds.
async fn sequence(
    port: u16,
    ask: Ask,
    model: &str,
    turns: usize,
    session: impl Fn(usize) -> String,
) -> anyhow::Result<f64> {
    let mut connection = Connection::open(port).await?;
    let mut took = Vec::with_capacity(turns);
    for turn in 0..turns {
        let body = ask.body(model, &session(turn));
        let answer = connection.post(ask.path(), TOKEN, &body).await?;
        took.push(answer.turn()?.as_secs_f64() * 1e3);
    }
    Ok(median(&took))
}
