//! The system prompt: who the assistant is and what it remembers, read from the workspace.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::look::Look;
use crate::workspace::Workspace;

/// What is read, in this order. Each is looked for under `agent/` first, then at the top of the workspace.
const FILES: [&str; 4] = ["IDENTITY.md", "SOUL.md", "USER.md", "MEMORY.md"];

/// Bytes taken of one file: a workspace file must not push the conversation out of the model's context.
const FILE_LIMIT: u64 = 20_000;

/// Notes under `memory/` are named by day; the newest this many are put into the prompt, the rest is found by `memory_search`.
const RECENT_NOTES: usize = 2;

/// Said when the workspace says nothing.
const DEFAULT_IDENTITY: &str = "You are a helpful personal assistant.";

/// Puts the prompt together. `instructions` are the client's own system messages, which come last.
pub fn system_prompt(workspace: &Workspace, instructions: Option<&str>) -> String {
    let mut prompt = String::new();
    let look = Look::into(workspace);
    let agent = look.at("agent", |inside| inside.directory("agent"));
    for name in FILES {
        let in_agent = || agent.as_ref()?.read(name, FILE_LIMIT).ok();
        let at_the_top = || look.at(name, |inside| inside.read(name, FILE_LIMIT));
        if let Some((text, more)) = in_agent().or_else(at_the_top) {
            section(&mut prompt, name, &text, more);
        }
    }
    if prompt.is_empty() {
        prompt.push_str(DEFAULT_IDENTITY);
        prompt.push('\n');
    }
    let notes = look.at("memory", |inside| {
        let mut notes = inside.files("memory", 1_000)?;
        notes.retain(|path| is_day_note(path));
        let recent = notes.split_off(notes.len().saturating_sub(RECENT_NOTES));
        let read = |path: String| Some((inside.read(&path, FILE_LIMIT).ok()?, path));
        Ok(recent.into_iter().filter_map(read).collect::<Vec<_>>())
    });
    for ((text, more), path) in notes.iter().flatten() {
        section(&mut prompt, path, text, *more);
    }
    look.keep();
    let _ = writeln!(prompt, "\nToday is {} (UTC).", today());
    if let Some(instructions) = instructions.filter(|text| !text.trim().is_empty()) {
        let _ = writeln!(prompt, "\n{}", instructions.trim());
    }
    prompt
}

/// `memory/YYYY-MM-DD.md`
fn is_day_note(path: &str) -> bool {
    let day = path.strip_prefix("memory/").and_then(|name| name.strip_suffix(".md"));
    day.is_some_and(|day| {
        day.len() == 10
            && day.bytes().enumerate().all(|(at, byte)| {
                if at == 4 || at == 7 {
                    byte == b'-'
                } else {
                    byte.is_ascii_digit()
                }
            })
    })
}

fn section(prompt: &mut String, name: &str, text: &str, more: bool) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let _ = writeln!(prompt, "## {name}\n\n{text}\n");
    if more {
        let _ = writeln!(
            prompt,
            "[{name} goes on; only its first {FILE_LIMIT} bytes are shown]\n"
        );
    }
}

/// The day only: a prompt that changes with every second would defeat the providers' prompt caches.
fn today() -> String {
    let days = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / 86_400);
    let (year, month, day) = civil_from_days(days as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days since 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_workspace_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("agent")).unwrap();
        std::fs::create_dir_all(root.join("memory")).unwrap();
        std::fs::write(root.join("agent/IDENTITY.md"), "I am Lobster.").unwrap();
        std::fs::write(root.join("IDENTITY.md"), "shadowed").unwrap();
        std::fs::write(root.join("USER.md"), "They like tea.").unwrap();
        std::fs::write(root.join("memory/projects.md"), "no day").unwrap();
        for (day, note) in [("01", "oldest"), ("02", "older"), ("03", "newest")] {
            std::fs::write(root.join(format!("memory/2026-01-{day}.md")), note).unwrap();
        }
        let prompt = system_prompt(&Workspace::new(root), Some("Be brief."));
        let order = [
            "I am Lobster.",
            "They like tea.",
            "older",
            "newest",
            "Today is",
            "Be brief.",
        ];
        let positions: Vec<_> = order.iter().map(|text| prompt.find(text).unwrap()).collect();
        assert!(positions.is_sorted(), "{prompt}");
        assert!(
            !prompt.contains("shadowed") && !prompt.contains("oldest") && !prompt.contains("no day"),
            "{prompt}"
        );
    }

    #[test]
    fn an_empty_workspace_has_a_default() {
        let directory = tempfile::tempdir().unwrap();
        assert!(system_prompt(&Workspace::new(directory.path()), None).starts_with(DEFAULT_IDENTITY));
    }

    #[test]
    fn dates() {
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(11_016), (2000, 2, 29));
        assert_eq!(civil_from_days(20_778), (2026, 11, 21));
    }
}
