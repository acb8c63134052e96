//! Passwords are kept as Argon2id strings, checked off the event loop: it takes tens of milliseconds and 19 MiB on purpose.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Passwords that are checked side by side: a flood of sign-ins takes neither all processors nor all memory.
const AT_A_TIME: usize = 2;
/// How long a sign-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hands out the turns to check a password.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Semaphore>);

/// The right to check one.
#[derive(Debug)]
pub struct Turn(OwnedSemaphorePermit);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Turns {
    /// `None` if there are too many before this one.
    pub async fn take(&self) -> Option<Turn> {
        let permit = timeout(PATIENCE, self.0.clone().acquire_owned()).await.ok()?;
        permit.ok().map(Turn)
    }
}

/// The PHC string of a password.
pub fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("default parameters and a fresh salt are valid").to_string()
}

/// The same, off the event loop; `None` if that was broken off.
pub async fn hash_aside(turn: Turn, password: String) -> Option<String> {
    let make = move || {
        let Turn(_permit) = turn;
        hash(&password)
    };
    tokio::task::spawn_blocking(make).await.ok()
}

/// Whether `password` is the one behind `phc`. Takes as long where there is no such administrator.
pub async fn verify(turn: Turn, password: String, phc: Option<String>) -> bool {
    let check = move || {
        // Held to the end of the check, which goes on even where the one who asked has left.
        let Turn(_permit) = turn;
        let phc = phc.unwrap_or_else(|| NOBODY.to_owned());
        PasswordHash::new(&phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    };
    tokio::task::spawn_blocking(check).await.unwrap_or(false)
}

/// The hash of a password that nobody has, so that a name that does not exist cannot be told from a wrong password by the clock.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself() {
        let phc = hash("correct horse");
        assert!(phc.starts_with("$argon2id$"));
        let turns = Turns::default();
        let verify = async |password: &str, phc| verify(turns.take().await.unwrap(), password.into(), phc).await;
        assert!(verify("correct horse", Some(phc.clone())).await);
        assert!(!verify("wrong horse", Some(phc)).await);
        assert!(!verify("", None).await);
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    /// The work of a check is what the hash asks for, and [`verify`] does one check whoever is asked for.
    #[test]
    fn nobody_takes_as_much_work_as_somebody() {
        let somebody = hash("correct horse");
        let work = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(work(NOBODY), work(&somebody));
        let lengths = |phc: &str| phc.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(NOBODY), lengths(&somebody), "salt and digest");
    }

    #[tokio::test(start_paused = true)]
    async fn two_at_a_time_and_others_wait_so_long() {
        let turns = Turns::default();
        let (one, two) = (turns.take().await, turns.take().await);
        assert!(one.is_some() && two.is_some());
        assert!(turns.take().await.is_none(), "a third waits, and is told to come back");
        let waiting = turns.clone();
        let third = tokio::spawn(async move { waiting.take().await });
        drop(one);
        assert!(third.await.unwrap().is_some());
    }
}
