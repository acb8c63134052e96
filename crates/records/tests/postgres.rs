//! The PostgreSQL engine against the conformance suite, and what is special about a server.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod conformance;
mod servers;

use creel_records::SqlRecords;
use creel_testkit::database::{self, DatabaseServer};

async fn fresh() -> ((), SqlRecords) {
    let url = database::postgres().database().parse().unwrap();
    ((), SqlRecords::open(&url).await.unwrap())
}

suite!(fresh);
server_suite!(database::postgres, DatabaseServer::postgres);
