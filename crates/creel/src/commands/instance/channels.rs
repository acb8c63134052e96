//! `--channel TYPE --channel-config JSON|@FILE`, as often as there are channels: each configuration is that of the channel before it.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use serde_json::{Value, json};

use crate::cli::offered;
use crate::failure::Failure;

const CHANNEL: &str = "channel";
const CONFIG: &str = "channel_config";

/// The channels of a command line, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChannelArgs {
    given: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Channel(String),
    Config(String),
}

impl ChannelArgs {
    /// As the API wants them.
    pub fn channels(&self) -> Result<Vec<Value>, Failure> {
        let mut channels: Vec<(&str, Option<Value>)> = Vec::new();
        for word in &self.given {
            match (word, channels.last_mut()) {
                (Word::Channel(kind), _) => channels.push((kind, None)),
                (Word::Config(text), Some((_, config @ None))) => *config = Some(parse(text)?),
                (Word::Config(_), None) => {
                    return Err(Failure::bad_input(
                        "--channel-config: give the --channel that it is of before it",
                    ));
                }
                (Word::Config(_), Some((kind, Some(_)))) => {
                    return Err(Failure::bad_input(format!("--channel-config: {kind} has one already")));
                }
            }
        }
        let channels = channels.into_iter();
        Ok(channels
            .map(|(kind, config)| json!({"type": kind, "config": config.unwrap_or_else(|| json!({}))}))
            .collect())
    }
}

/// JSON, or `@FILE` with JSON in it, so that a secret need not stand on the command line.
fn parse(given: &str) -> Result<Value, Failure> {
    let text = match given.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| Failure::bad_input(format!("--channel-config @{file}: {error}")))?,
        None => given.to_owned(),
    };
    match serde_json::from_str(&text) {
        Ok(config @ Value::Object(_)) => Ok(config),
        Ok(_) => Err(Failure::bad_input("--channel-config: must be a JSON object")),
        Err(error) => Err(Failure::bad_input(format!("--channel-config: {error}"))),
    }
}

fn known() -> Vec<&'static str> {
    creel_fleet::CHANNELS.iter().map(|channel| channel.kind).collect()
}

impl Args for ChannelArgs {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new(CHANNEL)
                    .long("channel")
                    .value_name("TYPE")
                    .action(ArgAction::Append)
                    .value_parser(offered(known()))
                    .hide_possible_values(true)
                    .help(format!(
                        "Chat platform to connect: {}; repeat for more",
                        known().join(", ")
                    )),
            )
            .arg(
                Arg::new(CONFIG)
                    .long("channel-config")
                    .value_name("JSON|@FILE")
                    .action(ArgAction::Append)
                    .help("What the channel before it is connected with"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ChannelArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let words = |name: &str, word: fn(String) -> Word| {
            let values = matches.get_many::<String>(name).unwrap_or_default().cloned().map(word);
            let indices = matches.indices_of(name).into_iter().flatten();
            indices.zip(values).collect::<Vec<_>>()
        };
        let mut given = words(CHANNEL, Word::Channel);
        given.extend(words(CONFIG, Word::Config));
        given.sort_by_key(|(index, _)| *index);
        let given = given.into_iter().map(|(_, word)| word).collect();
        Ok(Self { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(words: &str) -> Result<Vec<Value>, Failure> {
        let command = ChannelArgs::augment_args(Command::new("create"));
        let words = std::iter::once("create").chain(words.split_whitespace());
        let matches = command.try_get_matches_from(words).unwrap();
        ChannelArgs::from_arg_matches(&matches).unwrap().channels()
    }

    #[test]
    fn a_configuration_is_that_of_the_channel_before_it() {
        let given = channels(
            r#"--channel webchat --channel feishu --channel-config {"appId":"a"} --channel=slack --channel-config={"b":1}"#,
        );
        let expected = [
            json!({"type": "webchat", "config": {}}),
            json!({"type": "feishu", "config": {"appId": "a"}}),
            json!({"type": "slack", "config": {"b": 1}}),
        ];
        assert_eq!(given.unwrap(), expected);
        assert_eq!(channels("").unwrap(), [Value::Null; 0]);
    }

    #[test]
    fn one_too_many_or_too_early_is_refused() {
        for words in [
            r"--channel-config {} --channel feishu",
            r"--channel feishu --channel-config {} --channel-config {}",
            r"--channel feishu --channel-config [1]",
            r"--channel feishu --channel-config {",
        ] {
            assert!(channels(words).is_err(), "{words}");
        }
    }
}
