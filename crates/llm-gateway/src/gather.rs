//! Pieces of a reply that came together, to be written together: a provider's connection hands its pieces on one by one, and a write
//! to the client costs far more than a copy of some hundred bytes.

use bytes::{Bytes, BytesMut};

/// More is not gathered: what is there is written first.
const MOST: usize = 64 * 1024;

/// Pieces in their order. One alone is not copied.
#[derive(Default)]
pub struct Gather {
    first: Bytes,
    all: BytesMut,
}

impl Gather {
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(4 * (self.first.len() + piece.len()));
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn is_full(&self) -> bool {
        self.len() >= MOST
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    pub fn take(&mut self) -> Bytes {
        if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            self.all.split().freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_one_alone_is_not_copied() {
        let mut gather = Gather::default();
        let alone = Bytes::from_static(b"alone");
        gather.push(Bytes::new());
        gather.push(alone.clone());
        gather.push(Bytes::new());
        assert_eq!(gather.take().as_ptr(), alone.as_ptr());
        assert!(gather.is_empty());
        for piece in ["a", "", "bc", "d"] {
            gather.push(piece.into());
        }
        assert_eq!((gather.len(), gather.take()), (4, Bytes::from_static(b"abcd")));
        gather.push(vec![b'x'; MOST].into());
        assert!(gather.is_full());
    }
}
