//! The files of a journal: `<number>.journal`, numbered upwards, each beginning with [`MAGIC`].

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::record::Found;

/// What every segment begins with.
pub const MAGIC: &[u8] = b"creel journal 1\n";
/// Where its first record is.
pub const FIRST: u64 = MAGIC.len() as u64;
const SUFFIX: &str = ".journal";
/// How much is read at once.
const CHUNK: usize = 256 << 10;

pub fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016}{SUFFIX}"))
}

/// The numbers of the segments that are there, in order.
pub fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// At `until`, or where the callback said.
    Reached,
    /// What follows is no whole record.
    Broken(&'static str),
}

/// Hands the records between `from` and `until`, as `decode` reads them, to `each`, as long as that says to go on.
/// Returns the offset behind the last record that was handed over, and why there are no more.
pub fn read<R>(
    file: &File,
    from: u64,
    until: u64,
    decode: impl Fn(&[u8]) -> Found<R>,
    mut each: impl FnMut(R) -> bool,
) -> io::Result<(u64, End)> {
    let mut at = from;
    let mut bytes = Vec::new();
    let mut fetched = from;
    let mut begin = 0;
    loop {
        match decode(&bytes[begin..]) {
            Found::Whole(record, length) => {
                begin += length;
                at += length as u64;
                if !each(record) {
                    return Ok((at, End::Reached));
                }
            }
            Found::Damage(why) => return Ok((at, End::Broken(why))),
            Found::Part if fetched < until => {
                bytes.drain(..begin);
                begin = 0;
                let room = usize::try_from(until - fetched).unwrap_or(CHUNK).min(CHUNK);
                let old = bytes.len();
                bytes.resize(old + room, 0);
                let count = read_some(file, &mut bytes[old..], fetched)?;
                bytes.truncate(old + count);
                fetched += count as u64;
                if count == 0 {
                    return Ok((at, End::Broken("an end before its time")));
                }
            }
            Found::Part if begin == bytes.len() => return Ok((at, End::Reached)),
            Found::Part => return Ok((at, End::Broken("the beginning of a record"))),
        }
    }
}

fn read_some(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Whether the file begins as a segment does.
pub fn has_magic(file: &File) -> io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    match file.read_exact_at(&mut magic, 0) {
        Ok(()) => Ok(magic == MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
