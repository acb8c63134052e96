//! `agents`: who is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::environment::filled;
use crate::json5::{Node, Value};
use crate::section::Section;
use crate::{ConfigError, Models};

/// The agents: what they share, and each one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agents {
    pub defaults: AgentDefaults,
    /// By agent id. Empty means one agent, `main`, that is all defaults.
    pub entries: BTreeMap<String, AgentEntry>,
}

/// What every agent gets that does not say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDefaults {
    /// `~` is already expanded. `None`: `workspace` in the state directory.
    pub workspace: Option<PathBuf>,
    /// The model, as `provider/model`; `None` if there is no provider at all.
    pub model: Option<String>,
    /// Models to try after it, in order.
    pub fallbacks: Vec<String>,
    /// Put before the workspace's own files.
    pub system_prompt: Option<String>,
    /// How often a turn may go back to the model with tool results.
    pub max_tool_rounds: u32,
    /// How long a turn may take.
    pub timeout: Duration,
}

impl Default for AgentDefaults {
    fn default() -> Self {
        Self {
            workspace: None,
            model: None,
            fallbacks: Vec::new(),
            system_prompt: None,
            max_tool_rounds: 24,
            timeout: Duration::from_secs(600),
        }
    }
}

/// One agent. What is `None` comes from the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentEntry {
    pub name: Option<String>,
    pub description: Option<String>,
    pub workspace: Option<PathBuf>,
    pub model: Option<String>,
    /// `None`: the defaults' fallbacks, unless a model is named; that one is then asked alone (as upstream does).
    pub fallbacks: Option<Vec<String>>,
    pub system_prompt: Option<String>,
}

const KEYS: &[&str] = &["ownership", "defaults", "entries", "list"];

/// Upstream's (its JSON Schema, 2026.9.6), and `systemPrompt` and
/// `maxToolRounds`, which only the native runtime reads.
const DEFAULTS_KEYS: &[&str] = &[
    "params",
    "model",
    "modelSelectionScope",
    "utilityModel",
    "decisionModel",
    "imageModel",
    "mediaModels",
    "voiceModel",
    "pdfModel",
    "pdfMaxMb",
    "pdfMaxPages",
    "models",
    "modelPolicy",
    "workspace",
    "cwd",
    "skills",
    "silentReply",
    "repoRoot",
    "skipBootstrap",
    "skipOptionalBootstrapFiles",
    "contextInjection",
    "bootstrapMaxChars",
    "bootstrapTotalMaxChars",
    "experimental",
    "userTimezone",
    "startupContext",
    "contextPruning",
    "compaction",
    "embeddedAgent",
    "thinkingDefault",
    "fastModeDefault",
    "verboseDefault",
    "toolProgressDetail",
    "reasoningDefault",
    "elevatedDefault",
    "blockStreamingDefault",
    "blockStreamingBreak",
    "timeoutSeconds",
    "mediaMaxMb",
    "imageMaxDimensionPx",
    "imageQuality",
    "typingIntervalSeconds",
    "systemAgent",
    "authInheritance",
    "sessionStore",
    "maxConcurrent",
    "subagents",
    "contextLimits",
    "blockStreamingChunk",
    "blockStreamingCoalesce",
    "humanDelay",
    "typingMode",
    "heartbeat",
    "sandbox",
    "systemPrompt",
    "maxToolRounds",
];

const ENTRY_KEYS: &[&str] = &[
    "name",
    "description",
    "workspace",
    "cwd",
    "agentDir",
    "model",
    "utilityModel",
    "decisionModel",
    "models",
    "modelPolicy",
    "thinkingDefault",
    "verboseDefault",
    "toolProgressDetail",
    "reasoningDefault",
    "fastModeDefault",
    "contextInjection",
    "bootstrapMaxChars",
    "bootstrapTotalMaxChars",
    "experimental",
    "skills",
    "subagents",
    "embeddedAgent",
    "params",
    "runtime",
    "memory",
    "humanDelay",
    "typingMode",
    "tts",
    "skillsLimits",
    "contextLimits",
    "heartbeat",
    "identity",
    "groupChat",
    "sandbox",
    "tools",
    "default",
    "id",
    "systemPrompt",
];

