//! Tables for spreadsheets: RFC 4180.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use creel_http::Problem;

/// Whether `?format=` asks for CSV; JSON is what there is besides.
pub fn wanted(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::unprocessable("format: json or csv")),
    }
}

pub fn answer<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Response {
    let mut text = line(&header);
    for row in rows {
        text.push_str(&line(&row.each_ref().map(String::as_str)));
    }
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response()
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
