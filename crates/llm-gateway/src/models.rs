//! `GET /v1/models`: what a key may use, in the style of whoever asks: <https://platform.openai.com/docs/api-reference/models>,
//! <https://docs.anthropic.com/en/api/models-list>.

use std::collections::BTreeSet;

use http::{HeaderMap, Response};
use serde_json::{Value, json};

use crate::ask;
use crate::auth;
use crate::body::Reply;
use crate::catalog::{Catalog, Key};
use crate::refusal::Refusal;
use crate::routes::text;
use crate::style::{Style, Surface};
use crate::worker::Worker;

pub fn list(worker: &Worker, headers: &HeaderMap, style: Style) -> Result<Response<Reply>, Refusal> {
    let catalog = worker.shared.catalog.load();
    let key = auth::key(&catalog, &worker.shared.ledger, headers)?;
    let names = names(&catalog, &key);
    let data: Vec<Value> = names.iter().map(|name| model(style, name)).collect();
    let list = match style {
        Style::Openai => json!({"object": "list", "data": data}),
        Style::Anthropic => {
            json!({"data": data, "has_more": false, "first_id": names.first(), "last_id": names.last()})
        }
    };
    Ok(text("application/json", list.to_string()))
}

pub fn show(worker: &Worker, headers: &HeaderMap, style: Style, name: &str) -> Result<Response<Reply>, Refusal> {
    let catalog = worker.shared.catalog.load();
    let key = auth::key(&catalog, &worker.shared.ledger, headers)?;
    if !ask::is_name(name) {
        return Err(Refusal::BadRequest(ask::no_name().to_string()));
    }
    let resolved = key.resolve(name);
    if !key.may_use(resolved) {
        return Err(Refusal::ModelNotAllowed(name.to_owned()));
    }
    let surface = match style {
        Style::Openai => Surface::Completions,
        Style::Anthropic => Surface::Messages,
    };
    if catalog.model(resolved, surface).is_none() {
        return Err(Refusal::NoSuchModel(name.to_owned()));
    }
    Ok(text("application/json", model(style, name).to_string()))
}

/// The listed models that the key may use, those that it names itself, and its own names.
fn names(catalog: &Catalog, key: &Key) -> Vec<String> {
    let listed = catalog.models.keys().filter(|name| key.may_use(name));
    let named = key.models.iter().flatten();
    let aliases = key.aliases.keys();
    let names: BTreeSet<&String> = listed.chain(named).chain(aliases).collect();
    names.into_iter().cloned().collect()
}

fn model(style: Style, name: &str) -> Value {
    match style {
        Style::Openai => json!({"id": name, "object": "model", "created": 0, "owned_by": "creel"}),
        Style::Anthropic => {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"})
        }
    }
}
