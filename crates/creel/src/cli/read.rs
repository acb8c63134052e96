//! Reads the command line. What clap refuses, in several lines, is told in one: what, where, what to do.

use std::error::Error;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};

use super::{Cli, Command, GatewayAlone};
use crate::failure::Failure;
use crate::output;

/// What was asked for.
///
/// # Errors
/// How the program ends instead: help and version were printed, or a refusal was.
pub fn read() -> Result<Cli, ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let json = asks_for_json(&words);
    parse(&words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => shown(&error.to_string()),
        ErrorKind::DisplayVersion if json => {
            shown(&serde_json::json!({"version": env!("CARGO_PKG_VERSION")}).to_string())
        }
        ErrorKind::DisplayVersion => shown(&error.to_string()),
        // Nothing was asked: whoever types the name alone wants to know what there is.
        ErrorKind::MissingSubcommand if !json && path(&words).is_empty() => shown(&command().render_help().to_string()),
        _ => Failure::bad_input(line(&error, &words)).report(json),
    })
}

fn shown(text: &str) -> ExitCode {
    output::line(text.trim_end());
    ExitCode::SUCCESS
}

/// The command line's description. A command that is not complete is an error that can be told in a line, not the whole help; and a number
/// below zero is a value, of which can be said what is wrong with it.
fn command() -> clap::Command {
    fn with_numbers(argument: clap::Arg) -> clap::Arg {
        match argument.get_action().takes_values() {
            true => argument.allow_negative_numbers(true),
            false => argument,
        }
    }
    fn complete(command: clap::Command) -> clap::Command {
        let command = command.arg_required_else_help(false).mut_args(with_numbers);
        command.mut_subcommands(complete)
    }
    complete(<Cli>::command())
}

fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let first = words.iter().skip(1).find(|word| *word != "--json");
    if first.is_some_and(|word| word == "gateway")
        && let Ok(Cli { home, json, command }) = Cli::try_parse_from(words)
    {
        let GatewayAlone::Gateway(command) = command;
        let command = Command::Gateway(command);
        return Ok(Cli { home, json, command });
    }
    <Cli>::from_arg_matches(&command().try_get_matches_from(words)?)
}

/// Whether JSON was asked for; clap knows only of a command line that it understands.
fn asks_for_json(words: &[OsString]) -> bool {
    words
        .iter()
        .skip(1)
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

/// The commands of a command line, `instance config set`, as far as they are known.
pub(super) fn path(words: &[OsString]) -> Vec<String> {
    let (mut at, mut path) = (command(), Vec::new());
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        if word == "--home" {
            words.next();
        } else if let Some(found) = at.find_subcommand(word).cloned() {
            path.push(found.get_name().to_owned());
            at = found;
        }
    }
    path
}

/// The refusal in one line.
fn line(error: &clap::Error, words: &[OsString]) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) if !texts.is_empty() => Some(texts.join(", ")),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        _ => None,
    };
    let path = path(words);
    let called = [&["creel".to_owned()], &*path].concat().join(" ");
    let see = format!("see `{called} --help`");
    let meant = |kind| {
        text(kind).map_or_else(String::new, |meant| {
            format!("did you mean {}? ", meant.replace(", ", " or "))
        })
    };
    let argument = || named(text(ContextKind::InvalidArg).unwrap_or_default(), &path, words);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let wrong = text(ContextKind::InvalidSubcommand).unwrap_or_default();
            let wrong = wrong.escape_debug();
            format!(
                "there is no command `{called} {wrong}`; {}{see}",
                meant(ContextKind::SuggestedSubcommand)
            )
        }
        ErrorKind::MissingSubcommand => format!("`{called}` needs a command: {}; {see}", commands(&path)),
        ErrorKind::UnknownArgument => {
            format!(
                "unexpected argument {}; {}{see}",
                argument(),
                meant(ContextKind::SuggestedArg)
            )
        }
        ErrorKind::MissingRequiredArgument => {
            let usage = text(ContextKind::Usage).unwrap_or_default();
            let usage = usage.trim().trim_start_matches("Usage: ").replace('\n', " ");
            // Where a variable says the home, clap takes it for a part of what was typed.
            let usage = match words.iter().any(|word| word == "--home") {
                true => usage,
                false => usage.replace(" --home <DIR>", ""),
            };
            format!("{} is missing: {usage}; {see}", argument())
        }
        ErrorKind::InvalidValue => match text(ContextKind::InvalidValue).filter(|value| !value.is_empty()) {
            None => format!("{} needs a value; {see}", argument()),
            Some(value) => {
                let possible = text(ContextKind::ValidValue).unwrap_or_default();
                format!(
                    "{} is {value:?}; {}it must be one of {possible}",
                    argument(),
                    meant(ContextKind::SuggestedValue)
                )
            }
        },
        ErrorKind::ValueValidation => {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            let reason = error.source().map(|source| wanted(&value, source));
            format!("{} is {value:?}: {}", argument(), reason.unwrap_or_default())
        }
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_else(|| "another one".to_owned());
            if text(ContextKind::InvalidArg).as_ref() == Some(&other) {
                format!("{} is given twice; {see}", argument())
            } else {
                format!("{} and {other} exclude each other: give one of them", argument())
            }
        }
        _ => {
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default();
            format!("{}; {see}", first.trim_start_matches("error: "))
        }
    }
}

