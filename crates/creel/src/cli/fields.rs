//! What the API says of a field, told to whoever typed the option that filled it.

use std::ffi::OsString;

use clap::Arg;

use super::read::{described, path};
use crate::failure::Failure;

/// Options that are called otherwise than the field that they fill.
const CALLED_OTHERWISE: &[(&str, &str)] = &[
    ("aliases", "alias"),
    ("base_url", "url"),
    ("channels", "channel"),
    ("expires_at", "expires"),
    ("memory_limit_bytes", "memory"),
    ("models", "model"),
    ("routes", "route"),
    ("version", "runtime-version"),
];

/// The failure in the words of this process's command line: `memory_limit_bytes: …` is `--memory: …` where that is an option of the command.
pub fn as_typed(failure: Failure) -> Failure {
    let words: Vec<OsString> = std::env::args_os().collect();
    failure.retold(|message| typed(message, &words))
}

fn typed(message: &str, words: &[OsString]) -> Option<String> {
    // `memory_limit_bytes: …` of a body, `query: tail is …` of what is asked for.
    let (field, between, reason) = match message.strip_prefix("query: ") {
        Some(parameter) => parameter.split_once(" is ").map(|(name, said)| (name, " is ", said))?,
        None => message.split_once(": ").map(|(name, said)| (name, ": ", said))?,
    };
    let command = described(&path(words));
    let otherwise = CALLED_OTHERWISE.iter().find(|(named, _)| *named == field);
    let option = otherwise.map_or_else(|| field.replace('_', "-"), |(_, option)| (*option).to_owned());
    let own = command.get_arguments().filter(|argument| !argument.is_global_set());
    own.filter_map(Arg::get_long)
        .any(|known| known == option)
        .then(|| format!("--{option}{between}{reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_called_as_it_was_typed() {
        let told = |words: &str, message: &str| {
            let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
            typed(message, &words)
        };
        for (words, message, expected) in [
            (
                "creel instance logs a --tail 99999",
                "query: tail is too much",
                "--tail is too much",
            ),
            (
                "creel instance create a --memory 1",
                "memory_limit_bytes: too little",
                "--memory: too little",
            ),
            (
                "creel instance create a --channel irc",
                "channels: \"irc\" is none",
                "--channel: \"irc\" is none",
            ),
            (
                "creel instance create a --runtime-version x",
                "version: no version",
                "--runtime-version: no version",
            ),
            (
                "creel --json instance create a --keep-data",
                "keep_data: there is none",
                "--keep-data: there is none",
            ),
            (
                "creel credits grant bob 5 --expires soon",
                "expires_at: no moment",
                "--expires: no moment",
            ),
        ] {
            assert_eq!(told(words, message).as_deref(), Some(expected), "{words}");
        }
        for (words, message) in [
            ("creel instance config get a home", "home: is not set in a"),
            ("creel llm groups set g x", "multiplier: none"),
            ("creel instance start a", "memory_limit_bytes: too little"),
            ("creel instance create a", "there is no such thing"),
            ("creel instance create a", "--channel-config: must be a JSON object"),
        ] {
            assert_eq!(told(words, message), None, "{words}");
        }
    }
}
