//! A password that stands in no command line: others on the machine can read those. It is asked for on the terminal, or read from
//! standard input.

use std::io::{IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

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
    let answer = line();
    eprintln!();
    answer
}

/// The first line of standard input.
fn line() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_line(&mut text)
        .map_err(|error| Failure::bad_input(format!("the password cannot be read: {error}")))?;
    let password = text.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(Failure::bad_input("the password is empty; nothing was changed"));
    }
    Ok(password.to_owned())
}

/// What is typed while this lives is not shown.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> Result<Self, Failure> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(Failure::from_error)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &quiet).map_err(Failure::from_error)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}
