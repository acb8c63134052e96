//! Statements of many rows. Texts are few, so that the engines' prepared statements are found again: a list goes out in
//! pieces of 256, 64, 16, 4 and 1. (Of small pieces there are many, and each wakes SQLite's thread or crosses a network.)

use std::fmt::Write as _;

use crate::RecordsError;
use crate::engine::{Query, Rows, Transaction, query};

const PIECES: [usize; 5] = [256, 64, 16, 4, 1];

fn pieces<T>(mut all: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = PIECES.into_iter().find(|size| *size <= all.len())?;
        let (piece, rest) = all.split_at(size);
        all = rest;
        Some(piece)
    })
}

/// `head VALUES (?, …), (?, …) tail`, with `columns` values a row.
pub async fn insert<T>(
    transaction: &mut Transaction,
    head: &str,
    columns: usize,
    tail: &str,
    all: &[T],
    bind: impl Fn(Query, &T) -> Query,
) -> Result<(), RecordsError> {
    let row = format!("({})", vec!["?"; columns].join(", "));
    for piece in pieces(all) {
        let values = vec![row.as_str(); piece.len()].join(", ");
        let sql = format!("{head} VALUES {values} {tail}");
        let query = query(sql).kept(true).room(columns * piece.len());
        let bound = piece.iter().fold(query, &bind);
        bound.execute(&mut *transaction).await?;
    }
    Ok(())
}

/// The rows of `head IN (?, …) tail`.
pub async fn among<T>(
    transaction: &mut Transaction,
    head: &'static str,
    tail: &'static str,
    all: &[T],
    bind: impl Fn(Query, &T) -> Query,
) -> Result<Rows, RecordsError> {
    let mut rows = Rows::new();
    for piece in pieces(all) {
        let mut sql = format!("{head} IN (");
        for index in 0..piece.len() {
            let _ = write!(sql, "{}?", if index == 0 { "" } else { ", " });
        }
        let _ = write!(sql, ") {tail}");
        let bound = piece.iter().fold(query(sql).kept(true), &bind);
        rows.append(&mut bound.all(&mut *transaction).await?);
    }
    Ok(rows)
}
