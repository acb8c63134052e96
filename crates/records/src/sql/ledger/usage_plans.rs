//! A year of a busy service: every statement that looks through usage finds its rows by an index, on every engine.
//!
//! `CREEL_USAGE_ROWS=2000000 cargo test -p creel-records usage_plans -- --nocapture` fills the table with so many rows by hour and says how long each takes.

use std::time::Instant;

use creel_testkit::database;
use tempfile::TempDir;

use super::usage::{CALLS_BEFORE, FORGET_CALLS, FORGET_HOURS, HOURS_BEFORE, Part, parts, statement, sums};
use crate::DatabaseUrl;
use crate::engine::{Engine, query};
use crate::ledger::{UsageBy, UsageQuery};
use crate::sql::SqlRecords;
use crate::sql::rows;

/// Whose words a plan is told in.
#[derive(Clone, Copy)]
enum Told {
    Sqlite,
    Postgres,
    MariaDb,
}

const HOUR_MS: i64 = 3_600_000;
const DAYS: i64 = 365;
const CALLS: i64 = 10_000;

fn wanted() -> i64 {
    std::env::var("CREEL_USAGE_ROWS").map_or(70_000, |text| text.parse().expect("a number of rows"))
}

/// So many rows by hour in a year, and those by day that belong to them.
async fn fill(engine: &Engine) {
    let each = (wanted() / (DAYS * 24)).max(1);
    let mut new = Vec::new();
    for hour in 0..DAYS * 24 {
        for account in 0..each {
            new.push((1, hour * HOUR_MS, account));
            if hour % 24 == 0 {
                new.push((24, hour * HOUR_MS, account));
            }
        }
    }
    let mut transaction = engine.begin().await.unwrap();
    let head = "INSERT INTO usage_sums (grain, since, account, instance, provider, model, calls, failed, estimated, \
                prompt, completion, cached, reasoning, cost)";
    for some in new.chunks(50_000) {
        let bind = |query: crate::engine::Query, row: &(i64, i64, i64)| {
            let (grain, since, account) = *row;
            let query = query
                .bind(grain)
                .bind(since)
                .bind(format!("user-{account}"))
                .bind("claw")
                .bind("openai");
            (0..8).fold(query.bind("gpt"), |query, number| query.bind(i64::from(number)))
        };
        rows::insert(&mut transaction, head, 14, "", some, bind).await.unwrap();
    }
    let head = "INSERT INTO calls (request, account, instance, api_key, provider, model, prompt, completion, cached, reasoning, \
                cost, estimated, outcome, at, latency_ms)";
    let calls: Vec<i64> = (0..CALLS).collect();
    let bind = |query: crate::engine::Query, call: &i64| {
        let query = query.bind(u128::try_from(*call).unwrap().to_be_bytes().to_vec());
        let query = ["user-1", "claw", "k1", "openai", "gpt"]
            .into_iter()
            .fold(query, crate::engine::Query::bind);
        let query = (0..6).fold(query, |query, number| query.bind(i64::from(number)));
        query
            .bind("done")
            .bind(call * (DAYS * 24 * HOUR_MS / CALLS))
            .bind(3_i64)
    };
    rows::insert(&mut transaction, head, 15, "", &calls, bind)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

/// What the engine would do, in its own words.
async fn plan(engine: &Engine, told: Told, sql: &str, values: &[i64], account: Option<&str>) -> String {
    let (explain, column) = match told {
        Told::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
        Told::Postgres => ("EXPLAIN", "QUERY PLAN"),
        Told::MariaDb => ("EXPLAIN", "type"),
    };
    let asked = values
        .iter()
        .fold(query(format!("{explain} {sql}")), |query, value| query.bind(*value));
    let asked = account
        .map(str::to_owned)
        .into_iter()
        .fold(asked, |query, account| query.bind(account));
    let said = asked.all(engine).await.unwrap();
    let lines = said
        .iter()
        .map(|row| row.get::<Option<String>>(column).unwrap().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn finds_by_index(told: Told, plan: &str) -> bool {
    match told {
        Told::Sqlite => plan.contains("SEARCH") && !plan.contains("SCAN"),
        Told::Postgres => plan.contains("Index") && !plan.contains("Seq Scan"),
        // https://mariadb.com/kb/en/explain/#type-column
        Told::MariaDb => plan
            .lines()
            .all(|kind| matches!(kind, "ref" | "range" | "const" | "eq_ref")),
    }
}

async fn every_statement_uses_an_index(url: DatabaseUrl, told: Told) {
    let engine = SqlRecords::open(&url).await.unwrap().engine;
    fill(&engine).await;
    match told {
        Told::MariaDb => drop(query("ANALYZE TABLE usage_sums, calls").all(&engine).await.unwrap()),
        Told::Sqlite | Told::Postgres => drop(query("ANALYZE").execute(&engine).await.unwrap()),
    }
    let day = 24 * HOUR_MS;
    for by in [
        UsageBy::User,
        UsageBy::Model,
        UsageBy::Day,
        UsageBy::Hour,
        UsageBy::Instance,
        UsageBy::Provider,
    ] {
        for (from, to) in [(DAYS - 30, DAYS), (0, DAYS)] {
            // Hours of a whole year are most of the table.
            if by == UsageBy::Hour && from == 0 {
                continue;
            }
            for account in [None, Some("user-1")] {
                let asked = UsageQuery {
                    by,
                    from: from * day,
                    to: to * day,
                    account: account.map(Into::into),
                };
                for Part { grain, from, to } in parts(&asked) {
                    let plan = plan(&engine, told, &statement(&asked), &[grain, from, to], account).await;
                    assert!(finds_by_index(told, &plan), "{asked:?}: {plan}");
                }
                let began = Instant::now();
                let found = sums(&engine, &asked).await.unwrap().len();
                println!(
                    "{by:?} of {} days, {account:?}: {found} sums in {:?}",
                    to - from,
                    began.elapsed()
                );
            }
        }
    }
    for (sql, values) in [
        (HOURS_BEFORE, &[day, 5_000][..]),
        (FORGET_HOURS, &[day]),
        (CALLS_BEFORE, &[day, 5_000]),
        (FORGET_CALLS, &[day]),
    ] {
        let plan = plan(&engine, told, sql, values, None).await;
        assert!(finds_by_index(told, &plan), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn sqlite() {
    let dir = TempDir::new().unwrap();
    every_statement_uses_an_index(DatabaseUrl::file(dir.path().join("creel.db")), Told::Sqlite).await;
}

#[tokio::test]
async fn postgres() {
    every_statement_uses_an_index(database::postgres().database().parse().unwrap(), Told::Postgres).await;
}

#[tokio::test]
async fn mariadb() {
    every_statement_uses_an_index(database::mariadb().database().parse().unwrap(), Told::MariaDb).await;
}
