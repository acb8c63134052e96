//! What a container is told: openly what everybody may know, and through its standard input what is secret.
//!
//! Whoever may ask the engine reads a container's environment and arguments (`docker inspect`), and so do backups of it. So
//! the program in there begins as one that reads its secrets from its standard input: Creel's own wrapper in a native image, a line
//! of shell in upstream's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use creel_records::Runtime;

use super::relay;
use crate::driver::Purpose;
use crate::environment::Variables;
use crate::runtime::plugins;
use crate::sandbox::{Contained, Order};

/// Where a native image has the binary (`deploy/Dockerfile`).
pub const CREEL: &str = "/usr/local/bin/creel";
/// Reads assignments, and becomes what its arguments name. Whoever was to tell it may end in the middle: the last one says that it was all.
const SHELL: &str = r#"set -a; eval "$(cat)"; set +a
if [ -z "$creel_told_all" ]; then echo "creel ended before this container knew all that it needs" >&2; exit 71; fi
unset creel_told_all; exec "$@" </dev/null"#;
/// What Creel itself says of an instance, and is no secret.
const PUBLIC: [&str; 15] = [
    "HOME",
    "LANG",
    "TMPDIR",
    "TZ",
    "GATEWAY_AUTH_MODE",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_DISABLE_BONJOUR",
    "OPENCLAW_GATEWAY_BIND",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_INSTANCE_ID",
    "OPENCLAW_NO_AUTO_UPDATE",
    "OPENCLAW_NO_RESPAWN",
    "OPENCLAW_SERVICE_REPAIR_POLICY",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_SUPERVISOR_MODE",
];

/// What keeps a container in order that Creel does not start: paths inside.
#[derive(Clone, Copy)]
pub struct Alone<'a> {
    /// Held for as long as it runs.
    pub lock: &'a Path,
    /// Gets what it says.
    pub log: &'a Path,
}

/// Upstream's own words, in its image.
pub fn upstream(purpose: Purpose, port: u16) -> Vec<String> {
    let mut words = ["node", "--max-semi-space-size=16", "dist/index.js"]
        .map(str::to_owned)
        .to_vec();
    let port = port.to_string();
    match purpose {
        Purpose::Serve => {
            let serve = ["gateway", "--bind", "lan", "--port", &port, "--allow-unconfigured"];
            words.extend(serve.map(str::to_owned));
        }
        Purpose::Repair => words.extend(["doctor", "--fix", "--yes", "--non-interactive"].map(str::to_owned)),
        Purpose::Install(plugin) => words.extend(plugins::arguments(&plugin)),
    }
    words
}

pub struct Told {
    runtime: Runtime,
    pub public: BTreeMap<String, String>,
    secret: BTreeMap<String, String>,
}

impl Told {
    pub fn new(mut variables: Variables, runtime: Runtime) -> Self {
        // The image knows where its programs are.
        variables.remove("PATH");
        if runtime == Runtime::Native {
            // The engine lets nobody in but this host's own loopback address.
            variables.insert("OPENCLAW_GATEWAY_BIND".into(), "lan".into());
        }
        let (public, secret) = variables
            .into_iter()
            .partition(|(name, _)| PUBLIC.contains(&name.as_str()));
        Self {
            runtime,
            public,
            secret,
        }
    }

    /// Puts this host's address on the container's network for the loopback address in URLs; says the ports they lead to.
    pub fn lead_through(&mut self, gateway: Ipv4Addr) -> BTreeSet<u16> {
        let mut ports = BTreeSet::new();
        for value in self.secret.values_mut() {
            if let Some((changed, port)) = relay::rewrite(value, gateway) {
                *value = changed;
                ports.insert(port);
            }
        }
        ports
    }

    /// Variables whose URL leads to this host's own loopback address.
    pub fn of_this_host(&self) -> impl Iterator<Item = &str> {
        let leads = |(_, value): &(&String, &String)| relay::rewrite(value, Ipv4Addr::LOCALHOST).is_some();
        self.secret.iter().filter(leads).map(|(name, _)| name.as_str())
    }

    /// Whether it has a model provider's key.
    pub fn has_provider_key(&self) -> bool {
        self.secret.keys().any(|name| name.ends_with("_API_KEY"))
    }

    /// The program and its arguments.
    pub fn entrypoint(&self, purpose: Purpose, port: u16) -> Vec<String> {
        if self.runtime == Runtime::Native {
            return [CREEL, "sandbox-exec"].map(str::to_owned).into();
        }
        let mut words = ["/bin/sh", "-c", SHELL, "sh"].map(str::to_owned).to_vec();
        words.extend(upstream(purpose, port));
        words
    }

