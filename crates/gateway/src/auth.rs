//! Who is asking: a bearer token, compared in constant time, throttled after failures.

use std::net::IpAddr;

use creel_config::{AuthMode, GatewayConfig, Secret};
use creel_session::UserId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use creel_http::{Problem, Throttle};

/// The user of a gateway that serves one person.
pub fn owner() -> UserId {
    UserId::new("owner").expect("a valid id")
}

/// What is accepted. Only the hash is kept.
pub enum Credentials {
    Open,
    Secret {
        sha256: [u8; 32],
        /// Too long to guess: the right one is let in even while its address is locked out, so that a stranger behind the same
        /// proxy cannot lock everybody out.
        unguessable: bool,
    },
}

/// Characters from which on a token counts as unguessable (32 hexadecimal digits are 128 bits).
const UNGUESSABLE: usize = 32;

impl Credentials {
    pub fn new(config: &GatewayConfig) -> Self {
        let auth = &config.gateway.auth;
        let secret: Option<&Secret> = match auth.mode {
            AuthMode::None => None,
            AuthMode::Token => auth.token.as_ref(),
            AuthMode::Password => auth.password.as_ref(),
        };
        match secret {
            Some(secret) => Self::Secret {
                sha256: Sha256::digest(secret.expose()).into(),
                unguessable: secret.expose().len() >= UNGUESSABLE,
            },
            None => Self::Open,
        }
    }

    /// Whether everybody is let in who can connect.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    fn accepts(&self, presented: &str) -> bool {
        match self {
            Self::Open => true,
            Self::Secret { sha256, .. } => {
                let digest: [u8; 32] = Sha256::digest(presented).into();
                digest.ct_eq(sha256).into()
            }
        }
    }

    /// Lets a request in, or says why not.
    pub fn authenticate(&self, bearer: Option<&str>, peer: IpAddr, throttle: &Throttle) -> Result<(), Problem> {
        let Self::Secret { unguessable, .. } = self else {
            return Ok(());
        };
        let accepted = bearer.is_some_and(|token| self.accepts(token));
        if let Some(remaining) = throttle.locked_out(peer)
            && !(accepted && *unguessable)
        {
            return Err(Problem::too_many(
                "too_many_failures",
                "too many wrong tokens from this address",
                remaining,
            ));
        }
        if accepted {
            return Ok(());
        }
        // A request without any token is a mistake, not a guess.
        if bearer.is_some() {
            throttle.failed(peer);
        }
        Err(Problem::unauthorized(
            "send this gateway's token as `Authorization: Bearer <token>`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";
    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn credentials(token: &str) -> Credentials {
        Credentials::Secret {
            sha256: Sha256::digest(token).into(),
            unguessable: token.len() >= UNGUESSABLE,
        }
    }

    fn status(result: Result<(), Problem>) -> u16 {
        result.map_or_else(|error| error.status.as_u16(), |_| 200)
    }

    #[test]
    fn the_right_token_only() {
        let (credentials, throttle) = (credentials(LONG), Throttle::default());
        let ask = |bearer| status(credentials.authenticate(bearer, PEER, &throttle));
        assert_eq!(
            [ask(Some(LONG)), ask(Some(&LONG[1..])), ask(Some("")), ask(None)],
            [200, 401, 401, 401]
        );
    }

    #[test]
    fn guessing_is_throttled_by_address() {
        let (credentials, throttle) = (credentials("short"), Throttle::default());
        for _ in 0..10 {
            assert_eq!(status(credentials.authenticate(Some("guess"), PEER, &throttle)), 401);
        }
        let refused = credentials.authenticate(Some("short"), PEER, &throttle).unwrap_err();
        assert_eq!(refused.status.as_u16(), 429);
        assert!(refused.retry_after.is_some());
        let elsewhere = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(
            status(credentials.authenticate(Some("short"), elsewhere, &throttle)),
            200
        );
    }

    #[test]
    fn nobody_is_locked_out_of_a_long_token() {
        let (credentials, throttle) = (credentials(LONG), Throttle::default());
        for _ in 0..10 {
            assert_eq!(status(credentials.authenticate(Some("guess"), PEER, &throttle)), 401);
        }
        assert_eq!(status(credentials.authenticate(Some("guess"), PEER, &throttle)), 429);
        assert_eq!(status(credentials.authenticate(Some(LONG), PEER, &throttle)), 200);
    }
}
