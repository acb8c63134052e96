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

const KEYS: &[&str] = &["defaults", "entries", "list"];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &["ownership"];

/// Upstream's (its JSON Schema, 2026.9.6), and `systemPrompt` and
/// `maxToolRounds`, which only the native runtime reads.
const DEFAULTS_KEYS: &[&str] = &[
    "model",
    "workspace",
    "timeoutSeconds",
    "sandbox",
    "systemPrompt",
    "maxToolRounds",
];

/// Known to upstream, and nothing done with them.
const DEFAULTS_IDLE: &[&str] = &[
    "params",
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
];

const ENTRY_KEYS: &[&str] = &[
    "name",
    "description",
    "workspace",
    "model",
    "sandbox",
    "default",
    "id",
    "systemPrompt",
];

/// Known to upstream, and nothing done with them.
const ENTRY_IDLE: &[&str] = &[
    "cwd",
    "agentDir",
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
    "tools",
];

impl Agents {
    /// `entries`, and the `list` that it has replaced; an entry beats a list item of the same id.
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(KEYS, IDLE);
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
        section.knows_also(DEFAULTS_KEYS, DEFAULTS_IDLE);
        let default = Self::default();
        let (model, fallbacks) = known_model(section)?;
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
        section.knows_also(ENTRY_KEYS, ENTRY_IDLE);
        let (model, fallbacks) = known_model(section)?;
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

/// `model`: a name, or `{primary, fallbacks}`. Warns of what else it says.
fn known_model(section: &Section) -> Result<(Option<String>, Option<Vec<String>>), ConfigError> {
    if let Some(Value::Object(_)) = section.get("model").map(|node| &node.value) {
        section
            .section("model")?
            .knows_also(&["primary", "fallbacks"], &["timeoutMs"]);
    }
    model(section)
}

fn model(section: &Section) -> Result<(Option<String>, Option<Vec<String>>), ConfigError> {
    match section.get("model").map(|node| &node.value) {
        Some(Value::Object(_)) => {
            let model = section.section("model")?;
            Ok((model.filled("primary")?, model.strings("fallbacks")?))
        }
        _ => Ok((section.filled("model")?, None)),
    }
}

/// Warns of every model that is configured and that nobody serves, at its place, and says who answers instead. With no provider at
/// all the demo answers to a plain name, and says so by itself.
pub(crate) fn warn_of_unknown_models(file: &Section, models: &Models) -> Result<(), ConfigError> {
    let of_environment = filled(file.source.env, "MODEL_NAME");
    for section in agents(file)? {
        let (primary, fallbacks) = model(&section)?;
        let fallbacks = fallbacks.unwrap_or_default();
        for (path, node) in named_models(&section) {
            let name = section.text(node, &path)?;
            let is_fallback = path.ends_with(']');
            // The environment's goes before the defaults' own.
            if !is_fallback && of_environment.is_some() && path.starts_with("agents.defaults.") {
                continue;
            }
            let instead = match is_fallback {
                true => Instead::LeftOut,
                false => Instead::of(models, primary.as_deref(), &fallbacks),
            };
            if let Some(problem) = nobody_has(models, &name, &instead) {
                file.warn(node.span.start, format!("`{path}`: {problem}"));
            }
        }
    }
    if let Some(name) = of_environment {
        let fallbacks = model(&file.section("agents")?.section("defaults")?)?
            .1
            .unwrap_or_default();
        let instead = Instead::of(models, Some(&name), &fallbacks);
        if let Some(problem) = nobody_has(models, &name, &instead) {
            file.warn(0, format!("environment: MODEL_NAME: {problem}"));
        }
    }
    Ok(())
}

/// What happens where nobody has a model.
enum Instead {
    Demo,
    /// `provider/model`
    Model(String),
    /// A fallback that is not tried.
    LeftOut,
    Nobody,
}

impl Instead {
    fn of(models: &Models, primary: Option<&str>, fallbacks: &[String]) -> Self {
        match models.chain(primary, fallbacks).first() {
            _ if models.providers.is_empty() => Self::Demo,
            Some((provider, _, model)) => Self::Model(format!("{provider}/{model}")),
            None => Self::Nobody,
        }
    }
}

/// What is wrong with a model's name, and what follows; `None`: somebody has it.
fn nobody_has(models: &Models, name: &str, instead: &Instead) -> Option<String> {
    let name = name.trim();
    let providers: Vec<&str> = models.providers.keys().map(String::as_str).collect();
    let there_are = match providers.as_slice() {
        // A plain name says nothing of a provider that was forgotten.
        [] if !name.contains('/') || name.starts_with("demo/") => return None,
        [] => "there is none".to_owned(),
        _ if name.is_empty() || models.resolve(name).is_some() => return None,
        _ => format!("there are {}", providers.join(", ")),
    };
    let instead = match instead {
        Instead::Demo => "the built-in demo answers, which is no model".to_owned(),
        Instead::Model(model) => format!("{model} answers instead"),
        Instead::LeftOut => "it is not tried".to_owned(),
        Instead::Nobody => "nobody answers: name one as provider/model".to_owned(),
    };
    Some(format!(
        "model {name:?} is of no configured provider ({there_are}); {instead}"
    ))
}

/// The sections of all agents, that of the defaults first.
pub(crate) fn agents<'a>(file: &Section<'a>) -> Result<Vec<Section<'a>>, ConfigError> {
    let agents = file.section("agents")?;
    let mut sections = vec![agents.section("defaults")?];
    sections.extend(agents.sections("list")?);
    sections.extend(agents.entries("entries")?.into_iter().map(|(_, entry)| entry));
    Ok(sections)
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
