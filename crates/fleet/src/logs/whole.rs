//! Everything that is in a log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::PathBuf;

use futures_util::stream;

use super::{BLOCK, LogLines, MAX_HELD, redact};
use crate::Token;

/// Everything that is in it now, in batches.
pub fn whole(path: PathBuf, token: Option<Token>) -> io::Result<LogLines> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Box::pin(stream::empty())),
        Err(error) => return Err(error),
    };
    let end = file.metadata()?.len();
    let reader = BufReader::with_capacity(BLOCK as usize, file.take(end));
    Ok(Box::pin(stream::unfold(reader, move |mut reader| {
        let lines = read_batch(&mut reader, token.as_ref());
        async move { (!lines.is_empty()).then_some((lines, reader)) }
    })))
}

/// About a block of whole lines; none at the end, and where it cannot be read any more.
fn read_batch(reader: &mut impl BufRead, token: Option<&Token>) -> Vec<String> {
    let (mut lines, mut read) = (Vec::new(), 0);
    while read < BLOCK {
        let mut line = Vec::new();
        match reader.by_ref().take(MAX_HELD).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(bytes) => read += bytes as u64,
        }
        let text = String::from_utf8_lossy(&line);
        lines.push(redact(text.trim_end_matches(['\n', '\r']), token));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::StreamExt as _;

    use super::super::log;
    use super::*;

    #[tokio::test]
    async fn the_whole_of_it_has_every_line_and_no_token() {
        let (_dir, path, mut file) = log();
        let token = Token::mint().unwrap();
        for number in 0..20_000 {
            writeln!(file, "{number} {}", token.expose()).unwrap();
        }
        write!(file, "unfinished").unwrap();
        let lines: Vec<String> = whole(path, Some(token)).unwrap().concat().await;
        assert_eq!(lines.len(), 20_001);
        assert_eq!((&*lines[19_999], &*lines[20_000]), ("19999 ***", "unfinished"));
        assert_eq!(whole("/nonexistent".into(), None).unwrap().count().await, 0);
    }
}
