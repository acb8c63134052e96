//! The assistant's memory: `MEMORY.md` and the files under `memory/` of the workspace, to read, append to and search.

use std::sync::LazyLock;

use async_trait::async_trait;
use creel_llm::ToolSpec;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{ToolOutput, ToolSource};
use crate::workspace::Workspace;

/// Bytes a memory file may hold.
const FILE_LIMIT: u64 = 1024 * 1024;
/// Bytes one append may add.
const APPEND_LIMIT: usize = 64 * 1024;
/// Files a search looks at.
const FILES: usize = 1_000;
/// Bytes a search reads.
const SEARCH_LIMIT: u64 = 8 * 1024 * 1024;
/// Lines a search answers with.
const HITS: usize = 40;

pub struct MemoryTools {
    workspace: Workspace,
    /// One search at a time: a model may ask for hundreds at once, and each reads all there is.
    searching: tokio::sync::Mutex<()>,
}

#[derive(Deserialize)]
struct Read {
    path: String,
}

#[derive(Deserialize)]
struct Append {
    path: String,
    text: String,
}

#[derive(Deserialize)]
struct Search {
    query: String,
}

impl MemoryTools {
    pub fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            searching: tokio::sync::Mutex::default(),
        }
    }

    fn read(&self, arguments: &Read) -> ToolOutput {
        if let Err(refusal) = memory_path(&arguments.path) {
            return refusal;
        }
        match self.workspace.read(&arguments.path, super::RESULT_LIMIT as u64) {
            Ok((text, false)) => ToolOutput::ok(text),
            Ok((text, true)) => ToolOutput::ok(format!("{text}\n[the file goes on]")),
            Err(error) => ToolOutput::error(format!("{}: {error}", arguments.path)),
        }
    }

    fn append(&self, arguments: &Append) -> ToolOutput {
        if let Err(refusal) = memory_path(&arguments.path) {
            return refusal;
        }
        if arguments.text.len() > APPEND_LIMIT {
            return ToolOutput::error(format!("at most {APPEND_LIMIT} bytes can be appended at once"));
        }
        let line = format!("{}\n", arguments.text.trim_end_matches('\n'));
        match self.workspace.append(&arguments.path, &line, FILE_LIMIT) {
            Ok(()) => ToolOutput::ok(format!("appended to {}", arguments.path)),
            Err(error) => ToolOutput::error(format!("{}: {error}", arguments.path)),
        }
    }

    /// Searches on a thread of its own: on this one all else would wait until some megabytes are read.
    async fn search_apart(&self, arguments: &str) -> ToolOutput {
        let _one = self.searching.lock().await;
        let (workspace, arguments) = (self.workspace.clone(), arguments.to_owned());
        let search = move || with(&arguments, |parsed| search(&workspace, parsed));
        let found = tokio::task::spawn_blocking(search).await;
        found.unwrap_or_else(|_| ToolOutput::error("the search failed"))
    }
}

/// Lines that hold every word of the query, newest file first.
fn search(workspace: &Workspace, arguments: &Search) -> ToolOutput {
    let words: Vec<String> = arguments.query.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() {
        return ToolOutput::error("query: give at least one word");
    }
    let mut paths = match workspace.files("memory", FILES) {
        Ok(paths) => paths,
        Err(error) => return ToolOutput::error(format!("memory: {error}")),
    };
    paths.reverse();
    paths.insert(0, "MEMORY.md".to_owned());
    let mut hits = Vec::new();
    let mut left = SEARCH_LIMIT;
    for path in paths {
        let Ok((text, _)) = workspace.read(&path, FILE_LIMIT.min(left)) else {
            continue;
        };
        left -= (text.len() as u64).min(left);
        if left == 0 {
            hits.push(format!(
                "[older files are not searched: the memory holds more than {SEARCH_LIMIT} bytes]"
            ));
            break;
        }
        for (number, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            if words.iter().all(|word| lower.contains(word)) {
                hits.push(format!("{path}:{}: {}", number + 1, line.trim()));
                if hits.len() == HITS {
                    hits.push(format!("[more than {HITS} lines match]"));
                    return ToolOutput::ok(hits.join("\n"));
                }
            }
        }
    }
    if hits.is_empty() {
        ToolOutput::ok("nothing found")
    } else {
        ToolOutput::ok(hits.join("\n"))
    }
}

