//! Recorded instances as services of a compose file, for who has an engine run them without Creel.
//!
//! A service is what this driver would make, from the same parts, and two things more that Creel otherwise looks after: it holds the lock
//! of the instance's directory, so that a start by Creel is refused for as long as it runs and the other way round, and it writes the
//! instance's log. What is secret is in a file of its own beside the compose file (compose mounts it), and in no listing of the engine.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use creel_records::{Desired, Driver, InstanceRecord, Runtime, Status};
use serde_json::json;

use super::told::{self, Alone, Told};
use super::{Engine, User, default_image, image, spec, user};
use crate::directory::InstanceDirectory;
use crate::driver::Purpose;
use crate::fill::{Value, Values};
use crate::runtime::plugins;
use crate::{DefaultMemory, FleetError, InstanceId, Sealer, environment};

/// Where compose puts the file with the secrets.
const SECRETS: &str = "/run/secrets/creel";
/// Where the instance's `logs` is.
const LOGS: &str = "/var/log/openclaw";
const LOG: &str = "/var/log/openclaw/gateway.log";
/// Takes the lock that `$1` names, and what follows is what it becomes.
const SHELL: &str = r#"exec 9<"$1"; flock -n 9 || { echo "another process runs in this directory: $1 is locked" >&2; exit 75; }
shift; exec >>"$LOG" 2>&1; set -a; eval "$(cat "$SECRETS")"; set +a; exec "$@" </dev/null"#;
/// Asks upstream whether it lives.
const HEALTHZ: &str = "fetch('http://127.0.0.1:{port}/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))";
/// 10.214.0.0/16, in networks of eight addresses: engines give out some thirty of their own, and the driver's are in 10.213.
const BLOCK: u32 = u32::from_be_bytes([10, 214, 0, 0]);

/// Makes services of the instances of a home.
pub struct Composer {
    home: PathBuf,
    sealer: Sealer,
    engine: Option<Engine>,
    /// The images that were chosen for new instances.
    images: Vec<(Runtime, String)>,
    /// Time zone of the containers, where their instance's own is not meant.
    zone: Option<String>,
    taken: BTreeSet<u32>,
}

/// One instance as a service.
pub struct Composed {
    pub id: InstanceId,
    /// For the template of one service.
    pub places: Values,
    /// Its network's addresses.
    pub subnet: String,
    /// What goes into its file of secrets.
    pub secrets: Vec<u8>,
    /// Whether Creel runs it, or would at its next start.
    pub is_creels: bool,
    pub warnings: Vec<String>,
    user: User,
    directory: InstanceDirectory,
}

impl Composer {
    /// Of a home that is there. Nothing in it is changed. An engine is asked what it calls an image and how it runs containers, where one
    /// answers.
    ///
    /// # Errors
    /// [`FleetError::File`] if the directory or its master key cannot be read.
    pub fn of_home(home: &Path, images: Vec<(Runtime, String)>, zone: Option<String>) -> Result<Self, FleetError> {
        let path = home
            .canonicalize()
            .map_err(FleetError::file("open the directory", home))?;
        let secrets = path.join("secrets");
        let sealer = Sealer::found_in(&secrets)
            .ok_or_else(|| FleetError::file("read the master key of", &secrets)(io::ErrorKind::NotFound.into()))?;
        Ok(Self {
            home: path,
            sealer,
            engine: Engine::find(std::env::var("DOCKER_HOST").ok().as_deref()).ok(),
            images,
            zone,
            taken: BTreeSet::new(),
        })
    }

    /// The instance as a service.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] for one that runs elsewhere, [`FleetError::Sealed`], [`FleetError::File`].
    pub async fn compose(&mut self, record: &InstanceRecord) -> Result<Composed, FleetError> {
        if !matches!(record.driver, Driver::Process | Driver::Docker) {
            let reason = format!(
                "instance \"{}\" runs elsewhere, by the driver {}",
                record.id, record.driver
            );
            return Err(FleetError::invalid("driver", reason));
        }
        let id = InstanceId::new(&record.id)?;
        let directory = InstanceDirectory::new(self.home.join("instances").join(id.as_str()));
        let token = self.sealer.open(&record.id, &record.token_sealed);
        let token = token.ok_or_else(|| FleetError::Sealed(id.clone()))?;
        let mut variables = environment::of_instance(&directory, record.into(), &[], &token)?;
        let own_zone = variables.remove("TZ");
        // What this host speaks need not be known in the image.
        variables.remove("LANG");
        let zone = self.zone.clone().or(own_zone).unwrap_or_else(|| "UTC".to_owned());
        let told = Told::new(variables, record.runtime);
        let user = self.user(record.runtime).await;
        let lock = directory.lock();
        let alone = Alone {
            lock: &lock,
            log: Path::new(LOG),
        };
        Ok(Composed {
            subnet: self.subnet(&record.id),
            secrets: told.secrets(Some(alone)),
            is_creels: record.desired != Desired::Stopped
                || !matches!(record.status, Status::Created | Status::Stopped | Status::Error),
            warnings: warnings(&directory, record, &told)?,
            places: places(&self.image(record).await, record, &directory, &told, (user, zone)),
            id,
            user,
            directory,
        })
    }

