//! Where the configuration of a gateway for many users is.

use std::path::{Path, PathBuf};

use crate::environment::filled;
use crate::error::Elsewhere;
use crate::json5::{Value, parse, utf8};
use crate::load::MAX_BYTES;
use crate::locations::expand_home;
use crate::{ConfigError, Environment, Locations};

/// The system's place, then the places in a home directory.
const SYSTEM: &str = "/etc/openclaw/config.json";
const OF_A_HOME: [&str; 2] = [".clawdbot/openclaw.json", ".openclaw/openclaw.json"];

impl Locations {
    /// Takes the multi-tenant file for the configuration, where there is one: `OPENCLAW_GLOBAL_CONFIG`, else the first of
    /// `/etc/openclaw/config.json`, `~/.clawdbot/openclaw.json` and `~/.openclaw/openclaw.json` that switches
    /// `multiTenant.enabled` on. Where none does, nothing changes: the gateway is that of one user. So it is with a profile,
    /// `OPENCLAW_CONFIG_PATH` or `OPENCLAW_STATE_DIR`, which name a gateway of their own.
    ///
    /// # Errors
    /// A file named by `OPENCLAW_GLOBAL_CONFIG` that is not there, or one of them that cannot be read or parsed.
    pub fn or_multi_tenant(mut self, env: &dyn Environment) -> Result<Self, ConfigError> {
        let home = filled(env, "OPENCLAW_HOME")
            .or_else(|| filled(env, "HOME"))
            .map(PathBuf::from);
        if let Some(path) = filled(env, "OPENCLAW_GLOBAL_CONFIG") {
            let path = expand_home(&path, home.as_deref());
            let variable = Elsewhere::Environment("OPENCLAW_GLOBAL_CONFIG");
            let named = |problem: String| {
                ConfigError::elsewhere(variable, format!("names {}, which {problem}", path.display()))
            };
            match is_enabled(&path) {
                Ok(Some(true)) => self.config = path,
                Ok(Some(false)) => {}
                Ok(None) => return Err(named("is not there; make it, or unset the variable".to_owned())),
                Err(Unusable::File(error)) => return Err(named(format!("cannot be read: {error}"))),
                Err(Unusable::Text(error)) => return Err(error),
            }
            return Ok(self);
        }
        let named = ["OPENCLAW_CONFIG_PATH", "OPENCLAW_STATE_DIR"]
            .iter()
            .any(|name| filled(env, name).is_some());
        if named || self.profile.is_some() {
            return Ok(self);
        }
        let of_home = home
            .iter()
            .flat_map(|home| OF_A_HOME.iter().map(|file| home.join(file)));
        for path in std::iter::once(PathBuf::from(SYSTEM)).chain(of_home) {
            // What this user may not read is not for this user's gateway.
            let readable = std::fs::File::open(&path).is_ok();
            let is_on = |path: &Path| {
                is_enabled(path).map_err(|unusable| match unusable {
                    Unusable::File(error) => {
                        ConfigError::general(path, format!("cannot read {}: {error}", path.display()))
                    }
                    Unusable::Text(error) => error,
                })
            };
            if readable && is_on(&path)? == Some(true) {
                self.config = path;
                break;
            }
        }
        Ok(self)
    }
}

/// Why a file says nothing.
enum Unusable {
    File(std::io::Error),
    Text(ConfigError),
}

/// Whether a file switches multi-tenant mode on; `None`: it is not there.
fn is_enabled(path: &Path) -> Result<Option<bool>, Unusable> {
    let broken = |error| Unusable::Text(ConfigError::syntax(path, error));
    let text = match crate::file::read(path, MAX_BYTES) {
        Ok(bytes) => utf8(bytes).map_err(broken)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Unusable::File(error)),
    };
    let root = parse(&text).map_err(broken)?;
    let enabled = root.get(&["multiTenant", "enabled"]).map(|node| &node.value);
    Ok(Some(enabled == Some(&Value::Bool(true))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ON: &str = "{multiTenant: {enabled: true}}";
    const OFF: &str = "{multiTenant: {enabled: false}}";

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, file: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        }

        fn found(&self, more: &[(&str, &str)]) -> Result<PathBuf, ConfigError> {
            let mut env: BTreeMap<&str, &str> = more.iter().copied().collect();
            env.insert("HOME", self.0.path().to_str().unwrap());
            let locations = Locations::resolve(&env, None, false)?;
            Ok(locations.or_multi_tenant(&env)?.config)
        }
    }

    #[test]
    fn the_first_file_that_switches_it_on() {
        let home = Home::new();
        let own = home.write(".openclaw/openclaw.json", OFF);
        assert_eq!(home.found(&[]).unwrap(), own);
        let old = home.write(".clawdbot/openclaw.json", OFF);
        assert_eq!(home.found(&[]).unwrap(), own, "switched off is not there");
        home.write(".clawdbot/openclaw.json", ON);
        assert_eq!(home.found(&[]).unwrap(), old);
        let named = home.write("named.json", ON);
        let named = named.to_str().unwrap();
        assert_eq!(
            home.found(&[("OPENCLAW_GLOBAL_CONFIG", named)]).unwrap(),
            Path::new(named)
        );
    }

    #[test]
    fn a_gateway_that_names_its_own_file_keeps_it() {
        let home = Home::new();
        home.write(".clawdbot/openclaw.json", ON);
        let own = home.write("own.json", "{}");
        let own = own.to_str().unwrap();
        assert_eq!(home.found(&[("OPENCLAW_CONFIG_PATH", own)]).unwrap(), Path::new(own));
        let state = home.0.path().join("state");
        let found = home.found(&[("OPENCLAW_STATE_DIR", state.to_str().unwrap())]).unwrap();
        assert_eq!(found, state.join("openclaw.json"));
    }

    #[test]
    fn a_named_file_must_be_there_and_whole() {
        let home = Home::new();
        let missing = home.0.path().join("missing.json");
        let error = home
            .found(&[("OPENCLAW_GLOBAL_CONFIG", missing.to_str().unwrap())])
            .unwrap_err();
        assert!(error.message.contains("is not there"), "{error}");
        let broken = home.write("broken.json", "{\n  multiTenant: }");
        let error = home
            .found(&[("OPENCLAW_GLOBAL_CONFIG", broken.to_str().unwrap())])
            .unwrap_err();
        assert_eq!((error.line, error.column), (Some(2), Some(16)));
    }
}
