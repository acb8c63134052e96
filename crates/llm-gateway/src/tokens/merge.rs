//! Byte pair encoding of one piece: of all neighbours that become one token, those of the lowest rank do, until there are none. With a heap, so that a
//! piece without end (a megabyte of one letter) takes no longer for its size than a word.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ranks;

/// Memory that is used for one piece after the other.
#[derive(Default)]
pub struct Merger {
    /// By the byte with which it begins; those that begin within another are void.
    parts: Vec<Part>,
    /// The lowest rank first, of these the leftmost.
    pairs: BinaryHeap<Reverse<Pair>>,
}

#[derive(Clone, Copy)]
struct Part {
    token: u32,
    /// Where it ends; zero if it is void.
    end: u32,
    /// Where the one before it begins.
    before: u32,
}

/// Neighbours, and what they become.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    rank: u32,
    begin: u32,
    middle: u32,
    end: u32,
}

impl Merger {
    /// Tokens of a piece below 4 GiB.
    pub fn count(&mut self, piece: &[u8]) -> u64 {
        self.parts.clear();
        self.parts.extend((0..).zip(piece).map(|(at, byte): (u32, _)| Part {
            token: ranks::of_byte(*byte),
            end: at + 1,
            before: at.saturating_sub(1),
        }));
        let mut count = self.parts.len() as u64;
        for begin in 0..self.parts.len() as u32 {
            self.offer(begin);
        }
        while let Some(Reverse(pair)) = self.pairs.pop() {
            if self.merge(pair) {
                count -= 1;
            }
        }
        count
    }

    /// Whether both were still there.
    fn merge(&mut self, pair: Pair) -> bool {
        let Pair {
            rank,
            begin,
            middle,
            end,
        } = pair;
        if self.part(begin).end != middle || self.part(middle).end != end {
            return false;
        }
        self.part(begin).token = rank;
        self.part(begin).end = end;
        self.part(middle).end = 0;
        if (end as usize) < self.parts.len() {
            self.part(end).before = begin;
            self.offer(begin);
        }
        if begin > 0 {
            let before = self.part(begin).before;
            self.offer(before);
        }
        true
    }

    /// Notes what the part that begins here and the one behind it become.
    fn offer(&mut self, begin: u32) {
        let Part { token, end: middle, .. } = *self.part(begin);
        let Some(next) = self.parts.get(middle as usize) else {
            return;
        };
        if let Some(rank) = ranks::merged(token, next.token) {
            self.pairs.push(Reverse(Pair {
                rank,
                begin,
                middle,
                end: next.end,
            }));
        }
    }

    fn part(&mut self, begin: u32) -> &mut Part {
        &mut self.parts[begin as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tokens_text_is_one_token() {
        let tokenizer = tiktoken::get_encoding("o200k_base").unwrap();
        let mut merger = Merger::default();
        for token in 0..199_998 {
            let text = tokenizer.decode(&[token]);
            assert_eq!(merger.count(&text), 1, "{:?}", String::from_utf8_lossy(&text));
        }
        assert_eq!(merger.count(b""), 0);
    }
}
