//! `models`: who answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::environment::filled;
use crate::error::Elsewhere;
use crate::json5::Member;
use crate::section::Section;
use crate::substitute::is_name;
use crate::web::{check_address, check_header_name, check_header_value};
use crate::{ConfigError, Environment, Secret};

/// The model providers, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Models {
    pub providers: BTreeMap<String, Provider>,
}

/// A model provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Without a slash at the end. OpenAI-style: with `/v1`, as in `https://api.openai.com/v1`; Anthropic-style: without,
    /// as in `https://api.anthropic.com`.
    pub base_url: String,
    pub api_key: Option<Secret>,
    pub api: Api,
    pub headers: BTreeMap<String, Secret>,
    /// How long one call may take in all, and a silence in it; without one a silence of a minute ends the call.
    pub timeout: Option<Duration>,
    /// Output limit for models that name none.
    pub max_tokens: Option<u32>,
    /// The models that were listed; others may be asked for too.
    pub models: Vec<Model>,
    /// Named by one who may reach the open internet only, see [`crate::Endpoints::Public`].
    pub public_only: bool,
}

/// The protocol a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    OpenaiCompletions,
    AnthropicMessages,
}

/// A model of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub id: String,
    pub name: String,
    /// In tokens.
    pub context_window: Option<u32>,
    /// Output limit in tokens.
    pub max_tokens: Option<u32>,
    /// Whether it takes images; `None` if the file does not say.
    pub images: Option<bool>,
    pub reasoning: bool,
}

impl Models {
    /// Finds who serves a model: `provider/model` (split at the first slash, as upstream does), listed or not; or an id that one
    /// provider lists; or a plain name of OpenAI's or Anthropic's models where that provider is there; or any plain name where
    /// the only provider lists nothing and may have it. Yields the provider's name, the provider, and the model's id.
    pub fn resolve<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a Provider, &'a str)> {
        if let Some((provider, model)) = name.split_once('/')
            && let Some((id, found)) = self.providers.get_key_value(provider)
        {
            return Some((id, found, model));
        }
        let lists = |provider: &Provider| provider.models.iter().any(|model| model.id == name);
        if let Some((id, provider)) = self.providers.iter().find(|(_, provider)| lists(provider)) {
            return Some((id, provider, name));
        }
        if name.contains('/') {
            return None;
        }
        let vendor = vendor(name);
        if let Some((id, provider)) = vendor.and_then(|vendor| self.providers.get_key_value(vendor)) {
            return Some((id, provider, name));
        }
        match self.providers.iter().next() {
            Some((id, provider)) if self.providers.len() == 1 && provider.may_have(name) => Some((id, provider, name)),
            _ => None,
        }
    }

    /// Whom to ask for the configured models, in this order: `primary`, then its `fallbacks`, without those that nobody serves; where
    /// that leaves none, the first provider's own. Empty, where no provider says what it has.
    pub fn chain<'a>(
        &'a self,
        primary: Option<&'a str>,
        fallbacks: &'a [String],
    ) -> Vec<(&'a str, &'a Provider, Cow<'a, str>)> {
        let names = primary.into_iter().chain(fallbacks.iter().map(String::as_str));
        let found = names.filter_map(|name| self.resolve(name.trim()));
        let chain: Vec<_> = found
            .map(|(id, provider, model)| (id, provider, model.into()))
            .collect();
        if !chain.is_empty() {
            return chain;
        }
        let default = self.default_model();
        let default = default.as_deref().and_then(|name| name.split_once('/'));
        let default = default.and_then(|(id, model)| {
            let (id, provider) = self.providers.get_key_value(id)?;
            Some((id.as_str(), provider, model.to_owned().into()))
        });
        default.into_iter().collect()
    }
}

/// The provider whose models have plain names like this one.
fn vendor(name: &str) -> Option<&'static str> {
    let of_the_o_series = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    if name.starts_with("claude-") {
        Some("anthropic")
    } else if ["gpt-", "chatgpt-"].iter().any(|prefix| name.starts_with(prefix))
        || name.strip_prefix('o').is_some_and(of_the_o_series)
    {
        Some("openai")
    } else {
        None
    }
}

impl Provider {
    /// What the file says of a model.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// Whether it makes sense to ask it for a model by a plain name that it does not list. A proxy that speaks OpenAI's protocol
    /// may have anybody's models; a vendor has its own.
    fn may_have(&self, name: &str) -> bool {
        let has_its_own =
            self.api == Api::AnthropicMessages || KNOWN.iter().any(|known| known.base_url == self.base_url);
        self.models.is_empty() && (vendor(name).is_none() || !has_its_own)
    }
}

