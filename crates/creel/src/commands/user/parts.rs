//! A table that is longer than the backend takes at once, in parts that it takes: each with the first line, and none with half a row.

use std::collections::HashMap;

/// Rows of a part. The backend takes up to 10,000; more parts are more steps of the progress bar.
const ROWS: usize = 2_000;

/// A part of a table, and where its rows begin in the whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub text: String,
    pub rows: usize,
    /// Of its first row, from 1.
    line: usize,
}

impl Part {
    /// The line in the whole table of a line in this part.
    pub fn line_of(&self, line: usize) -> usize {
        if line < 2 { line } else { self.line + line - 2 }
    }
}

/// The parts of a table: one, where the backend takes it whole.
pub fn of(table: &str, whole: usize) -> Vec<Part> {
    let mut rows = rows(table);
    let header = rows.next().map_or("", |(_, row)| row);
    let rows: Vec<(usize, &str)> = rows.filter(|(_, row)| !row.trim().is_empty()).collect();
    let size = if rows.len() > whole { ROWS } else { rows.len().max(1) };
    if size >= rows.len() {
        let part = Part {
            text: table.to_owned(),
            rows: rows.len(),
            line: 2,
        };
        return vec![part];
    }
    let part = |rows: &[(usize, &str)]| {
        let (mut text, first) = (header.to_owned(), rows[0].0);
        let mut line = first;
        for (at, row) in rows {
            // Lines that were left out because they are empty count all the same.
            text.extend(std::iter::repeat_n('\n', at - line));
            text.push_str(row);
            line = at + row.matches('\n').count();
        }
        Part {
            text,
            rows: rows.len(),
            line: first,
        }
    };
    rows.chunks(size).map(part).collect()
}

/// Ids that stand in two rows, by their lines. The backend sees one part at a time.
pub fn twice(table: &str) -> Vec<(usize, String)> {
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for (line, row) in rows(table).skip(1) {
        let id = row
            .split(',')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('"')
            .trim();
        if id.is_empty() {
            continue;
        }
        if let Some(before) = seen.insert(id, line) {
            found.push((line, format!("id: {id} is in line {before} too")));
        }
    }
    found
}

/// Rows with their line ends, and the lines they begin on. A line end in quotation marks is a part of its cell (RFC 4180).
fn rows(table: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut rest, mut line) = (table, 1);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut quoted = false;
        let end = rest.char_indices().find_map(|(at, c)| {
            quoted ^= c == '"';
            (c == '\n' && !quoted).then_some(at + 1)
        });
        let (row, after) = rest.split_at(end.unwrap_or(rest.len()));
        let began = line;
        line += row.matches('\n').count();
        rest = after;
        Some((began, row))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_table_stays_as_it_is() {
        let table = "id,name\nalice,\"A\nB\"\n";
        let parts = of(table, 10);
        assert_eq!((parts.len(), parts[0].rows, &*parts[0].text), (1, 1, table));
        assert_eq!(parts[0].line_of(2), 2);
        assert_eq!(of("", 10)[0].rows, 0);
    }

    #[test]
    fn a_long_one_is_parted_between_rows_and_lines_are_found_again() {
        let mut table = "id,name\r\n".to_owned();
        for row in 0..ROWS + 2 {
            table.push_str(&format!("u{row},\"two\nlines\"\n\n"));
        }
        let parts = of(&table, ROWS);
        assert_eq!(parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [ROWS, 2]);
        assert!(parts[1].text.starts_with("id,name\r\nu2000,"));
        // Three lines a row, after the first one; the second row of the part begins on its line 5.
        assert_eq!(parts[1].line_of(2), 2 + ROWS * 3);
        let second = parts[1]
            .text
            .lines()
            .position(|line| line.starts_with("u2001"))
            .unwrap()
            + 1;
        assert_eq!(
            table.lines().position(|line| line.starts_with("u2001")).unwrap() + 1,
            parts[1].line_of(second)
        );
    }

    #[test]
    fn ids_that_stand_twice_are_found_across_parts() {
        assert_eq!(
            twice("id,name\na,1\n\"b\",2\n\n a ,3\nb,4\n"),
            [
                (5, "id: a is in line 2 too".to_owned()),
                (6, "id: b is in line 3 too".to_owned())
            ]
        );
    }
}
