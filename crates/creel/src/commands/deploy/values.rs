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

value!(
    /// A file beside the one that is rendered.
    RelativePath,
    is_relative,
    "give a path of letters, digits and / . _ - @ +, without .. and without / at its beginning"
);
value!(
    /// A model, with its provider.
    Model,
    is_model,
    "give PROVIDER/MODEL, for example openai/gpt-4o-mini"
);
value!(
    /// A directory that a unit may write to, and that is for nothing else.
    DataDirectory,
    is_data_directory,
    "give a directory of its own, such as /var/lib/creel: none of the system's (/, /etc, /usr, /var/lib itself …), and none in /home, /root or \
     /tmp, which the unit does not see"
);
value!(
    /// A number of bytes or of cores, as Kubernetes writes it.
    Quantity,
    is_quantity,
    "give a quantity such as 500m, 1 or 512Mi"
);

fn is_relative(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && is_path(&format!("/{text}"))
}

fn is_model(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:@+".contains(c);
    let named = text
        .split_once('/')
        .is_some_and(|(provider, name)| !provider.is_empty() && !name.is_empty());
    named && text.len() <= 200 && text.chars().all(plain)
}

fn is_quantity(text: &str) -> bool {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let number = digits
        .parse::<f64>()
        .is_ok_and(|number| number > 0.0 && number.is_finite());
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    number && plain && ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&unit)
}

fn is_path(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+".contains(c);
    text.len() <= 4096 && text.starts_with('/') && text.chars().all(plain) && !text.split('/').any(|part| part == "..")
}

/// Everything in these is the system's, or hidden from the unit (`ProtectHome`, `PrivateTmp`, `PrivateDevices`).
const NOT_FOR_DATA: &[&str] = &[
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys",
    "tmp", "usr",
];
/// Many programs have directories in these.
const SHARED: &[&[&str]] = &[
    &["media"],
    &["mnt"],
    &["opt"],
    &["srv"],
    &["var"],
    &["var", "backups"],
    &["var", "cache"],
    &["var", "lib"],
    &["var", "local"],
    &["var", "log"],
    &["var", "opt"],
    &["var", "spool"],
];

fn is_data_directory(text: &str) -> bool {
    let names: Vec<&str> = text.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    let is_of_the_system = match names.as_slice() {
        [] | ["var", "run" | "tmp" | "lock", ..] => true,
        [first, ..] => NOT_FOR_DATA.contains(first),
    };
    is_path(text) && !is_of_the_system && !SHARED.contains(&names.as_slice())
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
        for data in [
            "/var/lib/creel",
            "/var/lib/openclaw/",
            "/srv/creel",
            "/data",
            "/mnt/disk/creel",
            "/opt/creel/data",
        ] {
            assert!(data.parse::<DataDirectory>().is_ok(), "{data}");
        }
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
    fn what_an_instance_elsewhere_is_described_with() {
        assert!("deploy/Dockerfile".parse::<RelativePath>().is_ok() && "openrouter/a/b:free".parse::<Model>().is_ok());
        for quantity in ["1", "0.5", "250m", "2Gi", "512Mi"] {
            assert!(quantity.parse::<Quantity>().is_ok(), "{quantity}");
        }
        for text in ["", "../x", "/x", "a b", "a\"b", "a\nb"] {
            assert!(
                text.parse::<RelativePath>().is_err() && text.parse::<Quantity>().is_err(),
                "{text:?}"
            );
            assert!(text == "../x" || text.parse::<Model>().is_err(), "{text:?}");
        }
        assert!(
            "gpt-4".parse::<Model>().is_err() && "0".parse::<Quantity>().is_err() && "-1".parse::<Quantity>().is_err()
        );
        assert!(
            "1e9".parse::<Quantity>().is_err()
                && "inf".parse::<Quantity>().is_err()
                && "1gb".parse::<Quantity>().is_err()
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
        for data in [
            "/",
            "//",
            "/.",
            "/etc",
            "/etc/",
            "/./etc//creel",
            "/usr",
            "/usr/local/creel",
            "/home",
            "/home/ann/creel",
            "/root",
            "/tmp/creel",
            "/var",
            "/var/lib",
            "/var/lib/.",
            "/var/tmp/creel",
            "/run/creel",
            "/srv",
            "/dev/shm",
            "/proc/1",
            "creel",
            "/data/../etc",
            "",
        ] {
            assert!(data.parse::<DataDirectory>().is_err(), "{data}");
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
