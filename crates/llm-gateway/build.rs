//! Writes the table of OpenAI's tokenizer o200k_base as `tokens::ranks` reads it, out of the crate `tiktoken`, which carries it. Made here and
//! not when it is first needed, because a table that is a part of the binary takes no time to load, and no memory but the pages that are looked at.
//!
//! The tokens are given as texts. Whatever the text around it, a token comes of one pair of tokens only, the last that is merged when its text is
//! encoded alone: these pairs are the table.

#[path = "src/tokens/layout.rs"]
mod layout;

use std::collections::HashMap;
use std::path::Path;

use layout::{BITS, COUNT, SLOT, SLOTS, pair, parts, place};

/// Without those that have a meaning of their own (`<|endoftext|>`).
const TOKENS: u32 = 199_998;

type Ranks = HashMap<Vec<u8>, u32>;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokens/layout.rs");
    let tokenizer = tiktoken::get_encoding("o200k_base").expect("the crate has it");
    let ranks: Ranks = (0..TOKENS).map(|rank| (tokenizer.decode(&[rank]), rank)).collect();
    let mut table: Vec<u8> = (0..=u8::MAX)
        .flat_map(|byte| ranks[&[byte][..]].to_le_bytes())
        .collect();
    assert_eq!(table.len(), SLOTS);
    let mut slots = vec![0_u64; COUNT];
    for (text, rank) in &ranks {
        if text.len() > 1 {
            let [left, right] = last_pair(&ranks, text, *rank);
            let pair = pair(left, right);
            let mut at = place(pair);
            while slots[at] != 0 {
                at = (at + 1) % COUNT;
            }
            slots[at] = pair << BITS | u64::from(rank + 1);
            assert_eq!(parts(slots[at]), (pair, *rank), "what is written can be read");
        }
    }
    table.extend(slots.iter().flat_map(|slot| slot.to_le_bytes().into_iter().take(SLOT)));
    let out = std::env::var_os("OUT_DIR").expect("cargo says where");
    std::fs::write(Path::new(&out).join("o200k_base"), table).expect("it can be written to");
}

/// The two tokens that are left when all pairs of a lower rank than the token's own are merged.
fn last_pair(ranks: &Ranks, text: &[u8], token: u32) -> [u32; 2] {
    let rank = |from: usize, to: usize| ranks.get(&text[from..to]).copied();
    let splits = (1..text.len()).filter_map(|at| Some([rank(0, at)?, rank(at, text.len())?]));
    let mut splits = splits.filter(|split| split.iter().all(|part| *part < token));
    if let (Some(only), None) = (splits.next(), splits.next()) {
        return only;
    }
    let mut ends: Vec<usize> = (0..=text.len()).collect();
    loop {
        let pairs = ends.windows(3).enumerate();
        let pairs = pairs.filter_map(|(at, ends)| Some((rank(ends[0], ends[2])?, at)));
        match pairs.filter(|(rank, _)| *rank < token).min() {
            Some((_, at)) => ends.remove(at + 1),
            None => break,
        };
    }
    let [begin, middle, end] = ends[..] else {
        panic!("token {token} is not made of two");
    };
    [(begin, middle), (middle, end)].map(|(from, to)| rank(from, to).expect("it is a token"))
}