    async fn user(&self, runtime: Runtime) -> User {
        let asked = match &self.engine {
            Some(engine) => user(engine, runtime).await.ok(),
            None => None,
        };
        asked.unwrap_or_else(|| User::of_rooted_engine(runtime))
    }

    /// By the name that an engine finds it by.
    async fn image(&self, record: &InstanceRecord) -> String {
        let chosen = self.images.iter().find(|(of, _)| *of == record.runtime);
        let chosen = || chosen.map_or_else(|| default_image(record.runtime), |(_, name)| name.clone());
        let name = record.image.clone().unwrap_or_else(chosen);
        match (&self.engine, name.contains('@')) {
            // One that came from no registry is pinned by its own id, which no name leads to.
            (Some(engine), true) => match image::find(engine, &name).await {
                Ok(Some(found)) if name.ends_with(&found.id) => found.id,
                _ => name,
            },
            _ => name,
        }
    }

    /// The same every time, as long as the instances before it are the same.
    fn subnet(&mut self, id: &str) -> String {
        let first = super::network::first_choice(&format!("{}/{id}", self.home.display()));
        let free = (first..first + super::network::NETWORKS)
            .map(|index| index % super::network::NETWORKS)
            .find(|index| self.taken.insert(*index));
        let first = BLOCK + free.unwrap_or(first) * super::network::SIZE;
        format!("{}/29", Ipv4Addr::from(first))
    }
}

impl Composed {
    /// Gives the service's user what the service writes, and makes what is missing of it. Not to be done while Creel runs the instance.
    ///
    /// # Errors
    /// [`FleetError::File`].
    pub fn lend(&self) -> Result<(), FleetError> {
        let own = rustix::process::geteuid().as_raw();
        let (id, group) = match self.user.owns {
            true => (self.user.id, self.user.group),
            false => (own, rustix::process::getegid().as_raw()),
        };
        let lent = self.directory.lend_to(id, group);
        lent.map_err(FleetError::file(
            "change the owner of what is in",
            self.directory.root(),
        ))
    }

    /// Who is to be able to read its file of secrets; `None` is whoever writes it.
    #[must_use]
    pub fn reader(&self) -> Option<(u32, u32)> {
        self.user.owns.then_some((self.user.id, self.user.group))
    }
}

