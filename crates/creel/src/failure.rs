//! How a command ends when it cannot do what was asked: one line on standard error, and an exit code.

use std::fmt::Display;
use std::process::ExitCode;

/// 2: what was asked makes no sense and nothing was changed; 1: it made sense and did not work.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The user's to mend.
    pub fn bad_input(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: 2,
        }
    }

    pub fn failed(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: 1,
        }
    }

    pub fn from_error(error: impl Display) -> Self {
        Self::failed(error)
    }

    /// With a code that whoever started us waits for.
    pub fn with_code(message: impl Display, code: u8) -> Self {
        Self {
            message: message.to_string(),
            code,
        }
    }

    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            eprintln!("{}", serde_json::json!({"error": self.message, "code": self.code}));
        } else {
            eprintln!("creel: {}", self.message);
        }
        ExitCode::from(self.code)
    }
}