/// What is to be given in the place of a value. What parsers of numbers say is put into words.
fn wanted(value: &str, source: &(dyn Error + 'static)) -> String {
    if let Some(error) = source.downcast_ref::<ParseIntError>() {
        let wanted = match error.kind() {
            IntErrorKind::PosOverflow => "give a smaller number",
            IntErrorKind::Zero => "give a whole number of at least 1",
            _ if value.starts_with('-') => "give a whole number that is not below 0",
            _ => "give a whole number",
        };
        return wanted.to_owned();
    }
    if source.is::<ParseFloatError>() {
        return "give a number".to_owned();
    }
    let said = source.to_string();
    let range = said
        .split_once(" is not in ")
        .and_then(|(_, range)| range.split_once("..="));
    match range {
        Some((least, most)) => format!("give a whole number from {least} to {most}"),
        None => said,
    }
}

/// An argument as its user knows it: where a variable said it, that variable.
fn named(argument: String, path: &[String], words: &[OsString]) -> String {
    let at = described(path);
    let Some(known) = at.get_arguments().find(|known| known.to_string() == argument) else {
        return argument.escape_debug().to_string();
    };
    let flag = known.get_long().map(|long| format!("--{long}"));
    let given = |word: &OsString, flag: &str| {
        let word = word.to_string_lossy();
        word == flag || word.starts_with(&format!("{flag}="))
    };
    match (&flag, known.get_env().and_then(|name| name.to_str())) {
        (Some(flag), Some(variable)) if !words.iter().any(|word| given(word, flag)) => variable.to_owned(),
        (Some(flag), _) => flag.clone(),
        (None, _) => argument,
    }
}

/// A command with what it takes, the options that all have among it.
pub(super) fn described(path: &[String]) -> clap::Command {
    let mut at = command();
    at.build();
    for name in path {
        at = at.find_subcommand(name).cloned().unwrap_or(at);
    }
    at
}

/// The commands that may follow.
fn commands(path: &[String]) -> String {
    let mut at = command();
    for name in path {
        at = at.find_subcommand(name).cloned().unwrap_or(at);
    }
    at.get_subcommands()
        .map(clap::Command::get_name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(words: &str) -> String {
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        let error = parse(&words).err().unwrap();
        line(&error, &words)
    }

    #[test]
    fn every_refusal_is_one_line_that_says_what_to_do() {
        for (words, expected) in [
            (
                "creel instanc list",
                "there is no command `creel instanc`; did you mean instance? see `creel --help`",
            ),
            (
                "creel --home /x instance config sett a",
                "there is no command `creel instance config sett`; did you mean get or set? see `creel instance config --help`",
            ),
            (
                "creel instance config",
                "`creel instance config` needs a command: get, set, edit, diff, sync; see `creel instance config --help`",
            ),
            (
                "creel instance list --jsn",
                "unexpected argument --jsn; did you mean --json? see `creel instance list --help`",
            ),
            (
                "creel instance create",
                "<ID> is missing: creel instance create <ID>; see `creel instance create --help`",
            ),
            ("creel up --console", "--console needs a value; see `creel up --help`"),
            (
                "creel completions bsh",
                "<SHELL> is \"bsh\"; did you mean bash? it must be one of bash, elvish, fish, powershell, zsh",
            ),
            (
                "creel up --console foo",
                "--console is \"foo\": give an IP address and a port, such as 127.0.0.1:8000",
            ),
            (
                "creel up --native-memory much",
                "--native-memory is \"much\": give a size such as 512m or 2g, or none",
            ),
            (
                "creel gateway run --port 99999",
                "--port is \"99999\": give a whole number from 0 to 65535",
            ),
            (
                "creel gateway run --port http",
                "--port is \"http\": give a whole number",
            ),
            (
                "creel instance create a --port 0",
                "--port is \"0\": give a whole number from 1 to 65535",
            ),
            (
                "creel instance logs a --tail -3",
                "--tail is \"-3\": give a whole number that is not below 0",
            ),
            (
                "creel instance logs a --tail 99999999999999999999",
                "--tail is \"99999999999999999999\": give a smaller number",
            ),
            (
                "creel llm keys make --month-budget -3",
                "--month-budget is \"-3\": give credits from 0 to 1000000000, such as 10 or 0.000001 (six decimals at most), or none",
            ),
            (
                "creel llm keys change k --tokens-per-minute 0",
                "--tokens-per-minute is \"0\": give a whole number of at least 1, or none",
            ),
            (
                "creel credits grant alice 0",
                "<CREDITS> is \"0\": give credits above 0, up to 1000000000, such as 10 or 0.000001 (six decimals at most)",
            ),
            (
                "creel plan cost --instances 5 --machine-price free",
                "--machine-price is \"free\": give a number",
            ),
            (
                "creel instance rm a --purge --purge",
                "--purge is given twice; see `creel instance rm --help`",
            ),
        ] {
            assert_eq!(refusal(words), expected, "{words}");
        }
    }

    #[test]
    fn a_number_below_zero_is_a_value() {
        let words = "creel instance config set a agents.defaults.params.seed -1";
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        assert!(parse(&words).is_ok());
    }

    #[test]
    fn json_is_asked_for_before_the_end_of_the_options() {
        let asks = |words: &str| asks_for_json(&words.split_whitespace().map(OsString::from).collect::<Vec<_>>());
        assert!(asks("creel bogus --json"));
        assert!(!asks("creel bogus -- --json"));
    }
}
