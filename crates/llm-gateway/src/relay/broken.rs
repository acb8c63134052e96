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
};
pub const SILENT: Broken = Broken {
    status: StatusCode::GATEWAY_TIMEOUT,
    code: "stream_silent",
    message: "the provider has been silent for too long",
};
pub const TOO_LONG: Broken = Broken {
    status: StatusCode::GATEWAY_TIMEOUT,
    code: "stream_too_long",
    message: "the reply takes longer than any may",
};
pub const OVERRUN: Broken = Broken {
    status: StatusCode::BAD_GATEWAY,
    code: "stream_overrun",
    message: "the provider says far more than the call allows",
};
pub const GARBAGE: Broken = Broken {
    status: StatusCode::BAD_GATEWAY,
    code: "stream_garbage",
    message: "the provider's stream could not be understood",
};
pub const REVOKED: Broken = Broken {
    status: StatusCode::UNAUTHORIZED,
    code: "invalid_api_key",
    message: "this key was revoked",
};
