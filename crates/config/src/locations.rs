//! Where the configuration and the state of a gateway are.

use std::path::{Path, PathBuf};

use crate::environment::filled;
use crate::error::Elsewhere::{self, CommandLine, Environment as Variable};
use crate::{ConfigError, Environment};

/// OpenClaw's port, and that of `--dev` (upstream: docs/cli, "global flags").
pub(crate) const PORT: u16 = 18789;
const DEV_PORT: u16 = 19001;

/// The files and directories of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locations {
    /// `openclaw.json`.
    pub config: PathBuf,
    /// Whether `OPENCLAW_CONFIG_PATH` names it. Then it must exist: a slip in a path must not open a gateway with nothing but defaults.
    pub config_is_named: bool,
    pub state_dir: PathBuf,
    /// The profile's name, `dev` for `--dev`.
    pub profile: Option<String>,
    /// The port when neither flag, environment nor file names one.
    pub default_port: u16,
}

impl Locations {
    /// Follows upstream: `OPENCLAW_STATE_DIR`, else `~/.openclaw`, or `~/.openclaw-NAME` for a profile (argument, else
    /// `OPENCLAW_PROFILE`); `OPENCLAW_CONFIG_PATH`, else `openclaw.json` in the state directory. `~` is
    /// `OPENCLAW_HOME`, else `HOME`. `dev` is the profile `dev` on port 19001.
    ///
    /// # Errors
    /// A profile name that is no name, `dev` together with another profile, or no home directory where one is needed.
    pub fn resolve(env: &dyn Environment, profile: Option<&str>, dev: bool) -> Result<Self, ConfigError> {
        let profile = match (profile, dev) {
            (Some(name), true) if name != "dev" => {
                return Err(ConfigError::elsewhere(
                    CommandLine("--dev"),
                    format!("and --profile {name} exclude each other: give one of them"),
                ));
            }
            (_, true) => Some("dev".to_owned()),
            (Some(name), false) => Some(checked(CommandLine("--profile"), name)?),
            (None, false) => match filled(env, "OPENCLAW_PROFILE") {
                Some(name) => Some(checked(Variable("OPENCLAW_PROFILE"), &name)?),
                None => None,
            },
        };
        let profile = profile.filter(|name| name != "default");
        let home = filled(env, "OPENCLAW_HOME")
            .or_else(|| filled(env, "HOME"))
            .map(PathBuf::from);
        let state_dir = match (filled(env, "OPENCLAW_STATE_DIR"), &home) {
            (Some(dir), _) => expand_home(&dir, home.as_deref()),
            (None, Some(home)) => home.join(match &profile {
                Some(name) => format!(".openclaw-{name}"),
                None => ".openclaw".to_owned(),
            }),
            (None, None) => {
                return Err(ConfigError::elsewhere(
                    Variable("HOME"),
                    "is not set: set it, or OPENCLAW_HOME or OPENCLAW_STATE_DIR",
                ));
            }
        };
        let named = filled(env, "OPENCLAW_CONFIG_PATH").map(|path| expand_home(&path, home.as_deref()));
        let config_is_named = named.is_some();
        let config = named.unwrap_or_else(|| state_dir.join("openclaw.json"));
        let default_port = if profile.as_deref() == Some("dev") {
            DEV_PORT
        } else {
            PORT
        };
        Ok(Self {
            config,
            config_is_named,
            state_dir,
            profile,
            default_port,
        })
    }
}

/// `~` and `~/…` become the home directory; everything else stays as it is.
pub(crate) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path, home) {
        ("~", Some(home)) => home.to_owned(),
        (path, Some(home)) => path
            .strip_prefix("~/")
            .map_or_else(|| PathBuf::from(path), |rest| home.join(rest)),
        (path, None) => PathBuf::from(path),
    }
}

/// A profile's name, which becomes a part of a directory's.
fn checked(source: Elsewhere, name: &str) -> Result<String, ConfigError> {
    if is_profile(name) {
        return Ok(name.to_owned());
    }
    let problem = format!("is {name:?}; give 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit");
    Err(ConfigError::elsewhere(source, problem))
}

fn is_profile(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn resolve(vars: &[(&str, &str)], profile: Option<&str>, dev: bool) -> Result<Locations, ConfigError> {
        let env: BTreeMap<_, _> = vars.iter().copied().collect();
        Locations::resolve(&env, profile, dev)
    }

    #[test]
    fn defaults_to_the_home_directory() {
        let found = resolve(&[("HOME", "/home/a")], None, false).unwrap();
        assert_eq!(found.state_dir, Path::new("/home/a/.openclaw"));
        assert_eq!(found.config, Path::new("/home/a/.openclaw/openclaw.json"));
        assert_eq!((found.profile, found.default_port), (None, 18789));
    }

    #[test]
    fn a_profile_has_a_directory_of_its_own() {
        for found in [
            resolve(&[("HOME", "/h")], Some("work"), false).unwrap(),
            resolve(&[("HOME", "/h"), ("OPENCLAW_PROFILE", "work")], None, false).unwrap(),
        ] {
            assert_eq!(found.config, Path::new("/h/.openclaw-work/openclaw.json"));
            assert_eq!(found.profile.as_deref(), Some("work"));
        }
        assert_eq!(
            resolve(&[("HOME", "/h")], Some("default"), false).unwrap().profile,
            None
        );
    }

    #[test]
    fn dev_is_a_profile_on_another_port() {
        let found = resolve(&[("HOME", "/h")], None, true).unwrap();
        assert_eq!(
            (found.state_dir.as_path(), found.default_port),
            (Path::new("/h/.openclaw-dev"), 19001)
        );
        assert_eq!(
            resolve(&[("HOME", "/h")], Some("work"), true).unwrap_err().to_string(),
            "command line: --dev and --profile work exclude each other: give one of them"
        );
    }

    #[test]
    fn the_environment_names_paths_outright() {
        let found = resolve(
            &[
                ("HOME", "/h"),
                ("OPENCLAW_HOME", "/o"),
                ("OPENCLAW_STATE_DIR", "~/s"),
                ("OPENCLAW_CONFIG_PATH", "/etc/c.json"),
            ],
            Some("work"),
            false,
        )
        .unwrap();
        assert_eq!(
            (found.state_dir.as_path(), found.config.as_path()),
            (Path::new("/o/s"), Path::new("/etc/c.json"))
        );
        let found = resolve(&[("OPENCLAW_STATE_DIR", "/s")], None, false).unwrap();
        assert_eq!(found.config, Path::new("/s/openclaw.json"));
    }

    #[test]
    fn refuses_what_is_no_profile_and_no_home() {
        for name in ["", "../x", "a/b", "-a", &"a".repeat(65)] {
            assert!(resolve(&[("HOME", "/h")], Some(name), false).is_err(), "{name}");
        }
        assert_eq!(
            resolve(&[], None, false).unwrap_err().to_string(),
            "environment: HOME is not set: set it, or OPENCLAW_HOME or OPENCLAW_STATE_DIR"
        );
    }

    #[test]
    fn whoever_said_what_is_wrong_is_named() {
        let flag = resolve(&[("HOME", "/h")], Some("../x"), false).unwrap_err();
        assert!(
            flag.to_string()
                .starts_with("command line: --profile is \"../x\"; give "),
            "{flag}"
        );
        let variable = resolve(&[("HOME", "/h"), ("OPENCLAW_PROFILE", "a b")], None, false).unwrap_err();
        assert!(
            variable
                .to_string()
                .starts_with("environment: OPENCLAW_PROFILE is \"a b\"; give "),
            "{variable}"
        );
    }
}
