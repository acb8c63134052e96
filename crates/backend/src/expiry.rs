//! `expires_at` of a request: a day or a moment, in milliseconds since the Unix epoch.

use creel_http::{Problem, moment};
use creel_records::now_ms;

/// # Errors
/// 422.
pub fn at(text: &str) -> Result<i64, Problem> {
    moment(text).map_err(|reason| Problem::unprocessable(format!("expires_at: {reason}")))
}

/// Of what is made now: it must have a time before it.
///
/// # Errors
/// 422.
pub fn to_come(text: &str) -> Result<i64, Problem> {
    let at = at(text)?;
    if at <= now_ms() {
        return Err(Problem::unprocessable(format!("expires_at: {text} has passed")));
    }
    Ok(at)
}
