//! `/api/usage`: calls, tokens and credits, added up.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use creel_http::{FromQuery, Parameters, Problem, Query, moment, rfc3339};
use creel_records::ledger::{UsageBy, UsageOf, UsageQuery, UsageSum};
use serde_json::{Value, json};

use crate::csv;
use crate::error::records_problem;
use crate::routes::State;
use crate::state::Backend;

const DAY_MS: i64 = 86_400_000;
/// Without `from`: this long before `to`.
const DAYS: i64 = 30;

pub struct Asked {
    pub from: Option<String>,
    pub to: Option<String>,
    pub by: Option<String>,
    pub user: Option<String>,
    pub format: Option<String>,
}

impl FromQuery for Asked {
    const NAMES: &'static [&'static str] = &["from", "to", "by", "user", "format"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            from: parameters.text("from"),
            to: parameters.text("to"),
            by: parameters.text("by"),
            user: parameters.text("user"),
            format: parameters.text("format"),
        })
    }
}

/// `GET /api/usage?from=2026-01-01&to=2026-02-01&by=user|model|day|hour|instance|provider&user=ID&format=csv`.
/// Days and hours are UTC; `to` is not in it. Without them: the last 30 days, today included.
pub async fn show(Shared(backend): Shared<State>, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    answer(&backend, asked).await
}

pub async fn answer(backend: &Backend, asked: Asked) -> Result<Response, Problem> {
    let csv_wanted = csv::wanted(asked.format.as_deref())?;
    let query = parse(&asked, creel_records::now_ms())?;
    let sums = backend.records.usage(&query).await.map_err(records_problem)?;
    let by = query.by.as_str();
    if csv_wanted {
        let header = [
            by,
            "calls",
            "failed",
            "estimated",
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "credits",
        ];
        let row = |sum: &UsageSum| {
            [
                name(&sum.of),
                sum.calls.to_string(),
                sum.failed.to_string(),
                sum.estimated.to_string(),
                sum.prompt.to_string(),
                sum.completion.to_string(),
                sum.cached.to_string(),
                sum.reasoning.to_string(),
                sum.cost.to_string(),
            ]
        };
        return Ok(csv::answer(header, sums.iter().map(row)));
    }
    let shown = |sum: &UsageSum| {
        let mut shown = json!({
            "calls": sum.calls, "failed": sum.failed, "estimated": sum.estimated,
            "prompt_tokens": sum.prompt, "completion_tokens": sum.completion,
            "cached_tokens": sum.cached, "reasoning_tokens": sum.reasoning, "credits": sum.cost.to_string(),
        });
        shown[by] = Value::String(name(&sum.of));
        shown
    };
    Ok(Json(json!({
        "from": rfc3339(query.from),
        "to": rfc3339(query.to),
        "by": by,
        "usage": sums.iter().map(shown).collect::<Vec<_>>(),
    }))
    .into_response())
}

fn parse(asked: &Asked, now: i64) -> Result<UsageQuery, Problem> {
    let at = |field: &str, text: &Option<String>, default: i64| match text {
        None => Ok(default),
        Some(text) => moment(text).map_err(|reason| Problem::unprocessable(format!("{field}: {reason}"))),
    };
    let to = at("to", &asked.to, (now.div_euclid(DAY_MS) + 1) * DAY_MS)?;
    let from = at("from", &asked.from, to - DAYS * DAY_MS)?;
    if from >= to {
        return Err(Problem::unprocessable("from: it must be before \"to\""));
    }
    let by = asked.by.as_deref().unwrap_or("day").parse::<UsageBy>();
    Ok(UsageQuery {
        by: by.map_err(|error| Problem::unprocessable(format!("by: {error}")))?,
        from,
        to,
        account: asked.user.clone().filter(|user| !user.is_empty()),
    })
}

fn name(of: &UsageOf) -> String {
    match of {
        UsageOf::Name(name) => name.to_string(),
        UsageOf::Time(at) => rfc3339(*at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: Option<&str>, to: Option<&str>, by: Option<&str>) -> Result<UsageQuery, Problem> {
        let asked = Asked {
            from: from.map(Into::into),
            to: to.map(Into::into),
            by: by.map(Into::into),
            user: None,
            format: None,
        };
        parse(&asked, 10 * DAY_MS + 5)
    }

    #[test]
    fn a_question_has_defaults_and_is_checked() {
        let query = asked(None, None, None).ok().unwrap();
        assert_eq!(
            (query.from, query.to, query.by),
            (-19 * DAY_MS, 11 * DAY_MS, UsageBy::Day)
        );
        let query = asked(Some("1970-01-02"), Some("1970-01-03T00:00:00Z"), Some("user"))
            .ok()
            .unwrap();
        assert_eq!((query.from, query.to, query.by), (DAY_MS, 2 * DAY_MS, UsageBy::User));
        for (from, to, by, field) in [
            (Some("yesterday"), None, None, "from"),
            (None, Some("2026-13-01"), None, "to"),
            (Some("2026-01-02"), Some("2026-01-02"), None, "from"),
            (None, None, Some("colour"), "by"),
        ] {
            let Err(problem) = asked(from, to, by) else {
                panic!("{field}")
            };
            assert!(problem.detail.starts_with(field), "{}", problem.detail);
        }
    }
}
