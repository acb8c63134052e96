//! A table of users as a spreadsheet writes it: RFC 4180, with the line each row begins on.

/// A row, and its line in the text, from 1.
pub type Row = (usize, Vec<String>);

/// Rows that are not empty.
///
/// # Errors
/// The line of a quotation that does not end, or goes on after its end.
pub fn rows(text: &str) -> Result<Vec<Row>, (usize, &'static str)> {
    // Spreadsheets begin UTF-8 with a mark that is none of the first cell.
    let mut rest = text.trim_start_matches('\u{feff}').chars().peekable();
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began) = (1, 1);
    loop {
        let next = rest.next();
        match next {
            Some('"') if cell.is_empty() => {
                let opened = line;
                loop {
                    match rest.next() {
                        Some('"') if rest.peek() == Some(&'"') => {
                            rest.next();
                            cell.push('"');
                        }
                        Some('"') => break,
                        Some(other) => {
                            line += usize::from(other == '\n');
                            cell.push(other);
                        }
                        None => return Err((opened, "a quotation mark is not closed")),
                    }
                }
                if !matches!(rest.peek(), None | Some(',' | '\r' | '\n')) {
                    return Err((line, "something follows a closing quotation mark"));
                }
            }
            Some(',') => row.push(std::mem::take(&mut cell)),
            Some('\r') if rest.peek() == Some(&'\n') => {}
            Some('\n') | None => {
                row.push(std::mem::take(&mut cell));
                let whole = std::mem::take(&mut row);
                if whole.iter().any(|cell| !cell.trim().is_empty()) {
                    rows.push((began, whole));
                }
                line += 1;
                began = line;
                if next.is_none() {
                    return Ok(rows);
                }
            }
            Some(other) => cell.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_lines() {
        let text = "\u{feff}id,name\r\n\r\na,\"x \"\"y\"\",\nz\"\nb,\n";
        let found = rows(text).unwrap();
        let shown: Vec<_> = found.iter().map(|(line, row)| (*line, row.join("|"))).collect();
        assert_eq!(
            shown,
            [
                (1, "id|name".to_owned()),
                (3, "a|x \"y\",\nz".to_owned()),
                (5, "b|".to_owned())
            ]
        );
        assert_eq!(rows("").unwrap(), []);
    }

    #[test]
    fn a_broken_quotation_is_found() {
        assert_eq!(rows("a\n\"b\nc").unwrap_err().0, 2);
        assert_eq!(rows("a\n\"b\"c\n").unwrap_err().0, 2);
    }
}
