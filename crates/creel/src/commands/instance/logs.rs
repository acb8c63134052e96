//! `creel instance logs`: the end of a log, what is in it, and what is added to it.

use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::path;
use crate::client::{Client, escaped};
use crate::failure::Failure;
use crate::output::{self, print_or};

/// Which lines.
#[derive(Args)]
pub struct Wanted {
    /// The newest so many lines [default: 200; with --since all, up to 10000]
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// None from before this: a moment (RFC 3339), or so long ago (90s, 10m, 2h, 1d)
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<String>,
    /// Only lines that contain this, capital letters or not
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl Wanted {
    fn query(&self) -> String {
        let tail = self.tail.map(|lines| lines.to_string());
        let named = [("tail", &tail), ("since", &self.since), ("search", &self.search)];
        let given = named
            .iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_ref()?))));
        let given: Vec<String> = given.collect();
        if given.is_empty() {
            String::new()
        } else {
            format!("?{}", given.join("&"))
        }
    }
}

/// As the backend takes it.
fn since(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "give a moment such as 2026-01-31T08:00:00Z, or how long ago: 90s, 10m, 2h or 1d";
    if OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        return Ok(text.to_owned());
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(WRONG),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| WRONG)?;
    let ago = time::Duration::seconds(number.checked_mul(unit).filter(|ago| *ago >= 0).ok_or(WRONG)?);
    let moment = OffsetDateTime::now_utc().checked_sub(ago).ok_or(WRONG)?;
    moment.format(&Rfc3339).map_err(|_| WRONG)
}

pub async fn run(client: &Client, id: &str, follow: bool, wanted: &Wanted, json: bool) -> Result<(), Failure> {
    let print = |batch: &Value| {
        let lines = batch["lines"].as_array().into_iter().flatten();
        for line in lines.filter_map(Value::as_str) {
            print_or(json, &json!({"line": line}), || output::line(line));
        }
    };
    let query = wanted.query();
    if follow {
        return client.follow(&path(id, &format!("/logs/stream{query}")), print).await;
    }
    let answer = client.get(&path(id, &format!("/logs{query}"))).await?;
    print_or(json, &answer, || print(&answer));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_passed_on_and_a_while_ago_is_one() {
        assert_eq!(since("2026-01-31T08:00:00Z").unwrap(), "2026-01-31T08:00:00Z");
        let hour_ago = OffsetDateTime::parse(&since("1h").unwrap(), &Rfc3339).unwrap();
        let passed = OffsetDateTime::now_utc() - hour_ago;
        assert!((3_600..3_660).contains(&passed.whole_seconds()), "{passed}");
        for wrong in ["", "h", "-1h", "1w", "yesterday", "9223372036854775807d", "1张"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_is_given_is_asked() {
        let wanted = |tail, search: Option<&str>| Wanted {
            tail,
            since: None,
            search: search.map(str::to_owned),
        };
        assert_eq!(wanted(None, None).query(), "");
        assert_eq!(wanted(Some(5), Some("a b&c")).query(), "?tail=5&search=a%20b%26c");
    }
}