    /// What goes through its standard input.
    pub fn input(&self) -> Vec<u8> {
        self.secrets(None)
    }

    /// What its first program reads; with `alone` where Creel does not start it.
    pub fn secrets(&self, alone: Option<Alone<'_>>) -> Vec<u8> {
        match self.runtime {
            Runtime::Native => {
                let contained = Contained {
                    program: PathBuf::from(CREEL),
                    args: vec!["gateway".into(), "run".into()],
                    env: self.secret.clone().into_iter().collect(),
                    lock: alone.map(|alone| alone.lock.to_owned()),
                    log: alone.map(|alone| alone.log.to_owned()),
                };
                // A struct of texts can always be written.
                serde_json::to_vec(&Order::Contained(contained)).unwrap_or_default()
            }
            Runtime::Openclaw => {
                let assigned =
                    |(name, value): (&String, &String)| format!("{name}='{}'\n", value.replace('\'', r"'\''"));
                let assignments: String = self.secret.iter().map(assigned).collect();
                // A file is there whole or not at all.
                let end = if alone.is_none() { "creel_told_all=1\n" } else { "" };
                (assignments + end).into_bytes()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn told(runtime: Runtime) -> Told {
        let variables = [
            ("PATH", "/bin"),
            ("HOME", "/i/home"),
            ("OPENCLAW_GATEWAY_TOKEN", "gt_1"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1"),
            ("ODD", "it's $HOME `x` \"y\" \\ \n张\n"),
        ];
        Told::new(
            variables.map(|(name, value)| (name.into(), value.into())).into(),
            runtime,
        )
    }

    #[test]
    fn a_configuration_as_it_was_rendered_warns_of_nothing() {
        let text = include_str!("../../../templates/native/openclaw.json").replace("{{id}}", "alice");
        let variables = [
            ("OPENCLAW_GATEWAY_BIND", "loopback"),
            ("OPENCLAW_GATEWAY_PORT", "18790"),
            ("GATEWAY_AUTH_MODE", "token"),
            ("OPENCLAW_GATEWAY_TOKEN", "gt_1"),
        ];
        let variables: Variables = variables.map(|(name, value)| (name.into(), value.into())).into();
        let told = Told::new(variables.clone(), Runtime::Native);
        let inside: Variables = told.public.into_iter().chain(told.secret).collect();
        for environment in [variables, inside] {
            let path = std::path::Path::new("openclaw.json");
            let warnings = crate::configuration::check(Runtime::Native, &text, path, &environment).unwrap();
            assert!(warnings.is_empty(), "{environment:?}: {warnings:?}");
        }
    }

    #[test]
    fn what_is_secret_is_not_said_openly() {
        for runtime in [Runtime::Native, Runtime::Openclaw] {
            let mut told = told(runtime);
            let ports = told.lead_through(Ipv4Addr::new(10, 213, 0, 1));
            assert_eq!(ports, BTreeSet::from([4000]));
            let open = format!("{:?} {:?}", told.public, told.entrypoint(Purpose::Serve, 18789));
            assert!(
                open.contains("/i/home") && !open.contains("gt_1") && !open.contains("ODD"),
                "{open}"
            );
            let input = String::from_utf8(told.input()).unwrap();
            assert!(
                input.contains("gt_1") && input.contains("http://10.213.0.1:4000/v1"),
                "{input}"
            );
            assert!(!input.contains("PATH"), "the image's own PATH counts: {input}");
        }
    }

    #[test]
    fn a_shell_reads_every_value_as_it_is() {
        let told = told(Runtime::Openclaw);
        let (code, said) = shell(&told.input());
        assert_eq!((code, said.as_str()), (Some(0), "it's $HOME `x` \"y\" \\ \n张\n\n"));
    }

    #[test]
    fn a_shell_that_was_told_a_part_becomes_nothing() {
        let input = told(Runtime::Openclaw).input();
        let lines: Vec<usize> = (0..input.len()).filter(|at| input[*at] == b'\n').collect();
        let all = input.len() - 1;
        for end in lines.into_iter().map(|at| at + 1).filter(|end| *end < all).chain([0]) {
            let (code, said) = shell(&input[..end]);
            assert!(code != Some(0) && said.is_empty(), "{code:?} {said}");
        }
    }

    /// What comes of this input: the value of one variable.
    fn shell(input: &[u8]) -> (Option<i32>, String) {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SHELL, "sh", "printenv", "ODD"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(input).unwrap();
        let output = shell.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}
