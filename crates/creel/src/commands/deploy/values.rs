//! What may stand in a rendered file. Each of these languages has characters that end a value or begin another: none of them is let in,
//! rather than quoted in four ways.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A value of a kind, checked when it was parsed.
macro_rules! value {
    ($(#[$doc:meta])* $name:ident, $is:path, $must:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if $is(text) { Ok(Self(text.to_owned())) } else { Err($must) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

value!(
    /// A file or directory.
    AbsolutePath,
    is_path,
    "give an absolute path of letters, digits and / . _ - @ +, without .."
);
value!(
    /// A name in the DNS (RFC 1123), or an IP address.
    Host,
    is_host,
    "give a host's name, such as gateway.example.com"
);
value!(
    /// A host and a port.
    Target,
    is_target,
    "give a host and a port, such as 10.0.0.5:18789 or [fd00::5]:18789"
);
value!(
    /// A user or group of the system.
    Account,
    is_account,
    "give a name of up to 32 lower-case letters, digits, - and _, beginning with a letter"
);
value!(
    /// A container's image.
    Image,
    is_image,
    "give an image such as registry.example.com/creel:1.2"
);
value!(
    /// An IP address and a port of this host.
    Address,
    is_address,
    "give an IP address and a port, such as 127.0.0.1:18789"
);

fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+".contains(c);
    text.len() <= 4096 && text.starts_with('/') && text.chars().all(plain) && !text.split('/').any(|part| part == "..")
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn is_target(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()),
        None => is_host(host),
    };
    is_host && is_port(port)
}

fn is_address(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_account(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

fn is_image(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@".contains(c);
    text.len() <= 255 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_in() {
        assert!("/etc/openclaw/config.json".parse::<AbsolutePath>().is_ok());
        for host in ["gateway1", "gateway.example.com", "10.0.0.5"] {
            assert!(
                host.parse::<Host>().is_ok() && format!("{host}:1").parse::<Target>().is_ok(),
                "{host}"
            );
        }
        assert!("[::1]:18789".parse::<Target>().is_ok() && "0.0.0.0:18789".parse::<Address>().is_ok());
        assert!("openclaw".parse::<Account>().is_ok() && "_www-data1".parse::<Account>().is_ok());
        assert!(
            "registry.example.com:5000/a/creel:1.2@sha256:0f"
                .parse::<Image>()
                .is_ok()
        );
    }

    #[test]
    fn what_would_end_a_value_and_begin_another_is_not() {
        for text in [
            "", " ", "a b", "a\nb", "a;b", "a{b", "a}b", "a\"b", "a'b", "a$b", "a%b", "a\\b", "a#b", "a,b", "a]b", "é",
            "a\tb",
        ] {
            assert!(text.parse::<AbsolutePath>().is_err(), "{text:?}");
            assert!(format!("/{text}\u{0}").parse::<AbsolutePath>().is_err());
            assert!(
                text.is_empty() || format!("/{text}").parse::<AbsolutePath>().is_err(),
                "{text:?}"
            );
            assert!(text.parse::<Host>().is_err(), "{text:?}");
            assert!(format!("{text}:1").parse::<Target>().is_err(), "{text:?}");
            assert!(text.parse::<Account>().is_err(), "{text:?}");
            assert!(text.parse::<Image>().is_err(), "{text:?}");
            assert!(
                format!("127.0.0.1:1{text}").parse::<Address>().is_err() || text.is_empty(),
                "{text:?}"
            );
        }
        for path in ["etc", "/a/../b", "/a:b", "~/x"] {
            assert!(path.parse::<AbsolutePath>().is_err(), "{path}");
        }
        for target in [
            "host",
            "host:0",
            "host:65536",
            "host:+1",
            "-a:1",
            "a..b:1",
            "::1:1",
            "[10.0.0.1]:1",
        ] {
            assert!(target.parse::<Target>().is_err(), "{target}");
        }
        assert!("Root".parse::<Account>().is_err() && "a".repeat(33).parse::<Account>().is_err());
    }
}
