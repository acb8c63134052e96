//! Why a reply ends before its end, and what its client is told then.

use bytes::Bytes;
use http::StatusCode;

use crate::refusal::error_event;
use crate::style::Style;

/// Why a reply ends before its end.
pub struct Broken {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: &'static str,
    /// By the provider's fault alone: a slow client can make a reply too long.
    pub is_providers: bool,
}

impl Broken {
    /// What a client of this style is told.
    pub fn event(&self, client: Style) -> Bytes {
        error_event(client, self.status, self.code, self.message)
    }
}

pub const CUT: Broken = Broken {
    status: StatusCode::BAD_GATEWAY,
    code: "stream_broken",
    message: "the provider's reply broke off",
    is_providers: true,
};
pub const SILENT: Broken = Broken {
    status: StatusCode::GATEWAY_TIMEOUT,
    code: "stream_silent",
    message: "the provider has been silent for too long",
    is_providers: true,
};
pub const TOO_LONG: Broken = Broken {
    status: StatusCode::GATEWAY_TIMEOUT,
    code: "stream_too_long",
    message: "the reply takes longer than any may",
    is_providers: false,
};
pub const OVERRUN: Broken = Broken {
    status: StatusCode::BAD_GATEWAY,
    code: "stream_overrun",
    message: "the provider says far more than the call allows",
    is_providers: true,
};
pub const GARBAGE: Broken = Broken {
    status: StatusCode::BAD_GATEWAY,
    code: "stream_garbage",
    message: "the provider's stream could not be understood",
    is_providers: true,
};
pub const REVOKED: Broken = Broken {
    status: StatusCode::UNAUTHORIZED,
    code: "invalid_api_key",
    message: "this key was revoked",
    is_providers: false,
};
