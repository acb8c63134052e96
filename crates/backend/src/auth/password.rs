//! Passwords are kept as Argon2id strings, checked off the event loop: it takes tens of milliseconds on purpose.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// The PHC string of a password.
pub fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("default parameters and a fresh salt are valid").to_string()
}

/// Whether `password` is the one behind `phc`. Takes as long where there is no such administrator.
pub async fn verify(password: String, phc: Option<String>) -> bool {
    let check = move || {
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
        assert!(verify("correct horse".into(), Some(phc.clone())).await);
        assert!(!verify("wrong horse".into(), Some(phc)).await);
        assert!(!verify(String::new(), None).await);
        assert!(PasswordHash::new(NOBODY).is_ok());
    }
}
