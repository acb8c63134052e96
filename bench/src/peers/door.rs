//! Where a way to the provider is asked, and with which headers: the same call, whoever passes it on.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;

use crate::client::Connection;

const PATH: &str = "/v1/chat/completions";

pub struct Door {
    pub port: u16,
    pub headers: Vec<(&'static str, String)>,
}

impl Door {
    pub fn new(port: u16, key: &str) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {key}")),
        ];
        Self { port, headers }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Asks until a call comes through: how long that took since then. The pause is as in [`crate::client::until_ready`].
    pub async fn until_answered(&self, body: &Bytes, started: Instant, limit: Duration) -> anyhow::Result<Duration> {
        loop {
            let said = match Connection::open(self.port).await {
                Ok(mut connection) => connection
                    .ask(PATH, &self.headers, body)
                    .await
                    .map(|answer| answer.turn()),
                Err(error) => Err(error),
            };
            if let Ok(Ok(_)) = said {
                return Ok(started.elapsed());
            }
            let gone = started.elapsed();
            ensure!(gone < limit, "no call came through in {} s: {said:?}", limit.as_secs());
            tokio::time::sleep((gone / 100).max(Duration::from_millis(1))).await;
        }
    }

    /// From sending a streamed call to the first bytes of its answer, so many times in turn on one connection.
    pub async fn first_pieces(&self, body: &Bytes, calls: usize) -> anyhow::Result<Vec<Duration>> {
        let mut connection = Connection::open(self.port).await?;
        let mut found = Vec::with_capacity(calls);
        for _ in 0..calls {
            let answer = connection.ask(PATH, &self.headers, body).await?;
            let first = answer.first;
            answer.turn()?;
            found.push(first.context("a body")?);
        }
        Ok(found)
    }
}
