//! The environment of an instance's processes: made from nothing, so that no secret of the control plane is inherited.
//!
//! Order, later wins: a plain base, the providers' keys that every instance gets, `instance.env`, and what the fleet
//! itself must say (home, state, port, token).

use std::collections::BTreeMap;
use std::path::Path;

use creel_config::Secret;
use creel_records::{InstanceRecord, Runtime};

use crate::directory::{ENV_FILE, InstanceDirectory};
use crate::{FleetError, Instance, Token};

/// Where programs are found. Fixed: the operator's own PATH may lead into their home.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// Larger files are no lists of variables.
pub const MAX_ENV_FILE: u64 = 256 << 10;

/// Everything an instance's process may know. Never printed: it holds its secrets.
pub type Variables = BTreeMap<String, String>;

/// What of an instance its environment says.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub id: &'a str,
    pub runtime: Runtime,
    /// None where it listens on no port of this host.
    pub port: Option<u16>,
}

impl<'a> From<&'a InstanceRecord> for Subject<'a> {
    fn from(record: &'a InstanceRecord) -> Self {
        Self {
            id: &record.id,
            runtime: record.runtime,
            port: Some(record.port),
        }
    }
}

impl<'a> From<&'a Instance> for Subject<'a> {
    fn from(instance: &'a Instance) -> Self {
        Self {
            id: instance.id.as_str(),
            runtime: instance.runtime,
            port: instance.port,
        }
    }
}

/// The variables of one start.
pub fn of_instance(
    directory: &InstanceDirectory,
    subject: Subject<'_>,
    provider_env: &[(String, Secret)],
    token: &Token,
) -> Result<Variables, FleetError> {
    let mut variables = Variables::new();
    variables.insert("PATH".into(), PATH.into());
    variables.insert(
        "LANG".into(),
        std::env::var("LANG").unwrap_or_else(|_| "C.UTF-8".into()),
    );
    if let Ok(zone) = std::env::var("TZ") {
        variables.insert("TZ".into(), zone);
    }
    variables.extend(
        provider_env
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned())),
    );
    let file = directory
        .read(ENV_FILE, MAX_ENV_FILE)
        .map_err(FleetError::file("read", directory.env_file()))?;
    variables.extend(parse(&file.unwrap_or_default(), &directory.env_file())?);

    let mut own = |name: &str, value: String| variables.insert(name.to_owned(), value);
    let path = |path: &Path| path.display().to_string();
    own("HOME", path(&directory.home()));
    own("TMPDIR", path(&directory.tmp()));
    own("OPENCLAW_STATE_DIR", path(&directory.data()));
    own("OPENCLAW_CONFIG_PATH", path(&directory.config()));
    if let Some(port) = subject.port {
        own("OPENCLAW_GATEWAY_PORT", port.to_string());
    }
    own("OPENCLAW_GATEWAY_TOKEN", token.expose().to_owned());
    if subject.runtime == Runtime::Native {
        // Instances share the loopback address: one that asked for no token would be open to its neighbours.
        own("OPENCLAW_GATEWAY_BIND", "loopback".into());
        own("GATEWAY_AUTH_MODE", "token".into());
    }
    own("OPENCLAW_INSTANCE_ID", subject.id.to_owned());
    if subject.runtime == Runtime::Openclaw {
        // Creel supervises, upgrades and announces; see upstream's docs, gateway/embedding.md and gateway/bonjour.md.
        own("OPENCLAW_NO_AUTO_UPDATE", "1".into());
        own("OPENCLAW_DISABLE_BONJOUR", "1".into());
        own("OPENCLAW_NO_RESPAWN", "1".into());
        own("OPENCLAW_SUPERVISOR_MODE", "external".into());
        own("OPENCLAW_SERVICE_REPAIR_POLICY", "external".into());
    }
    Ok(variables)
}

