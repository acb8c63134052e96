//! The PostgreSQL engine against the conformance suite, and what is special about a server.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod conformance;
mod servers;

use creel_records::SqlRecords;
use creel_testkit::database::{self, DatabaseServer};
use tokio::sync::SemaphorePermit;

async fn fresh() -> (SemaphorePermit<'static>, SqlRecords) {
    let server = database::postgres();
    let turn = server.turn().await;
    let url = server.database().parse().unwrap();
    (turn, SqlRecords::open(&url).await.unwrap())
}

suite!(fresh);
server_suite!(database::postgres, DatabaseServer::postgres);