fn places(
    image: &str,
    record: &InstanceRecord,
    directory: &InstanceDirectory,
    told: &Told,
    (user, zone): (User, String),
) -> Values {
    let is_native = record.runtime == Runtime::Native;
    let port = record.port;
    let entrypoint = match record.runtime {
        Runtime::Native => [told::CREEL, "sandbox-exec", SECRETS].map(str::to_owned).to_vec(),
        Runtime::Openclaw => {
            let shell = SHELL.replace("$LOG", LOG).replace("$SECRETS", SECRETS);
            let lock = directory.lock().display().to_string();
            let mut words = vec!["/bin/sh".to_owned(), "-c".to_owned(), shell, "sh".to_owned(), lock];
            words.extend(told::upstream(Purpose::Serve, port));
            words
        }
    };
    let healthy = match record.runtime {
        Runtime::Native => ["CMD", told::CREEL, "gateway", "health"].map(str::to_owned).to_vec(),
        Runtime::Openclaw => vec![
            "CMD".to_owned(),
            "node".to_owned(),
            "-e".to_owned(),
            HEALTHZ.replace("{port}", &port.to_string()),
        ],
    };
    let list = |words: Vec<String>| Value::One(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "));
    let same = |path: PathBuf| (path.clone(), path);
    let mut volumes: Vec<(PathBuf, PathBuf)> = directory.writable().into_iter().map(same).collect();
    volumes.push(same(directory.lock()));
    volumes.push((directory.root().join("logs"), LOGS.into()));
    let volumes = volumes.iter().map(|(from, to)| {
        let (from, to) = (quoted(&from.display().to_string()), quoted(&to.display().to_string()));
        format!("- {{type: bind, source: {from}, target: {to}}}")
    });
    let environment = told
        .public
        .iter()
        .map(|(name, value)| format!("{name}: {}", quoted(value)));
    let mut limits = vec![format!("pids_limit: {}", spec::MAX_PROCESSES)];
    let memory = record
        .memory_bytes
        .or_else(|| DefaultMemory::default().of(record.runtime));
    limits.extend(memory.map(|bytes| format!("mem_limit: {bytes}")));
    limits.extend(record.cpus.map(|cores| format!("cpus: {cores}")));
    let working_directory = directory.workspace().display().to_string();
    let mut run_as = vec![format!("user: \"{}:{}\"", user.id, user.group)];
    run_as.extend(user.keep_id.then(|| "userns_mode: keep-id".to_owned()));
    vec![
        ("id", Value::one(&record.id)),
        ("image", Value::One(quoted(image))),
        ("entrypoint", list(entrypoint)),
        ("port", Value::one(port)),
        ("volume", Value::Each(volumes.collect())),
        ("timezone", Value::One(quoted(&zone))),
        ("variable", Value::Each(environment.collect())),
        ("run_as", Value::Each(run_as)),
        ("limit", Value::Each(limits)),
        ("read_only", Value::one(is_native)),
        ("healthy", list(healthy)),
        // Upstream's image has its own.
        (
            "working_directory",
            Value::Each(
                is_native
                    .then(|| format!("working_dir: {}", quoted(&working_directory)))
                    .into_iter()
                    .collect(),
            ),
        ),
        ("grace_seconds", Value::one(if is_native { 45 } else { 330 })),
    ]
}

/// What will not be as under Creel, a line each.
fn warnings(directory: &InstanceDirectory, record: &InstanceRecord, told: &Told) -> Result<Vec<String>, FleetError> {
    let mut warnings = Vec::new();
    for name in told.of_this_host() {
        warnings.push(format!(
            "{name} of its instance.env leads to this host's loopback address, which is another one in a container"
        ));
    }
    let needed = plugins::needed(record);
    if record.driver == Driver::Process && !needed.is_empty() {
        warnings.push(format!(
            "{} of its channels is a part of the openclaw on this host; make the instance with --driver docker, whose plugins fit its image",
            needed.iter().map(|plugin| plugin.package).collect::<Vec<_>>().join(", ")
        ));
    } else if let Some(plugin) = plugins::missing(directory, record)?.first() {
        let (package, id) = (plugin.package, &record.id);
        warnings.push(format!(
            "{package} is not installed yet: `creel instance start {id}`, then stop it, does that"
        ));
    }
    Ok(warnings)
}

/// As it stands in YAML, where compose looks for variables in it.
fn quoted(text: &str) -> String {
    json!(text).to_string().replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Token;
    use crate::fill::{Braces, fill};
    use crate::template::tests::record;

    fn composer(home: &Path) -> Composer {
        Composer {
            home: home.to_owned(),
            sealer: Sealer::of(home).unwrap(),
            engine: None,
            images: vec![(Runtime::Native, "corp/creel:2".to_owned())],
            zone: None,
            taken: BTreeSet::new(),
        }
    }

    async fn composed(composer: &mut Composer, mut record: InstanceRecord) -> (Composed, Token) {
        let token = Token::mint().unwrap();
        record.token_sealed = composer.sealer.seal(&record.id, &token).unwrap();
        let directory = InstanceDirectory::new(composer.home.join("instances").join(&record.id));
        std::fs::create_dir_all(directory.root()).unwrap();
        let variables = "PLUM=\"it's $PLUM\"\nMODEL_URL=http://127.0.0.1:4000/v1\n";
        directory.replace("instance.env", variables).unwrap();
        (composer.compose(&record).await.unwrap(), token)
    }

    #[tokio::test]
    async fn what_is_secret_is_not_in_the_file() {
        let home = tempfile::Builder::new().prefix("a $HOME \"x\": ").tempdir().unwrap();
        let mut composer = composer(home.path());
        for runtime in [Runtime::Native, Runtime::Openclaw] {
            let (composed, token) = composed(&mut composer, record(runtime)).await;
            let template = crate::find_template("deploy/instance.yaml").unwrap().builtin();
            let text = fill(template, &composed.places, Braces::OfOthers).unwrap();
            for secret in [token.expose(), "it's", "MODEL_URL"] {
                assert!(!text.contains(secret), "{text}");
            }
            assert!(!text.replace("$$", "").contains("$HOME"), "{text}");
            let secrets = String::from_utf8(composed.secrets.clone()).unwrap();
            assert!(secrets.contains(token.expose()) && secrets.contains("PLUM"));
            assert!(
                composed.warnings[0].starts_with("MODEL_URL of its instance.env"),
                "{:?}",
                composed.warnings
            );
            assert!(text.contains("cap_drop: [ALL]") && text.contains("127.0.0.1:18789:18789"));
            assert!(text.contains("corp/creel:2") == (runtime == Runtime::Native));
            assert!(composed.is_creels, "it is recorded that it should run");
        }
    }

    #[tokio::test]
    async fn everybody_has_a_network_of_their_own_and_keeps_it() {
        let home = tempfile::tempdir().unwrap();
        let subnets = async || {
            let mut composer = composer(home.path());
            let mut subnets = Vec::new();
            for number in 0..60 {
                let mut record = record(Runtime::Native);
                record.id = format!("a{number}");
                subnets.push(composed(&mut composer, record).await.0.subnet);
            }
            subnets
        };
        let first = subnets().await;
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 60);
        assert!(first.iter().all(|subnet| subnet.starts_with("10.214.")), "{first:?}");
        assert_eq!(subnets().await, first);
    }

    #[tokio::test]
    async fn a_token_of_another_home_is_not_taken_for_its_own() {
        let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut record = record(Runtime::Native);
        record.token_sealed = Sealer::of(other.path())
            .unwrap()
            .seal("alice", &Token::mint().unwrap())
            .unwrap();
        let refused = composer(home.path()).compose(&record).await.err().unwrap().to_string();
        assert!(refused.contains("rotate the token"), "{refused}");
    }
}
