//! How the published client may be called: its commands, their options and how many words they take besides (`src/commands/` of 5.43.1).
//! Options that Creel has no use for are left out: whoever uses one adds it here, from the source.

use std::collections::BTreeMap;

/// An option, and whether it takes a value.
type Option_ = (&'static str, bool);

struct Command {
    /// Its first words; what stands between them belongs to the first.
    words: &'static [&'static str],
    options: &'static [Option_],
    /// The fewest and the most words besides.
    others: (usize, usize),
}

const IN_PLACE: [Option_; 3] = [("--project", true), ("--environment", true), ("--service", true)];

const COMMANDS: [Command; 17] = [
    Command::new(&["--version"], &[], (0, 0)),
    Command::new(&["whoami"], &[("--json", false)], (0, 0)),
    Command::new(&["list"], &[("--json", false)], (0, 0)),
    Command::new(
        &["init"],
        &[("--name", true), ("--workspace", true), ("--json", false)],
        (0, 0),
    ),
    Command::new(
        &["link"],
        &[
            ("--project", true),
            ("--environment", true),
            ("--service", true),
            ("--json", false),
        ],
        (0, 0),
    ),
    Command::new(
        &["add"],
        &[("--service", true), ("--image", true), ("--json", false)],
        (0, 0),
    ),
    Command::new(
        &["service", "list"],
        &[("--project", true), ("--environment", true), ("--json", false)],
        (0, 0),
    ),
    Command::new(&["volume", "add"], &[("--mount-path", true), ("--json", false)], (0, 0)),
    Command::new(&["variable", "list"], &[("--json", false), ("--kv", false)], (0, 0)),
    Command::new(
        &["variable", "set"],
        &[("--stdin", false), ("--skip-deploys", false), ("--json", false)],
        (1, usize::MAX),
    ),
    Command::new(&["variable", "delete"], &[("--json", false)], (1, 1)),
    Command::new(&["domain"], &[("--port", true), ("--json", false)], (0, 1)),
    Command::new(
        &["up"],
        &[
            ("--detach", false),
            ("--path-as-root", false),
            ("--no-gitignore", false),
            ("--json", false),
            ("--message", true),
        ],
        (0, 1),
    ),
    Command::new(
        &["redeploy"],
        &[("--yes", false), ("--json", false), ("--from-source", false)],
        (0, 0),
    ),
    // It knows no --json.
    Command::new(&["down"], &[("--yes", false)], (0, 0)),
    Command::new(
        &["delete"],
        &[("--yes", false), ("--json", false), ("--2fa-code", true)],
        (0, 0),
    ),
    Command::new(
        &["logs"],
        &[
            ("--deployment", false),
            ("--build", false),
            ("--json", false),
            ("--lines", true),
            ("--since", true),
        ],
        (0, 1),
    ),
];

const METRICS: Command = Command::new(
    &["metrics"],
    &[("--cpu", false), ("--memory", false), ("--json", false)],
    (0, 0),
);

impl Command {
    const fn new(words: &'static [&'static str], options: &'static [Option_], others: (usize, usize)) -> Self {
        Self { words, options, others }
    }

    fn option(&self, name: &str) -> Option<bool> {
        let in_place = match self.words[0] {
            "delete" => &IN_PLACE[..1],
            "whoami" | "list" | "init" | "add" | "--version" => &[],
            _ => &IN_PLACE[..],
        };
        let known = self.options.iter().chain(in_place).find(|(known, _)| *known == name);
        known.map(|(_, takes_value)| *takes_value)
    }
}

/// A call that the client would take.
#[derive(Debug, Default)]
pub struct Called {
    pub command: String,
    pub options: BTreeMap<String, String>,
    pub others: Vec<String>,
}

impl Called {
    pub fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }
}

/// # Errors
/// What the client would have against it, before it did anything.
pub fn parse(arguments: &[String]) -> Result<Called, String> {
    let commands = || COMMANDS.iter().chain([&METRICS]);
    let first = arguments.first().ok_or("no command")?;
    let mut command = commands()
        .find(|command| command.words[0] == first)
        .ok_or_else(|| format!("unrecognized subcommand '{first}'"))?;
    let mut words = if command.words.len() == 1 {
        command.words
    } else {
        &command.words[..1]
    }
    .to_vec();
    let mut called = Called::default();
    let mut rest = arguments[1..].iter();
    while let Some(argument) = rest.next() {
        if !argument.starts_with('-') {
            let second = commands()
                .find(|other| other.words[0] == first && other.words.get(1).is_some_and(|word| word == argument));
            match second {
                Some(second) if words.len() == 1 && command.words.len() == 2 => {
                    command = second;
                    words = second.words.to_vec();
                }
                _ => called.others.push(argument.clone()),
            }
            continue;
        }
        let takes_value = command.option(argument).ok_or_else(|| {
            format!(
                "unexpected argument '{argument}' found in `railway {}`",
                words.join(" ")
            )
        })?;
        let value = match takes_value {
            true => rest
                .next()
                .ok_or_else(|| format!("a value is required for '{argument}'"))?
                .clone(),
            false => String::new(),
        };
        if called.options.insert(argument.clone(), value).is_some() {
            return Err(format!("the argument '{argument}' cannot be used multiple times"));
        }
    }
    if words.len() != command.words.len() {
        return Err(format!("`railway {first}` needs a subcommand"));
    }
    let (fewest, most) = command.others;
    if called.others.len() < fewest || called.others.len() > most {
        return Err(format!(
            "`railway {}` takes {fewest} to {most} words, not {:?}",
            words.join(" "),
            called.others
        ));
    }
    if called.has("--project") && !called.has("--environment") && words[0] != "delete" {
        return Err("--environment is required when using --project".to_owned());
    }
    called.command = words.join(" ");
    Ok(called)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Called, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn it_takes_what_the_client_takes_and_nothing_else() {
        let set = parsed("variable set KEY --stdin --json --project p --environment e").unwrap();
        assert_eq!(
            (set.command.as_str(), &set.others[..]),
            ("variable set", &["KEY".to_owned()][..])
        );
        let volume = parsed("volume --project p --environment e --service s add --mount-path /data").unwrap();
        assert_eq!(
            (volume.command.as_str(), volume.get("--mount-path")),
            ("volume add", Some("/data"))
        );
        for refused in [
            "deploy",
            "down --yes --json",
            "init --name",
            "init --name a --name b",
            "variable set --stdin",
            "variable",
            "whoami --project p --environment e",
            "down --yes --project p",
            "domain a b",
        ] {
            assert!(parsed(refused).is_err(), "{refused}");
        }
    }
}
