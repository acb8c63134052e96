//! Which models can be asked, by the names that clients use.
//!
//! A client names an agent (`openclaw`, `openclaw/ID`, as upstream has it) or a model (`PROVIDER/MODEL`). With no provider
//! configured there is one model, `demo`, which answers by itself and says that it is none.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use creel_agent::Route;
use creel_config::{Api, GatewayConfig, Models, Provider};
use creel_llm::{ApiKey, Target};

/// Tokens, where the configuration says nothing.
const CONTEXT_WINDOW: u32 = 128_000;
const REPLY_TOKENS: u32 = 8_192;

/// Names of the default agent.
const DEFAULT_AGENT: [&str; 4] = ["openclaw", "openclaw/default", "openclaw/main", "default"];
/// What an agent's name may come after.
const AGENT_PREFIXES: [&str; 3] = ["openclaw/", "openclaw:", "agent:"];

pub struct ModelTable {
    models: Models,
    /// The default agent's model and what to try after it.
    primary: Vec<Route>,
    agents: BTreeMap<String, Vec<Route>>,
}

/// What a client's `model` means.
pub struct Choice {
    /// `None`: the default agent.
    pub agent: Option<String>,
    pub routes: Vec<Route>,
}

impl ModelTable {
    pub fn new(config: &GatewayConfig) -> Self {
        let defaults = &config.agents.defaults;
        let models = &config.models;
        let primary = chain(models, defaults.model.as_deref(), &defaults.fallbacks);
        let agents = config
            .agents
            .entries
            .iter()
            .map(|(id, agent)| {
                let fallbacks = agent.fallbacks.as_ref().unwrap_or(&defaults.fallbacks);
                let routes = match &agent.model {
                    Some(model) => chain(models, Some(model), fallbacks),
                    None => primary.clone(),
                };
                (id.clone(), routes)
            })
            .collect();
        Self {
            models: models.clone(),
            primary,
            agents,
        }
    }

    /// What a request's `model` means; `None` names nothing that is here.
    pub fn choose(&self, requested: Option<&str>) -> Option<Choice> {
        let requested = requested
            .map(str::trim)
            .filter(|name| !name.is_empty() && !DEFAULT_AGENT.contains(name));
        let Some(name) = requested else {
            return Some(Choice {
                agent: None,
                routes: self.primary.clone(),
            });
        };
        if let Some(agent) = AGENT_PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            let routes = self.agents.get(agent)?.clone();
            return Some(Choice {
                agent: Some(agent.to_owned()),
                routes,
            });
        }
        let own = self.primary.iter().find(|route| &*route.label == name).cloned();
        // The demo answers to every plain name: whoever has no key yet sees what is missing, not an unknown model.
        let route = own.or_else(|| match self.models.providers.is_empty() {
            true => (!name.contains('/')).then(demo),
            false => named(&self.models, name),
        })?;
        Some(Choice {
            agent: None,
            routes: vec![route],
        })
    }

    /// All names for `GET /v1/models`: agents first.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec!["openclaw".to_owned()];
        names.extend(self.agents.keys().map(|id| format!("openclaw/{id}")));
        let listed = self.models.providers.iter().flat_map(|(provider_name, provider)| {
            provider
                .models
                .iter()
                .map(move |model| format!("{provider_name}/{}", model.id))
        });
        let own = self.primary.iter().map(|route| route.label.to_string());
        // Looked up in a set, because a user may list as many as a file has room for.
        let mut seen: HashSet<String> = names.iter().cloned().collect();
        names.extend(own.chain(listed).filter(|label| seen.insert(label.clone())));
        names
    }

    /// Whether a name can be relied on. Of a plain one that nobody lists, only whoever is asked for it can tell.
    pub fn knows(&self, name: &str) -> bool {
        let is_listed = || {
            self.models
                .providers
                .values()
                .any(|provider| provider.model(name).is_some())
        };
        let is_named = || name.contains('/') && self.choose(Some(name)).is_some();
        DEFAULT_AGENT.contains(&name) || is_named() || is_listed()
    }

    /// What a metric calls the model with this label: what is configured by its label, anything else `other`. A client may name any model
    /// of a provider, and each name would be a series of its own, for everybody to read.
    pub fn metric_label<'a>(&self, label: &'a str) -> &'a str {
        let routes = self.agents.values().flatten().chain(&self.primary);
        let is_listed = || {
            let (provider, model) = label.split_once('/')?;
            self.models.providers.get(provider)?.model(model)
        };
        if routes.into_iter().any(|route| &*route.label == label) || is_listed().is_some() {
            label
        } else {
            "other"
        }
    }

    /// Label of the model that answers by default.
    pub fn primary(&self) -> Option<&str> {
        self.primary.first().map(|route| &*route.label)
    }
}

/// Whom to ask: whoever read the configuration was warned of models that nobody provides.
fn chain(models: &Models, primary: Option<&str>, fallbacks: &[String]) -> Vec<Route> {
    if models.providers.is_empty() {
        return vec![demo()];
    }
    let chain = models.chain(primary, fallbacks);
    chain
        .into_iter()
        .map(|(name, provider, model)| route(name, provider, &model))
        .collect()
}

fn named(models: &Models, name: &str) -> Option<Route> {
    let (provider_name, provider, model) = models.resolve(name)?;
    Some(route(provider_name, provider, model))
}

fn route(provider_name: &str, provider: &Provider, model: &str) -> Route {
    let listed = provider.model(model);
    let max_tokens = listed.and_then(|model| model.max_tokens).or(provider.max_tokens);
    let target = Target {
        api: match provider.api {
            Api::OpenaiCompletions => creel_llm::Api::OpenaiCompletions,
            Api::AnthropicMessages => creel_llm::Api::AnthropicMessages,
        },
        base_url: provider.base_url.clone(),
        api_key: provider.api_key.as_ref().map(|key| ApiKey::new(key.expose())),
        headers: provider
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect(),
        model: model.to_owned(),
        max_tokens,
        silence: provider.timeout,
        public_only: provider.public_only,
    };
    Route {
        label: format!("{provider_name}/{model}").into(),
        target: Arc::new(target),
        context_window: listed.and_then(|model| model.context_window).unwrap_or(CONTEXT_WINDOW),
        reply_tokens: max_tokens.unwrap_or(REPLY_TOKENS),
        timeout: provider.timeout,
    }
}

fn demo() -> Route {
    Route {
        label: "demo/demo".into(),
        target: Arc::new(Target::demo()),
        context_window: CONTEXT_WINDOW,
        reply_tokens: REPLY_TOKENS,
        timeout: None,
    }
}