const KEYS: &[&str] = &["mode", "providers"];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &["catalogRefresh"];

const PROVIDER_KEYS: &[&str] = &[
    "baseUrl",
    "apiKey",
    "api",
    "maxTokens",
    "timeoutSeconds",
    "headers",
    "models",
];

/// Known to upstream, and nothing done with them.
const PROVIDER_IDLE: &[&str] = &[
    "auth",
    "region",
    "injectNumCtxForOpenAICompat",
    "params",
    "agentRuntime",
    "localService",
    "authHeader",
    "request",
];

/// `input`, `reasoning` and `cost` say what a model is: there is nothing to be done with them.
const MODEL_KEYS: &[&str] = &[
    "id",
    "name",
    "api",
    "reasoning",
    "input",
    "cost",
    "contextWindow",
    "maxTokens",
];

/// Known to upstream, and nothing done with them.
const MODEL_IDLE: &[&str] = &[
    "baseUrl",
    "contextTokens",
    "thinkingLevelMap",
    "params",
    "agentRuntime",
    "headers",
    "compat",
    "mediaInput",
    "metadataSource",
];

/// The protocols of upstream; `None` are those that the native runtime does not speak.
const APIS: [(&str, Option<Api>); 11] = [
    ("openai-completions", Some(Api::OpenaiCompletions)),
    ("anthropic-messages", Some(Api::AnthropicMessages)),
    ("openai-responses", None),
    ("openai-chatgpt-responses", None),
    ("google-generative-ai", None),
    ("google-vertex", None),
    ("github-copilot", None),
    ("bedrock-converse-stream", None),
    ("ollama", None),
    ("pi-messages", None),
    ("azure-openai-responses", None),
];

/// Providers that need no more than a key, which the environment may hold.
struct Known {
    id: &'static str,
    api: Api,
    base_url: &'static str,
    key_variable: &'static str,
    url_variable: &'static str,
    /// Asked when nobody chose a model.
    model: &'static str,
}

const KNOWN: [Known; 3] = [
    Known {
        id: "openai",
        api: Api::OpenaiCompletions,
        base_url: "https://api.openai.com/v1",
        key_variable: "OPENAI_API_KEY",
        url_variable: "OPENAI_BASE_URL",
        model: "gpt-4o-mini",
    },
    Known {
        id: "anthropic",
        api: Api::AnthropicMessages,
        base_url: "https://api.anthropic.com",
        key_variable: "ANTHROPIC_API_KEY",
        url_variable: "ANTHROPIC_BASE_URL",
        model: "claude-sonnet-4-6",
    },
    Known {
        id: "openrouter",
        api: Api::OpenaiCompletions,
        base_url: "https://openrouter.ai/api/v1",
        key_variable: "OPENROUTER_API_KEY",
        url_variable: "OPENROUTER_BASE_URL",
        model: "openrouter/auto",
    },
];

impl Models {
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(KEYS, IDLE);
        let mut providers = BTreeMap::new();
        let named = section.section("providers")?;
        for (id, section) in section.entries("providers")? {
            check_name(&id).map_err(|problem| named.error(&id, problem))?;
            section.knows_also(PROVIDER_KEYS, PROVIDER_IDLE);
            if let Some(provider) = Provider::read(&id, &section)? {
                providers.insert(id, provider);
            }
        }
        Ok(Self { providers })
    }

    /// Adds the providers whose key or address the environment holds (a server on one's own machine needs no key); one that the
    /// file defines only gets the key it lacks.
    ///
    /// # Errors
    /// A variable that is used, and holds what cannot be an address or a key.
    pub(crate) fn add_from(&mut self, env: &dyn Environment) -> Result<(), ConfigError> {
        for known in &KNOWN {
            let (key, url) = (filled(env, known.key_variable), filled(env, known.url_variable));
            if key.is_none() && url.is_none() {
                continue;
            }
            let wrong = |name, problem| ConfigError::elsewhere(Elsewhere::Environment(name), problem);
            if let Some(url) = url.as_deref().filter(|_| !self.providers.contains_key(known.id)) {
                check_address(url).map_err(|problem| wrong(known.url_variable, problem))?;
            }
            if let Some(key) = &key {
                check_header_value(key).map_err(|problem| wrong(known.key_variable, problem))?;
            }
            let provider = self.providers.entry(known.id.to_owned()).or_insert_with(|| Provider {
                base_url: trimmed(url.as_deref().unwrap_or(known.base_url)),
                api_key: None,
                api: known.api,
                headers: BTreeMap::new(),
                timeout: None,
                max_tokens: None,
                models: Vec::new(),
                public_only: false,
            });
            if let Some(key) = key {
                provider.api_key.get_or_insert_with(|| Secret::from(key));
            }
        }
        Ok(())
    }

    /// The model to ask when nobody chose one: the first that the file lists, else that of a known provider.
    pub(crate) fn default_model(&self) -> Option<String> {
        let listed = self
            .providers
            .iter()
            .find_map(|(id, provider)| Some((id.as_str(), provider.models.first()?.id.as_str())));
        let known = || {
            KNOWN
                .iter()
                .find(|known| self.providers.contains_key(known.id))
                .map(|known| (known.id, known.model))
        };
        listed
            .or_else(known)
            .map(|(provider, model)| format!("{provider}/{model}"))
    }
}

