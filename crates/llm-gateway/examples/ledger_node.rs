//! A gateway node's ledger without its gateway: `tests/proof` tells it what calls to make, and kills it.
//!
//! `ledger_node URL JOURNAL_DIR` prints `ready`, and then takes a command a line. Each is answered with a line once it
//! is done; what has been answered must survive `kill -9`.
//!
//! ```text
//! reserve ID USER AMOUNT PROMPT DAY_LIMIT   sent ID | refused ID | unavailable ID     (DAY_LIMIT 0: none)
//! note ID COST      settle ID OUTCOME COST      drop ID      release ID               done ID
//! close                                     closed
//! ```

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use creel_llm_gateway::ledger::{
    Billing, Call, CallTag, JournalConfig, Ledger, Micros, OpenError, Outcome, Refused, RequestId, Reservation, Usage,
};
use creel_records::{DatabaseUrl, RecordsError, SqlRecords};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

type Calls = Arc<Mutex<HashMap<RequestId, Reservation>>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(dir)) = (args.next(), args.next()) else {
        return Err("usage: ledger_node URL JOURNAL_DIR".into());
    };
    // Small, so that segments follow each other often.
    let config = JournalConfig {
        segment_bytes: 8 << 10,
        ..JournalConfig::new(dir)
    };
    let url = url.parse()?;
    let ledger = loop {
        match open(&url, config.clone()).await {
            Ok(ledger) => break ledger,
            // The connection was cut just now, or another node was in the way.
            Err(OpenError::Books(error @ (RecordsError::Unavailable(_) | RecordsError::Conflict(_)))) => {
                eprintln!("{error}");
            }
            Err(error) => return Err(error.into()),
        }
    };
    say("ready");
    let calls = Calls::default();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["reserve", id, user, amount, prompt, day_limit] => {
                let day_limit = Micros(day_limit.parse()?);
                let call = Call {
                    request: id.parse()?,
                    tag: CallTag {
                        user: user.into(),
                        instance: "claw".into(),
                        key: format!("key-of-{user}").into(),
                        provider: "fake".into(),
                        model: "parrot".into(),
                    },
                    billing: Billing::Credits,
                    reserve: Micros(amount.parse()?),
                    prompt: Micros(prompt.parse()?),
                    prompt_tokens: 0,
                    day_limit: (day_limit > Micros::ZERO).then_some(day_limit),
                    month_limit: None,
                };
                tokio::spawn(reserve(ledger.clone(), calls.clone(), call));
            }
            ["close"] => {
                ledger.close().await;
                say("closed");
                return Ok(());
            }
            [what, id, ref rest @ ..] => {
                end(&calls, what, id.parse()?, rest)?;
                say(&format!("done {id}"));
            }
            _ => return Err(format!("no such command: {line}").into()),
        }
    }
    Ok(())
}

async fn open(url: &DatabaseUrl, config: JournalConfig) -> Result<Ledger, OpenError> {
    let store = SqlRecords::open(url).await?;
    Ledger::open(config, Arc::new(store)).await
}

async fn reserve(ledger: Ledger, calls: Calls, call: Call) {
    let id = call.request;
    let said = match ledger.reserve(call).await {
        Ok(reservation) => {
            calls.lock().expect("no holder panics").insert(id, reservation);
            "sent"
        }
        Err(Refused::OutOfCredits { .. }) => "refused",
        Err(other) => {
            eprintln!("{other}");
            "unavailable"
        }
    };
    say(&format!("{said} {id}"));
}

fn end(calls: &Calls, what: &str, id: RequestId, rest: &[&str]) -> Result<(), Failure> {
    let mut calls = calls.lock().expect("no holder panics");
    if let ("note", [cost]) = (what, rest) {
        let call = calls.get_mut(&id).ok_or("no such call")?;
        call.note(Usage::default(), Micros(cost.parse()?));
        return Ok(());
    }
    let call = calls.remove(&id).ok_or("no such call")?;
    match (what, rest) {
        ("settle", [outcome, cost]) => {
            let outcome: Outcome = outcome.parse()?;
            call.settle(outcome, Usage::default(), Micros(cost.parse()?));
        }
        ("release", []) => call.release(),
        ("drop", []) => drop(call),
        _ => return Err(format!("no such command: {what}").into()),
    }
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("somebody listens");
    out.flush().expect("somebody listens");
}
