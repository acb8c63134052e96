//! How a command ends when it cannot do what was asked: one line on standard error, and an exit code.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use serde_json::{Value, json};

/// 2: what was asked makes no sense and nothing was changed; 1: it made sense and did not work.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
    /// What is wrong with each line of a table: `{"line","detail"}`.
    lines: Vec<Value>,
}

impl Failure {
    /// The user's to mend.
    pub fn bad_input(message: impl Display) -> Self {
        Self::with_code(message, 2)
    }

    /// Where to listen was said with `option`.
    pub fn cannot_listen(address: SocketAddr, error: &io::Error, option: &str) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::AddrInUse => format!("{address} is in use by another program"),
            _ => format!("cannot listen on {address}: {error}"),
        };
        Self::bad_input(format!("{reason}; choose another with {option}"))
    }

    pub fn failed(message: impl Display) -> Self {
        Self::with_code(message, 1)
    }

    pub fn from_error(error: impl Display) -> Self {
        Self::failed(error)
    }

    /// With a code that whoever started us waits for.
    pub fn with_code(message: impl Display, code: u8) -> Self {
        Self {
            message: message.to_string(),
            code,
            lines: Vec::new(),
        }
    }

    /// The same, about these lines of a table.
    #[must_use]
    pub fn with_lines(mut self, lines: &Value) -> Self {
        self.lines = lines.as_array().cloned().unwrap_or_default();
        self
    }

    /// Lines of a table, from 1, and what is wrong with each.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().filter_map(|told| {
            let line = usize::try_from(told["line"].as_u64()?).ok()?;
            Some((line, told["detail"].as_str()?))
        })
    }

    /// The same, after what was done before it.
    #[must_use]
    pub fn after(mut self, done: impl Display) -> Self {
        self.message = format!("{done}: {}", self.message);
        self
    }

    /// The same in other words, where there are any.
    #[must_use]
    pub fn retold(mut self, tell: impl FnOnce(&str) -> Option<String>) -> Self {
        if self.is_bad_input()
            && let Some(told) = tell(&self.message)
        {
            self.message = told;
        }
        self
    }

    pub fn is_bad_input(&self) -> bool {
        self.code == 2
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            let mut error = json!({"error": self.message, "code": self.code});
            if !self.lines.is_empty() {
                error["lines"] = self.lines.clone().into();
            }
            eprintln!("{error}");
        } else {
            eprintln!("creel: {}", self.message);
        }
        ExitCode::from(self.code)
    }
}