impl Provider {
    /// `None`: a provider that the native runtime cannot talk to; a warning says so.
    fn read(id: &str, section: &Section) -> Result<Option<Self>, ConfigError> {
        let known = KNOWN.iter().find(|known| known.id == id);
        let models = section.sections("models")?;
        let api = match section.one_of("api", &APIS)? {
            // Upstream lets each model name its protocol; here a provider speaks one, the first model's.
            None => models
                .first()
                .map(|model| model.one_of("api", &APIS))
                .transpose()?
                .flatten(),
            api => api,
        };
        let api = match api {
            Some(Some(api)) => api,
            Some(None) => {
                section.warn_key(
                    "api",
                    "is a protocol that the native runtime does not speak; the provider is left out",
                );
                return Ok(None);
            }
            None => known.map_or(Api::OpenaiCompletions, |known| known.api),
        };
        let url = section
            .filled("baseUrl")?
            .or_else(|| known.map(|known| known.base_url.to_owned()));
        let Some(url) = url else {
            return Err(section.error("baseUrl", "is missing: where is this provider?"));
        };
        check_address(&url).map_err(|problem| section.error("baseUrl", problem))?;
        let headers = section.section("headers")?;
        let header = |member: &Member| {
            let value = headers.secret_of(&member.value, &headers.path_of(&member.key))?;
            check_header_name(&member.key)
                .and_then(|()| check_header_value(value.expose()))
                .map_err(|problem| headers.error(&member.key, problem))?;
            Ok((member.key.clone(), value))
        };
        let api_key = section.secret("apiKey")?.map(|key| follow_marker(key, section));
        if let Some(key) = &api_key {
            check_header_value(key.expose()).map_err(|problem| section.error("apiKey", problem))?;
        }
        Ok(Some(Self {
            base_url: trimmed(&url),
            api_key,
            api,
            headers: headers
                .members()
                .iter()
                .map(header)
                .collect::<Result<_, ConfigError>>()?,
            timeout: section.seconds("timeoutSeconds")?,
            max_tokens: section.u32("maxTokens", 1)?,
            models: models.iter().map(Model::read).collect::<Result<_, _>>()?,
            public_only: false,
        }))
    }
}

impl Model {
    fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows_also(MODEL_KEYS, MODEL_IDLE);
        let Some(id) = section.filled("id")? else {
            return Err(section.error("id", "is missing: a model needs one"));
        };
        Ok(Self {
            name: section.filled("name")?.unwrap_or_else(|| id.clone()),
            context_window: section.u32("contextWindow", 1)?,
            max_tokens: section.u32("maxTokens", 1)?,
            images: section
                .strings("input")?
                .map(|input| input.iter().any(|kind| kind == "image")),
            reasoning: section.boolean("reasoning")?.unwrap_or(false),
            id,
        })
    }
}

/// A key that is the name of a variable stands for the variable (upstream: docs/gateway/config-tools/custom-providers).
fn follow_marker(key: Secret, section: &Section) -> Secret {
    let named = is_name(key.expose())
        .then(|| filled(section.source.env, key.expose()))
        .flatten();
    named.map_or(key, Secret::from)
}

/// Whether a client can name a provider: `PROVIDER/MODEL`, where `openclaw/ID` is an agent.
fn check_name(provider: &str) -> Result<(), &'static str> {
    match provider {
        "" => Err("is a provider without a name"),
        "openclaw" => Err("has a name that stands for the agents (`openclaw/ID`); give it another"),
        name if name.contains('/') => Err("has a slash in its name, which ends a provider's; give it another"),
        _ => Ok(()),
    }
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