impl Agents {
    /// `entries`, and the `list` that it has replaced; an entry beats a list item of the same id.
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(KEYS);
        let mut entries = BTreeMap::new();
        for item in section.sections("list")? {
            let Some(id) = item.filled("id")? else {
                return Err(item.error("id", "is missing: an agent needs one"));
            };
            entries.insert(id, AgentEntry::read(&item)?);
        }
        for (id, entry) in section.entries("entries")? {
            entries.insert(id, AgentEntry::read(&entry)?);
        }
        Ok(Self {
            defaults: AgentDefaults::read(&section.section("defaults")?)?,
            entries,
        })
    }
}

impl AgentDefaults {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(DEFAULTS_KEYS);
        let default = Self::default();
        let (model, fallbacks) = model(section)?;
        Ok(Self {
            workspace: section.path("workspace")?,
            model,
            fallbacks: fallbacks.unwrap_or_default(),
            system_prompt: section.filled("systemPrompt")?,
            max_tool_rounds: section.u32("maxToolRounds", 1)?.unwrap_or(default.max_tool_rounds),
            timeout: section.seconds("timeoutSeconds")?.unwrap_or(default.timeout),
        })
    }
}

impl AgentEntry {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(ENTRY_KEYS);
        let (model, fallbacks) = model(section)?;
        Ok(Self {
            name: section.filled("name")?,
            description: section.filled("description")?,
            workspace: section.path("workspace")?,
            model,
            fallbacks,
            system_prompt: section.filled("systemPrompt")?,
        })
    }
}

/// `model`: a name, or `{primary, fallbacks}`.
fn model(section: &Section) -> Result<(Option<String>, Option<Vec<String>>), ConfigError> {
    match section.get("model").map(|node| &node.value) {
        Some(Value::Object(_)) => {
            let model = section.section("model")?;
            model.knows(&["primary", "fallbacks", "timeoutMs"]);
            Ok((model.filled("primary")?, model.strings("fallbacks")?))
        }
        _ => Ok((section.filled("model")?, None)),
    }
}

/// Warns of every model that is configured and that nobody serves, at its place. With no provider at all the demo answers, which
/// says so by itself.
pub(crate) fn warn_of_unknown_models(file: &Section, models: &Models) -> Result<(), ConfigError> {
    if models.providers.is_empty() {
        return Ok(());
    }
    let providers: Vec<&str> = models.providers.keys().map(String::as_str).collect();
    let nobody = format!("is of no configured provider; there are {}", providers.join(", "));
    let agents = file.section("agents")?;
    let mut sections = vec![agents.section("defaults")?];
    sections.extend(agents.sections("list")?);
    sections.extend(agents.entries("entries")?.into_iter().map(|(_, entry)| entry));
    for section in sections {
        for (path, node) in named_models(&section) {
            let name = section.text(node, &path)?;
            if !name.trim().is_empty() && models.resolve(name.trim()).is_none() {
                file.warn(node.span.start, format!("`{path}`: model {name:?} {nobody}"));
            }
        }
    }
    if let Some(name) = filled(file.source.env, "MODEL_NAME")
        && models.resolve(&name).is_none()
    {
        file.warn(0, format!("environment: MODEL_NAME: model {name:?} {nobody}"));
    }
    Ok(())
}

/// Where a section names its model and the fallbacks of it.
fn named_models<'a>(section: &Section<'a>) -> Vec<(String, &'a Node)> {
    let Some(model) = section.get("model") else {
        return Vec::new();
    };
    let path = section.path_of("model");
    let Value::Object(_) = model.value else {
        return vec![(path, model)];
    };
    let primary = model.get(&["primary"]).map(|node| (format!("{path}.primary"), node));
    let fallbacks = match model.get(&["fallbacks"]).map(|node| &node.value) {
        Some(Value::Array(items)) => items.as_slice(),
        _ => &[],
    };
    let fallbacks = fallbacks.iter().enumerate();
    let fallbacks = fallbacks.map(|(at, node)| (format!("{path}.fallbacks[{at}]"), node));
    primary.into_iter().chain(fallbacks).collect()
}
