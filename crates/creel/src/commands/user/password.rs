//! A password that stands in no command line: others on the machine can read those. It is asked for on the terminal, or read from
//! standard input.

use std::fmt::Display;
use std::io::{IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// As shells have it for whoever ended by SIGINT.
const INTERRUPTED: u8 = 130;

pub fn read(from_stdin: bool, id: &str) -> Result<String, Failure> {
    if from_stdin {
        return line();
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::bad_input(
            "there is no terminal to ask for the password on: send it to standard input, with --password-stdin",
        ));
    }
    let password = ask(&format!("Password for {id}: "))?;
    if ask("Once more: ")? != password {
        return Err(Failure::bad_input(
            "the two passwords are not the same; nothing was changed",
        ));
    }
    Ok(password)
}

fn ask(question: &str) -> Result<String, Failure> {
    let _unseen = Unseen::begin()?;
    eprint!("{question}");
    let _ = std::io::stderr().flush();
    let typed = typed(std::io::stdin().lock().bytes());
    eprintln!();
    acceptable(typed?)
}

/// What the keys that edit a line send.
mod key {
    pub const INTERRUPT: u8 = 0x03;
    pub const END: u8 = 0x04;
    pub const BACKSPACE: u8 = 0x08;
    pub const DELETE_LINE: u8 = 0x15;
    pub const DELETE: u8 = 0x7f;
}

/// A line as it is typed, key by key: the terminal must not end the process in the middle of it, or it would go on showing nothing.
fn typed(keys: impl Iterator<Item = std::io::Result<u8>>) -> Result<String, Failure> {
    let mut line = Vec::new();
    for key in keys {
        match key.map_err(unreadable)? {
            b'\n' | b'\r' | key::END => break,
            key::INTERRUPT => return Err(Failure::with_code("interrupted; nothing was changed", INTERRUPTED)),
            key::DELETE_LINE => line.clear(),
            key::BACKSPACE | key::DELETE => {
                // All bytes of a character, in UTF-8.
                while line.pop().is_some_and(|byte: u8| byte & 0xc0 == 0x80) {}
            }
            byte if byte.is_ascii_control() => {}
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(unreadable)
}

/// The first line of standard input.
fn line() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_line(&mut text).map_err(unreadable)?;
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    acceptable(text)
}

fn unreadable(error: impl Display) -> Failure {
    Failure::bad_input(format!("the password cannot be read: {error}"))
}

fn acceptable(password: String) -> Result<String, Failure> {
    if password.is_empty() {
        return Err(Failure::bad_input("the password is empty; nothing was changed"));
    }
    Ok(password)
}

/// What is typed while this lives is not shown, and comes key by key.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> Result<Self, Failure> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(Failure::from_error)?;
        let mut quiet = before.clone();
        let left_to_us = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN;
        quiet.local_modes.remove(left_to_us);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(Failure::from_error)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[u8]) -> Result<String, Failure> {
        typed(keys.iter().map(|key| Ok(*key)))
    }

    #[test]
    fn a_line_is_edited_as_it_is_typed() {
        assert_eq!(of(b"secret\rmore").unwrap(), "secret");
        assert_eq!(of("x\u{15}密码\u{7f}钥\u{8}x\u{7f}\n".as_bytes()).unwrap(), "密");
        assert_eq!(of(b"\x7f\x7fab\x1b\x04c").unwrap(), "ab");
        assert!(of(b"ab\x03").is_err() && of(b"\xff\n").is_err());
    }
}
