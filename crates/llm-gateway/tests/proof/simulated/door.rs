//! The way to the books, with somebody at the door who decides when a dealing takes place, whether it does, and whether its answer arrives.

use std::pin::Pin;

use async_trait::async_trait;
use creel_records::ledger::{Exchange, Exchanged, Joined, Keep, LedgerStore, PurseId, RequestId, Tidied};
use creel_records::{RecordsError, SqlRecords};
use tokio::sync::{mpsc, oneshot};

/// What becomes of a dealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It takes place, and nobody hears of it.
    AnswerLost,
    NeverWas,
}

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;

/// Somebody waits for the books.
pub struct Knock {
    pub what: &'static str,
    /// The calls that are settled with it.
    pub settles: Vec<RequestId>,
    open: Box<dyn FnOnce(SqlRecords, Fate) -> Future<bool> + Send>,
}

impl Knock {
    /// Lets it happen. Says whether it took place: not if whoever asked for it has gone away.
    pub async fn answer(self, store: &SqlRecords, fate: Fate) -> bool {
        (self.open)(store.clone(), fate).await
    }
}

pub struct Door(mpsc::Sender<Knock>);

impl Door {
    pub fn new() -> (Self, mpsc::Receiver<Knock>) {
        let (knocks, heard) = mpsc::channel(8);
        (Self(knocks), heard)
    }

    async fn pass<T, W>(&self, what: &'static str, settles: Vec<RequestId>, work: W) -> Result<T, RecordsError>
    where
        T: Send + 'static,
        W: FnOnce(SqlRecords) -> Future<Result<T, RecordsError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let open = move |store, fate| -> Future<bool> {
            Box::pin(async move {
                if reply.is_closed() {
                    return false;
                }
                let result = match fate {
                    Fate::NeverWas => Err(lost()),
                    Fate::Done | Fate::AnswerLost => work(store).await,
                };
                let took_place = result.is_ok();
                let heard = if fate == Fate::AnswerLost {
                    result.and(Err(lost()))
                } else {
                    result
                };
                let _ = reply.send(heard);
                took_place
            })
        };
        let open = Box::new(open);
        let _ = self.0.send(Knock { what, settles, open }).await;
        answer.await.unwrap_or_else(|_| Err(lost()))
    }
}

fn lost() -> RecordsError {
    RecordsError::Damaged {
        what: "connection",
        id: "books".into(),
        reason: "cut, for the test".into(),
    }
}

#[async_trait]
impl LedgerStore for Door {
    async fn join(&self, node: &str) -> Result<Joined, RecordsError> {
        let node = node.to_owned();
        let work = |store: SqlRecords| -> Future<_> { Box::pin(async move { store.join(&node).await }) };
        self.pass("join", Vec::new(), work).await
    }

    async fn look(&self, node: &str) -> Result<Joined, RecordsError> {
        let node = node.to_owned();
        let work = |store: SqlRecords| -> Future<_> { Box::pin(async move { store.look(&node).await }) };
        self.pass("look", Vec::new(), work).await
    }

    async fn recalled(&self, node: &str) -> Result<Vec<PurseId>, RecordsError> {
        let node = node.to_owned();
        let work = |store: SqlRecords| -> Future<_> { Box::pin(async move { store.recalled(&node).await }) };
        self.pass("recalled", Vec::new(), work).await
    }

    async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, RecordsError> {
        let settles = exchange.settlements.iter().map(|call| call.request).collect();
        let exchange = exchange.clone();
        let work = |store: SqlRecords| -> Future<_> { Box::pin(async move { store.exchange(&exchange).await }) };
        self.pass("exchange", settles, work).await
    }

    async fn tidy(&self, keep: Keep) -> Result<Tidied, RecordsError> {
        let work = move |store: SqlRecords| -> Future<_> { Box::pin(async move { store.tidy(keep).await }) };
        self.pass("tidy", Vec::new(), work).await
    }
}
