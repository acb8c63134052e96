//! The name of one model call.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::now_ms;

/// The id under which a call is settled, once. Ids that are made later sort later, so that the index they are kept in
/// grows at its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u128);

impl RequestId {
    /// A new one: 48 bits of milliseconds, 40 bits that are random once a process, 40 bits that count.
    #[must_use]
    pub fn new() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        const BITS: u64 = (1 << 40) - 1;
        let process = *PROCESS.get_or_init(|| {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("the system gives random bytes");
            u64::from_ne_bytes(random) & BITS
        });
        let count = COUNT.fetch_add(1, Ordering::Relaxed) & BITS;
        let ms = u128::from(now_ms().unsigned_abs()) & ((1 << 48) - 1);
        Self(ms << 80 | u128::from(process) << 40 | u128::from(count))
    }

    /// As it is kept in a database: big-endian, so that bytes sort as the ids do.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// As it is told: hexadecimal.
    #[must_use]
    #[inline]
    pub fn digits(self) -> [u8; 32] {
        std::array::from_fn(|at| b"0123456789abcdef"[(self.0 >> (124 - 4 * at)) as usize & 15])
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?.fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RequestId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_grow_and_come_back_from_their_text() {
        let ids: Vec<_> = (0..1000).map(|_| RequestId::new()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.to_string().parse() == Ok(*id)));
    }
}