/// One line of an environment file.
pub fn line(name: &str, value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    if value.bytes().all(plain) {
        return format!("{name}={value}\n");
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    for letter in value.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    format!("{name}=\"{quoted}\"\n")
}

/// Reads `NAME=value` lines: `#` comments, blank lines, an optional `export `, values bare, in '…' or in "…" (with
/// `\"`, `\\`, `\n`, `\r`).
fn parse(text: &str, path: &Path) -> Result<Variables, FleetError> {
    let mut variables = Variables::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |reason: &str| {
            // The line itself may hold a secret: say where, not what.
            FleetError::invalid("instance.env", format!("{}:{}: {reason}", path.display(), number + 1))
        };
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or_else(|| wrong("not NAME=value"))?;
        let name = name.trim();
        let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if !named {
            return Err(wrong("a name is made of letters, digits and _"));
        }
        let value = unquote(value.trim()).ok_or_else(|| wrong("the quotes do not match"))?;
        if value.contains('\0') {
            return Err(wrong("a value cannot hold a NUL byte"));
        }
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

fn unquote(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.strip_suffix('\'').map(str::to_owned);
    }
    let Some(rest) = value.strip_prefix('"') else {
        return Some(value.to_owned());
    };
    let mut text = String::with_capacity(rest.len());
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return letters.as_str().is_empty().then_some(text),
            '\\' => match letters.next()? {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Variables, String> {
        parse(text, Path::new("instance.env")).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_written_is_read() {
        let values = [
            "",
            "plain",
            "two words",
            "quo\"te",
            "back\\slash",
            "line\nbreak\r",
            "#hash",
            "'",
            "$HOME",
            "张三",
        ];
        for value in values {
            let text = line("NAME", value);
            assert_eq!(text.lines().count(), 1, "{text:?}");
            assert_eq!(parsed(&text).expect("readable")["NAME"], value);
        }
    }

    #[test]
    fn the_usual_forms_are_understood() {
        let text = "# note\n\n A = 1 \nexport B='x # y'\nC=a=b\nD=\"a\\\"b\"\n";
        let expected = [("A", "1"), ("B", "x # y"), ("C", "a=b"), ("D", "a\"b")];
        assert_eq!(
            parsed(text).expect("readable"),
            expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into()
        );
    }

    #[test]
    fn what_the_file_says_of_variables_is_true() {
        let template = include_str!("../templates/instance.env");
        let sentence = template.split_once("counts for nothing:").expect("it says so").1;
        let overruled: Vec<&str> = sentence
            .split_once(".\n")
            .expect("the sentence ends")
            .0
            .split([',', '\n', '#', ' '])
            .filter(|name| !name.is_empty())
            .collect();
        let dir = tempfile::tempdir().expect("a directory");
        let directory = InstanceDirectory::new(dir.path().join("a"));
        let given: String = overruled.iter().map(|name| line(name, "given")).collect();
        let offered = template
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.split_once('='));
        let offered: Vec<&str> = offered
            .map(|(name, _)| name)
            .filter(|name| !name.contains(' ') && *name != "NAME")
            .collect();
        assert_eq!(
            offered,
            [
                "OPENAI_API_KEY",
                "OPENAI_BASE_URL",
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL"
            ]
        );
        let own: String = offered.iter().map(|name| line(name, "given")).collect();
        directory.make_directory("data").expect("a directory");
        directory.replace(ENV_FILE, &(given + &own)).expect("a file");
        let of_all: Vec<(String, Secret)> = offered
            .iter()
            .map(|name| ((*name).to_owned(), Secret::new("all's")))
            .collect();
        for runtime in [Runtime::Native, Runtime::Openclaw] {
            let subject = Subject {
                id: "a",
                runtime,
                port: Some(1),
            };
            let token = Token::mint().expect("randomness");
            let variables = of_instance(&directory, subject, &of_all, &token).expect("it is readable");
            for name in &overruled {
                assert_ne!(variables[*name], "given", "{name} could be set");
            }
            for name in &offered {
                assert_eq!(variables[*name], "given", "{name} does nothing");
            }
        }
    }

    #[test]
    fn a_broken_line_is_named_without_its_secret() {
        for text in [
            "A=1\nsk-secret",
            "A=1\nB=\"sk-secret",
            "A=1\n1B=sk-secret",
            "A=1\nB C=sk-secret",
            "A=1\nB=\"sk-secret\" x",
        ] {
            let error = parsed(text).expect_err("broken");
            assert!(
                error.contains("instance.env:2:") && !error.contains("sk-secret"),
                "{error}"
            );
        }
    }
}
