//! Of which history a number of the changes is.
//!
//! A database that is restored from a backup counts again from where the backup ended, so the same numbers come to mean other changes. Each
//! opening therefore begins an era: the numbers that it may be the first to give have its tag. A number with its tag is known again only by
//! a database in which it means the same. (Whoever restores a database stops its control planes first.)

use super::sequence::Sequence;
use crate::RecordsError;
use crate::engine::{Engine, query};

/// The tag of numbers from before there were eras.
const FIRST: &str = "0";

/// The numbers to come are of a new era.
pub async fn begin(engine: &Engine) -> Result<(), RecordsError> {
    let mut tag = [0; 8];
    getrandom::fill(&mut tag).expect("the kernel has random bytes");
    let next = Sequence::Changes.last(engine).await? + 1;
    let begun = query(
        "INSERT INTO change_eras (first_number, tag) VALUES (?, ?)
         ON CONFLICT (first_number) DO UPDATE SET tag = excluded.tag",
    );
    let tag = format!("{:016x}", u64::from_be_bytes(tag));
    match begun.bind(next).bind(tag).execute(engine).await {
        // What cannot be written to gives no numbers either.
        Ok(_) | Err(RecordsError::Full(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The tag of the era that a number is of.
pub async fn of(engine: &Engine, number: i64) -> Result<String, RecordsError> {
    let found = query("SELECT tag FROM change_eras WHERE first_number <= ? ORDER BY first_number DESC LIMIT 1");
    let found = found.bind(number).optional(engine).await?;
    found.map_or_else(|| Ok(FIRST.to_owned()), |row| Ok(row.get("tag")?))
}
