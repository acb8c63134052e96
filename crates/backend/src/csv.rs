//! Tables for spreadsheets: RFC 4180.

use std::error::Error;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use creel_http::Problem;
use futures_util::{Stream, StreamExt as _, stream};

/// Whether `?format=` asks for CSV; JSON is what there is besides.
pub fn wanted(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::unprocessable("format: json or csv")),
    }
}

pub fn answer<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Response {
    let text: String = std::iter::once(line(&header)).chain(rows.map(row)).collect();
    told(Body::from(text))
}

/// As [`answer`], of more rows than are held in memory. Where some cannot be had the answer breaks off, and is not taken for all of them.
pub fn stream<const N: usize, E>(
    header: [&str; N],
    parts: impl Stream<Item = Result<Vec<[String; N]>, E>> + Send + 'static,
) -> Response
where
    E: Error + Send + Sync + 'static,
{
    let header = stream::iter([Ok(line(&header))]);
    let parts = parts.map(|part| part.map(|rows| rows.into_iter().map(row).collect::<String>()));
    told(Body::from_stream(header.chain(parts)))
}

fn told(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response()
}

fn row<const N: usize>(row: [String; N]) -> String {
    line(&row.each_ref().map(String::as_str))
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A text that a spreadsheet would run as a formula gets an apostrophe: <https://owasp.org/www-community/attacks/CSV_Injection>.
/// Amounts may begin with a minus.
fn quoted(cell: &str) -> String {
    let number = cell
        .trim_start_matches('-')
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_a_formula() {
        assert_eq!(
            line(&["a", "-1.5", "say \"hi\", now", ""]),
            "a,-1.5,\"say \"\"hi\"\", now\",\r\n"
        );
        assert_eq!(line(&["=1+1", "-x", "@a"]), "'=1+1,'-x,'@a\r\n");
    }
}
