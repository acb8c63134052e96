//! What people read: tables, durations, a spinner.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// One line of JSON.
pub fn print_json(value: &Value) {
    line(&value.to_string());
}

/// The answer, as JSON where that was asked for.
pub fn print_or(json: bool, value: &Value, otherwise: impl FnOnce()) {
    if json { print_json(value) } else { otherwise() }
}

/// A line on standard output. A reader that went away, as `head` does, is no error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A piece of a text on standard output, as it is. Whether anybody still reads.
pub fn piece(text: &[u8]) -> bool {
    std::io::stdout().write_all(text).is_ok()
}

/// Columns as wide as their widest cell.
pub fn table(header: &[&str], rows: &[Vec<String>]) {
    for text in aligned(header, rows) {
        line(&text);
    }
}

/// A cell as it stands in its line. What others wrote moves no cursor and begins no line of its own.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The lines of a table. Widths are those of a terminal, where a Chinese character takes two places.
fn aligned(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|text| cell(text)).collect())
        .collect();
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let join = |cells: &[&str]| {
        let mut text = String::new();
        for (index, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            if index > 0 {
                text.push_str("  ");
            }
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
        }
        text.trim_end().to_owned()
    };
    let rows = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect::<Vec<_>>());
    std::iter::once(join(header))
        .chain(rows.map(|row| join(&row)))
        .collect()
}

/// `1 core`, `2 cores`
pub fn count(number: impl std::fmt::Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `3d 4h`, `5m 6s`
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// Turns on standard error while something takes long and somebody watches.
pub struct Spinner(Option<ProgressBar>);

impl Spinner {
    pub fn start(json: bool) -> Self {
        if json || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a valid template");
        let bar = ProgressBar::new_spinner().with_style(style);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    pub fn say(&self, message: impl Into<String>) {
        if let Some(bar) = &self.0 {
            bar.set_message(message.into());
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A bar on standard error for work whose length is known.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    pub fn start(what: &'static str, length: usize, json: bool) -> Self {
        if json || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").expect("a valid template");
        let bar = ProgressBar::new(length as u64).with_style(style).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    pub fn advance(&self, by: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(by as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_a_terminal() {
        let rows = [["张三", "1"], ["bo", "2"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&["NAME", "N"], &rows), ["NAME  N", "张三  1", "bo    2"]);
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        let rows = [["a\u{1b}[2Jb\nc", "1"], ["d", "2"]].map(|row| row.map(str::to_owned).to_vec());
        let told = aligned(&["NAME", "N"], &rows);
        assert_eq!(told[1..], [r"a\u{1b}[2Jb\nc  1", "d               2"]);
    }

    #[test]
    fn durations() {
        assert_eq!(
            [duration(5), duration(65), duration(3_700), duration(90_000)],
            ["5s", "1m 5s", "1h 1m", "1d 1h"]
        );
    }
}
