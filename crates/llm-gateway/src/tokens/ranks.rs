//! The table of o200k_base: which pairs of tokens are one, and how early they become it. A part of the binary: see `build.rs`.

use super::layout::{COUNT, SLOT, SLOTS, pair, parts, place};

static TABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base"));

/// The token of one byte.
pub fn of_byte(byte: u8) -> u32 {
    let at = 4 * usize::from(byte);
    u32::from_le_bytes(*TABLE[at..].first_chunk().expect("within the table"))
}

/// The token that the two become, if they do: the lower, the earlier.
pub fn merged(left: u32, right: u32) -> Option<u32> {
    let wanted = pair(left, right);
    let mut at = place(wanted);
    loop {
        let mut slot = [0; 8];
        slot[..SLOT].copy_from_slice(&TABLE[SLOTS + SLOT * at..][..SLOT]);
        let slot = u64::from_le_bytes(slot);
        if slot == 0 {
            return None;
        }
        let (pair, rank) = parts(slot);
        if pair == wanted {
            return Some(rank);
        }
        at = (at + 1) % COUNT;
    }
}
