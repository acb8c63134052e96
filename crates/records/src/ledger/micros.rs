//! An amount of credits.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

/// Millionths of a credit. Arithmetic saturates: the largest amount is nine million million credits, which no account
/// reaches because no grant may be larger than [`Micros::LARGEST`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    pub const ZERO: Self = Self(0);
    /// The largest amount that one grant or one call may be: a thousand million credits.
    pub const LARGEST: Self = Self(1_000_000_000 * Self::CREDIT);
    const CREDIT: i64 = 1_000_000;

    /// Not below zero.
    #[must_use]
    pub fn at_least_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Add for Micros {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Micros {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Micros {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Micros {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Micros {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Micros {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// In credits, with as many decimals as are needed: `12.5`, `-0.000001`, `3`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (
            self.0.unsigned_abs() / Self::CREDIT.unsigned_abs(),
            self.0.unsigned_abs() % Self::CREDIT.unsigned_abs(),
        );
        let sign = if self.0 < 0 { "-" } else { "" };
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{part:06}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no amount of credits; write for example 10, 2.5 or 0.000001 (six decimals at most)")]
pub struct BadAmount(pub String);

/// Decimal credits; exact, never through a float.
impl FromStr for Micros {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let bad = || BadAmount(text.chars().take(40).collect());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !numeric(whole) || !numeric(part) || part.len() > 6 {
            return Err(bad());
        }
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let part: i64 = format!("{part:0<6}").parse().map_err(|_| bad())?;
        let micros = whole
            .checked_mul(Self::CREDIT)
            .and_then(|micros| micros.checked_add(part))
            .ok_or_else(bad)?;
        Ok(Self(if negative { -micros } else { micros }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_exactly() {
        for (micros, text) in [
            (0, "0"),
            (1, "0.000001"),
            (-1, "-0.000001"),
            (2_500_000, "2.5"),
            (-10_000_000, "-10"),
            (1_000_000_123_456, "1000000.123456"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
            assert_eq!(text.parse(), Ok(Micros(micros)));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1e3",
            "1.0000001",
            "+1",
            "--1",
            "1 ",
            "NaN",
            "99999999999999",
            "１",
        ] {
            assert!(text.parse::<Micros>().is_err(), "{text:?}");
        }
    }
}