/// Only Markdown files of the memory: `MEMORY.md`, or a file below `memory/`.
fn memory_path(path: &str) -> Result<(), ToolOutput> {
    let below = path.starts_with("memory/") && path.ends_with(".md") && !path.split('/').any(|part| part == "..");
    if path == "MEMORY.md" || below {
        return Ok(());
    }
    Err(ToolOutput::error(format!(
        "{path}: not a memory file; use MEMORY.md or memory/NAME.md"
    )))
}

fn with<T: DeserializeOwned>(arguments: &str, act: impl FnOnce(&T) -> ToolOutput) -> ToolOutput {
    match serde_json::from_str(arguments) {
        Ok(parsed) => act(&parsed),
        Err(error) => ToolOutput::error(format!("arguments: {error}")),
    }
}

static SPECS: LazyLock<Vec<ToolSpec>> = LazyLock::new(|| {
    let path = ("path", "MEMORY.md or memory/NAME.md");
    vec![
        spec("memory_read", "Read a memory file.", &[path]),
        spec(
            "memory_append",
            "Remember something: append a line to a memory file. Lasting facts go to MEMORY.md, notes of a day to memory/YYYY-MM-DD.md.",
            &[path, ("text", "what to remember")],
        ),
        spec(
            "memory_search",
            "Find lines in all memory files.",
            &[("query", "words that must all be in the line")],
        ),
    ]
});

fn spec(name: &str, description: &str, properties: &[(&str, &str)]) -> ToolSpec {
    let described: serde_json::Map<String, Value> = properties
        .iter()
        .map(|(name, meaning)| ((*name).to_owned(), json!({"type": "string", "description": meaning})))
        .collect();
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        schema: json!({"type": "object", "properties": described, "required": required, "additionalProperties": false})
            .into(),
    }
}

#[async_trait]
impl ToolSource for MemoryTools {
    async fn specs(&self) -> Vec<ToolSpec> {
        SPECS.clone()
    }

    async fn call(&self, name: &str, arguments: &str) -> Option<ToolOutput> {
        match name {
            "memory_read" => Some(with(arguments, |parsed| self.read(parsed))),
            "memory_append" => Some(with(arguments, |parsed| self.append(parsed))),
            "memory_search" => Some(self.search_apart(arguments).await),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn call(tools: &MemoryTools, name: &str, arguments: Value) -> ToolOutput {
        tools.call(name, &arguments.to_string()).await.unwrap()
    }

    #[tokio::test]
    async fn remembers_and_finds() {
        let directory = tempfile::tempdir().unwrap();
        let tools = MemoryTools::new(Workspace::new(directory.path()));
        for (path, text) in [
            ("MEMORY.md", "Her cat is named Mochi"),
            ("memory/2026-01-02.md", "Mochi saw a vet"),
        ] {
            assert!(
                !call(&tools, "memory_append", json!({"path": path, "text": text}))
                    .await
                    .is_error
            );
        }
        let found = call(&tools, "memory_search", json!({"query": "mochi"})).await;
        assert_eq!(
            found.text,
            "MEMORY.md:1: Her cat is named Mochi\nmemory/2026-01-02.md:1: Mochi saw a vet"
        );
        let one = call(&tools, "memory_search", json!({"query": "VET mochi"})).await;
        assert_eq!(one.text, "memory/2026-01-02.md:1: Mochi saw a vet");
        let read = call(&tools, "memory_read", json!({"path": "MEMORY.md"})).await;
        assert_eq!(read, ToolOutput::ok("Her cat is named Mochi\n"));
    }

    #[tokio::test]
    async fn keeps_to_the_memory_files() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("openclaw.json"), "secret").unwrap();
        let tools = MemoryTools::new(Workspace::new(directory.path()));
        for path in [
            "openclaw.json",
            "../x.md",
            "memory/../openclaw.json",
            "memory/../../x.md",
            "memory/../IDENTITY.md",
            "sessions/a.jsonl",
            "",
        ] {
            assert!(
                call(&tools, "memory_read", json!({"path": path})).await.is_error,
                "{path}"
            );
            assert!(
                call(&tools, "memory_append", json!({"path": path, "text": "x"}))
                    .await
                    .is_error,
                "{path}"
            );
        }
        assert!(tools.call("memory_read", "{broken").await.unwrap().is_error);
        assert_eq!(tools.call("other", "{}").await, None);
    }
}
