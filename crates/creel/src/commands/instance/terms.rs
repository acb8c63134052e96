//! What an instance may use and what becomes of it when it has nothing to do, as the command line says it.

use creel_records::Idle;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::size;

/// Bytes.
pub fn memory(text: Option<&str>) -> Result<Option<u64>, Failure> {
    let parse = |text: &str| {
        let wrong = || Failure::bad_input(format!("--memory {text}: give a size such as 512m or 2g"));
        size::parse(text).ok_or_else(wrong)
    };
    text.map(parse).transpose()
}

/// A number of cores; the backend knows how many there may be.
pub fn cores(text: Option<&str>) -> Result<Option<f64>, Failure> {
    let parse = |text: &str| {
        let number = text
            .parse()
            .ok()
            .filter(|cores: &f64| cores.is_finite() && *cores > 0.0);
        number.ok_or_else(|| Failure::bad_input(format!("--cpus {text}: give a number of cores above 0, such as 0.5")))
    };
    text.map(parse).transpose()
}

/// A limit that is changed: null where the word `none` takes it away.
pub fn change<T: Serialize>(
    text: Option<&str>,
    parse: impl Fn(Option<&str>) -> Result<Option<T>, Failure>,
) -> Result<Option<Value>, Failure> {
    match text {
        Some("none") => Ok(Some(Value::Null)),
        text => Ok(parse(text)?.map(|limit| json!(limit))),
    }
}

/// As the REST API has it.
pub fn idle(text: Option<&str>) -> Result<Option<Value>, Failure> {
    let parse = |text: &str| match text.parse::<Idle>() {
        Ok(idle) => Ok(json!(idle)),
        Err(error) => Err(Failure::bad_input(format!("--idle: {error}"))),
    };
    text.map(parse).transpose()
}
