//! How the table of o200k_base lies in memory; `build.rs` writes what `ranks` reads.
//!
//! First the rank of each of the 256 bytes, a `u32` each. Then the slots of a hash table with linear probing, seven bytes each: a pair of tokens and
//! the token that they become, or zero. All little-endian.

/// Where the slots begin.
pub const SLOTS: usize = 4 * 256;
/// How many there are; of six, five are taken.
pub const COUNT: usize = 240_000;
/// Bytes of a slot.
pub const SLOT: usize = 7;
/// A rank has so many bits. A slot has a pair, and in the lowest bits a rank and one, so that none is zero.
pub const BITS: u32 = 18;

/// A pair of tokens, as what a slot is looked for by.
pub fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << BITS | u64::from(right)
}

/// Where to begin to look. Nobody can choose the pairs that are there, so this need not be a secret.
pub fn place(pair: u64) -> usize {
    /// 2^64 divided by the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let spread = u128::from(pair.wrapping_mul(SPREAD));
    // The high half of the product: https://lemire.me/blog/2016/06/27/a-fast-alternative-to-the-modulo-reduction/
    ((spread * COUNT as u128) >> u64::BITS) as usize
}

/// The pair and the rank of a slot that is taken.
pub fn parts(slot: u64) -> (u64, u32) {
    (slot >> BITS, (slot & ((1 << BITS) - 1)) as u32 - 1)
}
