//! What is to go into HTTP requests: addresses, names and values of headers. Checked where they are read, so that a slip is told at its
//! place, and not by the first turn that fails of it. A problem goes on from the name of the setting, and quotes nothing: there may be a
//! secret in it.

/// Whether a text is the address of a server.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_address(text: &str) -> Result<(), &'static str> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or("must begin with http:// or https://")?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has a blank in it, which no address has");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    // An IPv6 address has colons of its own, in brackets.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (server, ""),
    };
    if host.is_empty() {
        return Err("names no server");
    }
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return Err("has a port that is none; ports are numbers up to 65535");
    }
    Ok(())
}

/// Whether a text can name a header (RFC 9110, section 5.6.2, "token").
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_header_name(text: &str) -> Result<(), &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(())
    } else {
        Err("cannot name a header")
    }
}

/// Whether a text can be the value of a header (RFC 9110, section 5.5).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_header_value(text: &str) -> Result<(), &'static str> {
    if text.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control()) {
        Ok(())
    } else {
        Err("has characters that no HTTP header may have, such as a line break")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "http://h",
            "https://models.example.com/v1",
            "http://127.0.0.1:8080",
            "http://[::1]",
            "http://[::1]:80/v1",
            "http://user:secret@h:1/x",
            "http://模型.example/v1",
            "http://h:/v1",
        ] {
            assert_eq!(check_address(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "h:80",
            "ftp://h",
            "http://",
            "http:///v1",
            "http://:80",
            "http://h:65536",
            "http://h:x/",
            "http://a b/",
            "http://h\n",
        ] {
            assert!(check_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers() {
        assert!(check_header_name("X-Api-Key").is_ok() && check_header_value("Bearer 密钥\t1").is_ok());
        for name in ["", "a b", "a:", "名"] {
            assert!(check_header_name(name).is_err(), "{name}");
        }
        for value in ["a\nb", "a\rb", "a\0", "\u{7f}"] {
            assert!(check_header_value(value).is_err(), "{value:?}");
        }
    }
}
