//! A user's tokens in one column: 40 bytes each, of which 32 are the SHA-256 and 8 the time of expiry, 0 for none.

use super::super::wire::Token;

pub fn pack(tokens: &[Token]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tokens.len() * 40);
    for token in tokens {
        bytes.extend(token.sha256);
        bytes.extend(token.expires_at.unwrap_or_default().to_be_bytes());
    }
    bytes
}

pub fn unpack(bytes: &[u8]) -> Vec<Token> {
    let token = |bytes: &[u8]| {
        let (sha256, expires_at) = bytes.split_at(32);
        Some(Token {
            sha256: sha256.try_into().ok()?,
            expires_at: Some(i64::from_be_bytes(expires_at.try_into().ok()?)).filter(|at| *at != 0),
        })
    };
    bytes.chunks_exact(40).filter_map(token).collect()
}
