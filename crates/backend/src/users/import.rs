//! `POST /api/import/users`: many users from a table, all or none. Columns: `id`, and `name` if wanted. Not below `/api/users`: there it would hide
//! the user of that id.

use std::collections::HashMap;

use axum::Extension;
use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use creel_http::{FromQuery, Parameters, Problem, Query, TextBody};
use creel_records::NewUser;
use serde_json::json;

use super::{parse_id, parse_name, sheet};
use crate::auth::Actor;
use crate::error::records_problem;
use crate::routes::State;

/// Users of one table.
const MOST: usize = 10_000;
/// Lines that are told; whoever has more to mend begins with these.
const TOLD: usize = 100;

pub struct How {
    /// Only say what would happen.
    dry_run: bool,
}

impl FromQuery for How {
    const NAMES: &'static [&'static str] = &["dry_run"];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        Ok(Self {
            dry_run: parameters.flag("dry_run")?,
        })
    }
}

/// A line of the table, and what is wrong with it.
type Wrong = (usize, String);

pub async fn import(
    Shared(backend): Shared<State>,
    Extension(actor): Extension<Actor>,
    Query(how): Query<How>,
    TextBody(text): TextBody,
) -> Result<Response, Problem> {
    let users = read(&text).map_err(told)?;
    let mut taken = Vec::new();
    for (line, user) in &users {
        if backend.records.user(&user.id).await.map_err(records_problem)?.is_some() {
            taken.push((*line, format!("id: {} is taken", user.id)));
        }
    }
    if !taken.is_empty() {
        return Err(told(taken));
    }
    let count = users.len();
    let answer = Json(json!({"users": count, "dry_run": how.dry_run}));
    if how.dry_run {
        return Ok(answer.into_response());
    }
    let users: Vec<NewUser> = users.into_iter().map(|(_, user)| user).collect();
    backend.records.insert_users(&users).await.map_err(records_problem)?;
    let data = json!({"users": count});
    let message = format!("{count} users imported");
    backend
        .activity
        .record(&actor.0, "user.imported", None, message, data)
        .await;
    Ok((StatusCode::CREATED, answer).into_response())
}

fn read(text: &str) -> Result<Vec<(usize, NewUser)>, Vec<Wrong>> {
    let rows = sheet::rows(text).map_err(|(line, what)| vec![(line, what.to_owned())])?;
    let mut rows = rows.into_iter();
    let Some((line, header)) = rows.next() else {
        return Err(vec![(
            1,
            "the table is empty; it begins with the line id,name".to_owned(),
        )]);
    };
    let header: Vec<&str> = header.iter().map(|cell| cell.trim()).collect();
    if header != ["id"] && header != ["id", "name"] {
        return Err(vec![(line, "the first line must be id,name (or id alone)".to_owned())]);
    }
    let (mut users, mut wrong) = (Vec::new(), Vec::new());
    let mut seen = HashMap::new();
    for (line, row) in rows {
        match user(&row, header.len()) {
            Ok(user) => match seen.insert(user.id.clone(), line) {
                Some(before) => wrong.push((line, format!("id: {} is in line {before} too", user.id))),
                None => users.push((line, user)),
            },
            Err(what) => wrong.push((line, what)),
        }
    }
    if users.len() > MOST {
        wrong.push((users[MOST].0, format!("a table has up to {MOST} users; make two of it")));
    }
    if users.is_empty() && wrong.is_empty() {
        wrong.push((line + 1, "there is nobody in the table".to_owned()));
    }
    if wrong.is_empty() { Ok(users) } else { Err(wrong) }
}

fn user(row: &[String], columns: usize) -> Result<NewUser, String> {
    if row.len() != columns {
        return Err(format!("{} cells where the first line has {columns}", row.len()));
    }
    let id = parse_id(row[0].trim()).map_err(|problem| problem.detail)?;
    let name = row.get(1).map_or("", String::as_str);
    Ok(NewUser {
        id: id.as_str().to_owned(),
        name: parse_name(name).map_err(|problem| problem.detail)?,
        password_phc: None,
        config: "{}".to_owned(),
    })
}

/// 422 that changed nothing, with what is wrong line by line.
fn told(wrong: Vec<Wrong>) -> Problem {
    let (line, what) = &wrong[0];
    let others = match wrong.len() - 1 {
        0 => String::new(),
        1 => "; one more line is wrong".to_owned(),
        others => format!("; {others} more lines are wrong"),
    };
    let detail = format!("nothing was imported: line {line}: {what}{others}");
    Problem::unprocessable(detail).with_lines(wrong.into_iter().take(TOLD).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_wrong_is_told() {
        let wrong = read("id,name\n../x,A\nbob,B\nbob,C\ncarol\n").map(|_| ()).unwrap_err();
        let lines: Vec<usize> = wrong.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 5], "{wrong:?}");
        let problem = told(wrong);
        assert!(
            problem.detail.starts_with("nothing was imported: line 2: id: "),
            "{problem:?}"
        );
        assert_eq!(problem.body()["lines"][2]["line"], 5);
    }

    #[test]
    fn a_table_says_what_its_columns_are() {
        for text in ["", "name,id\na,b\n", "alice,Alice\n", "id\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let users = read("id,name\nalice,\" Alice, A. \"\n").unwrap_or_default();
        assert_eq!((users[0].0, users[0].1.name.as_str()), (2, "Alice, A."));
    }
}
