//! What the documentation promises is there, and what is there is documented.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use creel_tests::binary::{creel, repository};

/// Sources of everything that ships.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "testkit", "examples", "target"].contains(&&*name) {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// Every file below a directory.
fn everything(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => everything(&path, found),
            false => found.push(path),
        }
    }
}

/// Literals in this text that are names of variables: several words in capitals, or one that is asked of an environment.
fn variables(text: &str) -> BTreeSet<String> {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let asks = |before: &str| {
        ["var(", "var_os(", "filled(env, ", "variable("]
            .iter()
            .any(|call| before.ends_with(call))
    };
    let parts: Vec<&str> = text.split('"').collect();
    let literals = parts
        .windows(2)
        .filter(|pair| is_name(pair[1]) && (pair[1].contains('_') || asks(pair[0])));
    literals.map(|pair| pair[1].to_owned()).collect()
}

/// Not for whoever runs Creel: what Creel sets for the upstream runtime, and for Railway and its client, what the compiler sets, a fault that only debug builds have,
/// the size of a test.
const NOT_READ: [&str; 14] = [
    "OPENCLAW_NO_AUTO_UPDATE",
    "OPENCLAW_DISABLE_BONJOUR",
    "OPENCLAW_NO_RESPAWN",
    "OPENCLAW_SUPERVISOR_MODE",
    "OPENCLAW_SERVICE_REPAIR_POLICY",
    "OPENCLAW_NIX_MODE",
    "DO_NOT_TRACK",
    "NO_COLOR",
    "RAILWAY_NO_AUTO_UPDATE",
    "RAILWAY_RUN_UID",
    "CARGO_PKG_VERSION",
    "OUT_DIR",
    "CREEL_DIE_AT",
    "CREEL_USAGE_ROWS",
];

#[test]
fn every_variable_that_is_read_is_documented() {
    let mut files = Vec::new();
    sources(&repository().join("crates"), &mut files);
    let mut read = BTreeSet::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let text = text.replace("\npub mod tests", "\nmod tests");
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: String = shipped
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        read.extend(variables(&code));
    }
    for known in [
        "CREEL_HOME",
        "CREEL_TIMEOUT",
        "OPENCLAW_PROFILE",
        "GATEWAY_RATE_LIMIT",
        "DEBUG",
        "EDITOR",
        "DM_SCOPE",
    ] {
        assert!(read.contains(known), "{known} is read, and was not found: {read:?}");
    }
    let documented = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let missing: Vec<&String> = read
        .iter()
        .filter(|name| !NOT_READ.contains(&name.as_str()) && !documented.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "docs/operations.md does not name {missing:?}");
    let section = documented
        .split("## Environment")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let unread: Vec<String> = section
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.contains('_') && !name.starts_with('…') && *name == name.to_uppercase())
        .filter(|name| !read.contains(*name))
        .map(str::to_owned)
        .collect();
    assert!(
        unread.is_empty(),
        "docs/operations.md names {unread:?}, which nothing reads"
    );
}

/// The commands that may follow these, and none where arguments do.
fn commands(path: &[&str]) -> BTreeSet<String> {
    let help = Command::new(creel()).args(path).arg("--help").output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    let Some(list) = text.split("\nCommands:\n").nth(1) else {
        return BTreeSet::new();
    };
    let lines = list.lines().take_while(|line| !line.is_empty());
    let mut names = BTreeSet::new();
    for line in lines {
        names.extend(line.split_whitespace().next().map(str::to_owned));
        let others = line
            .split("[alias: ")
            .nth(1)
            .map(|rest| rest.trim_end_matches(']').to_owned());
        names.extend(others);
    }
    names
}

/// The commands that a text names, such as `creel instance config get`: as many small words as follow the name.
fn named(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let is_word = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    };
    let begins = |before: &str| !before.ends_with(|c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c));
    text.match_indices("creel ")
        .filter(move |(at, _)| begins(&text[..*at]))
        .map(move |(at, name)| {
            let rest = &text[at + name.len()..];
            // The last word may end a sentence, or a quotation.
            let end = rest
                .find(|c: char| !c.is_ascii_lowercase() && c != '-' && c != ' ')
                .unwrap_or(rest.len());
            rest[..end].split(' ').take_while(is_word).collect()
        })
}

#[test]
fn every_command_that_is_named_is_there() {
    let mut files = Vec::new();
    sources(&repository().join("crates"), &mut files);
    for directory in ["docs", "deploy", "web/src", "crates/fleet/templates"] {
        everything(&repository().join(directory), &mut files);
    }
    files.push(repository().join("README.md"));
    let mut known: BTreeMap<Vec<&str>, BTreeSet<String>> = BTreeMap::new();
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .filter_map(|file| Some((file.clone(), std::fs::read_to_string(file).ok()?)))
        .collect();
    let mut missing = BTreeSet::new();
    let mut found = BTreeSet::new();
    for (file, text) in &texts {
        // Tests name commands that are not there, to be told so.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for words in named(text) {
            for length in 0..words.len() {
                let path = &words[..length];
                let next = known.entry(path.to_vec()).or_insert_with(|| commands(path));
                if next.is_empty() || length == 0 && !next.contains(words[0]) {
                    // Arguments, or prose: "creel cannot".
                    break;
                }
                let command = format!("creel {}", words[..=length].join(" "));
                if next.contains(words[length]) {
                    found.insert(command);
                } else {
                    missing.insert(format!("{}: {command}", file.display()));
                    break;
                }
            }
        }
    }
    assert!(missing.is_empty(), "no such commands: {missing:#?}");
    for command in ["creel instance create", "creel doctor", "creel llm keys make"] {
        assert!(
            found.contains(command),
            "{command} is named, and was not found: {found:?}"
        );
    }
}

/// A command, or a feature of the host: said otherwise.
const SAID_ELSEWHERE: [&str; 3] = ["command", "feature", "no_feature"];

#[test]
fn every_sentence_of_the_doctor_has_chinese_words() {
    let repository = repository();
    let mut files = Vec::new();
    sources(&repository.join("crates/fleet/src/doctor"), &mut files);
    files.push(repository.join("crates/backend/src/doctor.rs"));
    files.push(repository.join("crates/creel/src/commands/doctor.rs"));
    let mut codes = BTreeSet::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        // A code is the first argument, or of a pair that is chosen from.
        for call in ["say(", "plain(", "=> ("] {
            let first = text.split(call).skip(1).map(str::trim_start);
            codes.extend(first.filter_map(|rest| Some(rest.strip_prefix('"')?.split('"').next()?.to_owned())));
        }
    }
    assert!(codes.len() > 80, "{codes:?}");
    let words = std::fs::read_to_string(repository.join("web/src/console/i18n/findings.ts")).unwrap();
    let missing: Vec<&String> = codes
        .iter()
        .filter(|code| !SAID_ELSEWHERE.contains(&code.as_str()) && !words.contains(&format!("\n  {code}:")))
        .collect();
    assert!(
        missing.is_empty(),
        "web/src/console/i18n/findings.ts has no {missing:?}"
    );
}
