//! Images: the one that an instance asked for, pinned to what it is now, so that a tag that moves changes nothing by itself.

use futures_util::TryStreamExt as _;
use http_body_util::BodyExt as _;
use hyper::Method;
use serde_json::Value;

use super::engine::{Engine, EngineError, escaped};
use crate::FleetError;
use crate::driver::Say;

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What to run: the engine's own id of it.
    pub id: String,
    /// What to remember: `name@sha256:…`.
    pub pinned: String,
}

/// The image of this name, if the engine has it.
pub async fn find(engine: &Engine, name: &str) -> Result<Option<Image>, EngineError> {
    let mut found = inspect(engine, name).await?;
    if found.is_none()
        && let Some((_, digest)) = name.split_once('@')
    {
        // One that came from no registry is pinned by its own id.
        found = inspect(engine, digest).await?;
    }
    Ok(found.and_then(|found| image(name, &found)))
}

async fn inspect(engine: &Engine, name: &str) -> Result<Option<Value>, EngineError> {
    match engine.get(&format!("/images/{}/json", escaped(name))).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn image(name: &str, found: &Value) -> Option<Image> {
    let id = found["Id"].as_str()?.to_owned();
    if name.contains("@sha256:") {
        return Some(Image {
            id,
            pinned: name.to_owned(),
        });
    }
    let repository = repository(name);
    let digests = found["RepoDigests"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let of_registry = digests
        .into_iter()
        .find(|digest| digest.split('@').next() == Some(repository));
    let pinned = match of_registry {
        Some(digest) => digest.to_owned(),
        None => format!("{}@{id}", if name.starts_with("sha256:") { "local" } else { name }),
    };
    Some(Image { id, pinned })
}

/// `ghcr.io:443/a/b:tag` without its tag.
fn repository(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// The image of this name; pulled where the engine has not got it.
pub async fn provide(engine: &Engine, name: &str, say: &Say) -> Result<Image, FleetError> {
    if let Some(image) = find(engine, name)
        .await
        .map_err(|error| error.of(&format!("look at the image {name}")))?
    {
        return Ok(image);
    }
    say(format!("pulling the image {name}"));
    let missing = |reason: String| FleetError::Driver {
        driver: creel_records::Driver::Docker,
        reason: format!(
            "the image {name} is not here and cannot be pulled ({reason}); build it (deploy/Dockerfile) or load it, or name another \
             with --image"
        ),
    };
    match pull(engine, name).await {
        Ok(None) => {}
        Ok(Some(reason)) | Err(EngineError::Refused { reason, .. }) => return Err(missing(reason)),
        Err(error) => return Err(error.of("pull an image")),
    }
    let found = find(engine, name)
        .await
        .map_err(|error| error.of(&format!("look at the image {name}")))?;
    found.ok_or_else(|| missing("the engine says that it pulled it, and has not got it".to_owned()))
}

/// Pulls, to the end of the engine's own account of it; an error in there is given back.
async fn pull(engine: &Engine, name: &str) -> Result<Option<String>, EngineError> {
    let path = format!("/images/create?fromImage={}", escaped(name).replace(':', "%3A"));
    // Without a tag every tag would be pulled.
    let path = if repository(name) == name && !name.contains('@') {
        path + "&tag=latest"
    } else {
        path
    };
    let response = engine.open(Method::POST, &path, None).await?;
    let mut body = response.into_body().into_data_stream();
    let mut last = Vec::new();
    while let Ok(Some(piece)) = body.try_next().await {
        last.extend_from_slice(&piece);
        // Lines of JSON; the last one tells how it ended.
        if let Some(end) = last
            .iter()
            .rposition(|byte| *byte == b'\n')
            .filter(|end| end + 1 < last.len())
        {
            last.drain(..=end);
        }
    }
    let text = String::from_utf8_lossy(&last).into_owned();
    let said = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(said.rev().find_map(|said| said["error"].as_str().map(str::to_owned)))
}

/// Refuses what is no name of an image.
pub fn check(name: &str) -> Result<(), FleetError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte));
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let digest = match name.split_once('@') {
        Some((before, digest)) => {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            !before.is_empty() && hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        None => true,
    };
    if plain && starts && digest && name.len() <= 300 {
        return Ok(());
    }
    let reason = "must be an image, for example creel:0.1.0 or ghcr.io/openclaw/openclaw@sha256:<64 digits>";
    Err(FleetError::invalid("image", reason))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "sha256:00112233";

    #[test]
    fn an_image_is_pinned_to_what_the_registry_calls_it_else_to_its_id() {
        let pinned =
            |name: &str, digests: Value| image(name, &json!({"Id": ID, "RepoDigests": digests})).unwrap().pinned;
        assert_eq!(pinned("creel:1", json!([])), "creel:1@sha256:00112233");
        assert_eq!(pinned("creel:1", json!(null)), "creel:1@sha256:00112233");
        assert_eq!(
            pinned("a.io:5/b/c:1", json!(["x@sha256:aa", "a.io:5/b/c@sha256:bb"])),
            "a.io:5/b/c@sha256:bb"
        );
        assert_eq!(pinned("creel:1@sha256:00112233", json!([])), "creel:1@sha256:00112233");
        assert_eq!(pinned(ID, json!([])), "local@sha256:00112233");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let digest = "a".repeat(64);
        for name in [
            "creel",
            "creel:0.1.0",
            "ghcr.io/openclaw/openclaw:2026.9.6",
            &format!("a.io:5/b@sha256:{digest}"),
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "-v", "a b", "a\n", "a?b=c", "a@sha256:12", "@x", &"a".repeat(301)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
