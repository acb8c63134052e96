//! Recorded instances as services of a compose file, for who has an engine run them without Creel.
//!
//! A service is what this driver would make, from the same parts, and two things more that Creel otherwise looks after: it holds the lock
//! of the instance's directory, so that a start by Creel is refused for as long as it runs and the other way round, and it writes the
//! instance's log. What is secret is in a file of its own beside the compose file (compose mounts it), and in no listing of the engine.

mod service;

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use creel_records::{Desired, Driver, InstanceRecord, Runtime, Status};

use self::service::Service;
use super::told::{Alone, Told};
use super::{Engine, User, default_image, image, user};
use crate::directory::InstanceDirectory;
use crate::fill::Values;
use crate::{FleetError, InstanceId, Sealer, environment};

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

    /// Whether an engine of this host could run the instance: what is on Railway stays there.
    #[must_use]
    pub fn takes(record: &InstanceRecord) -> bool {
        matches!(record.driver, Driver::Process | Driver::Docker)
    }

    /// The instance as a service.
    ///
    /// # Errors
    /// [`FleetError::Invalid`] for one that runs elsewhere, [`FleetError::Sealed`], [`FleetError::File`].
    pub async fn compose(&mut self, record: &InstanceRecord) -> Result<Composed, FleetError> {
        if !Self::takes(record) {
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
            log: Path::new(service::LOG),
        };
        let service = Service {
            image: self.image(record).await,
            record,
            directory: &directory,
            told: &told,
            user,
            zone,
        };
        Ok(Composed {
            places: service.places(),
            warnings: service.warnings()?,
            subnet: self.subnet(&record.id),
            secrets: told.secrets(Some(alone)),
            is_creels: record.desired != Desired::Stopped
                || !matches!(record.status, Status::Created | Status::Stopped | Status::Error),
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
    async fn one_without_a_providers_key_is_told_where_to_write_it() {
        let home = tempfile::tempdir().unwrap();
        let mut composer = composer(home.path());
        let mut record = record(Runtime::Native);
        record.token_sealed = composer.sealer.seal(&record.id, &Token::mint().unwrap()).unwrap();
        let directory = InstanceDirectory::new(composer.home.join("instances").join(&record.id));
        std::fs::create_dir_all(directory.root()).unwrap();
        let lacking = composer.compose(&record).await.unwrap().warnings;
        assert!(lacking[0].contains("it gets no key of the LLM Gateway"), "{lacking:?}");
        assert!(
            lacking[0].contains(&directory.env_file().display().to_string()),
            "{lacking:?}"
        );
        directory.replace("instance.env", "DEEPSEEK_API_KEY=sk-own\n").unwrap();
        assert_eq!(composer.compose(&record).await.unwrap().warnings, [""; 0]);
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
