//! Sizes in bytes as people write and read them.

/// `4.2 MiB`
pub fn show(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

/// Bytes of `512m`, `2g`, `1.5GiB` or a plain number.
pub fn parse(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    let value: f64 = digits.trim().parse().ok()?;
    let bytes = value * factor as f64;
    (value.is_finite() && bytes >= 1.0).then_some(bytes as u64)
}

/// A limit of memory as an option of the command line has it: a size, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<u64>);

impl std::str::FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            text => match parse(text) {
                Some(bytes) if creel_fleet::MEMORY_LIMITS.contains(&bytes) => Ok(Self(Some(bytes))),
                Some(_) => Err("it must be between 16m and 65536g, or none"),
                None => Err("give a size such as 512m or 2g, or none"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        assert_eq!(
            [show(900), show(4_404_019), show(3 << 30)],
            ["900 B", "4.2 MiB", "3.0 GiB"]
        );
        assert_eq!(parse("512m"), Some(512 << 20));
        assert_eq!(parse("1.5GiB"), Some(3 << 29));
        for bad in ["", "m", "-1g", "12x", "0", "nan"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!("2g".parse(), Ok(Limit(Some(2 << 30))));
        assert_eq!("none".parse(), Ok(Limit(None)));
        for bad in ["much", "512", "65537g"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }
}
