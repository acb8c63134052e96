//! Times as the network writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// # Panics
/// If it is before 1970 or after 9999.
pub fn rfc3339(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let at = OffsetDateTime::from_unix_timestamp(seconds.cast_signed()).expect("it is before 9999");
    at.format(&Rfc3339).expect("every time can be written")
}
