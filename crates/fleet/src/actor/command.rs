//! What an actor is asked, and how it answers: with "it is recorded and under way"; whoever needs the end of it watches.

use creel_records::{Desired, Idle, InstanceChange, Status, now_ms};
use serde_json::json;
use tokio::sync::oneshot;

use super::phase::Phase;
use super::{Actor, NEW_LIMITS};
use crate::directory::CONFIG;
use crate::fleet::{MAX_CONFIG, Upgrade};
use crate::idle::platforms;
use crate::{ConfigVersion, FleetError, Token, configuration, environment, template};

type Answer<T> = oneshot::Sender<Result<T, FleetError>>;

pub enum Command {
    /// It should run. One that failed is tried afresh.
    Start(Answer<()>),
    Stop(Answer<()>),
    /// It should run, and not as the process it is now.
    Restart(Answer<()>),
    /// It should be there and do nothing. Answered once it sleeps.
    Sleep(Answer<()>),
    /// It should go on where it fell asleep.
    Wake(Answer<()>),
    /// It has had nothing to do for as long as this policy says.
    NothingToDo(Idle),
    /// Whatever is missing of its files is made, and it is restarted if it should run.
    Init(Answer<()>),
    Remove {
        purge: bool,
        done: Answer<()>,
    },
    RotateToken(Answer<Token>),
    /// A checked configuration text; refused unless the present one is among `read`, where that is given.
    SetConfig {
        text: String,
        read: Option<Vec<ConfigVersion>>,
        /// What the template gave, where the text comes of that.
        template: Option<String>,
        done: Answer<()>,
    },
    Change {
        change: Box<InstanceChange>,
        done: Answer<()>,
    },
    /// It should run something else, if it runs at all.
    Upgrade {
        to: Upgrade,
        done: Answer<()>,
    },
    /// What was found to be changed behind our back; nothing answers. Of the life that somebody looked at, which may have ended since.
    Drifted {
        pid: Option<u32>,
        external_id: Option<String>,
        lines: Vec<String>,
    },
    /// The fleet ends: so does the process, but what should be stays as it is.
    ShutDown(oneshot::Sender<()>),
}

impl Actor {
    pub(super) async fn obey(&mut self, command: Command) {
        let Some(command) = self.refuse_out_of_sight(command) else {
            return;
        };
        match command {
            Command::Start(answer) => {
                let done = self.start().await;
                self.step_and_answer(done, answer).await;
            }
            Command::Restart(answer) => {
                let done = match self.could_start_again() {
                    Ok(()) => self.start().await,
                    Err(error) => Err(error),
                };
                self.again = done.is_ok() && self.phase.living().is_some();
                self.step_and_answer(done, answer).await;
            }
            Command::Stop(answer) => {
                let done = self.desire(Desired::Stopped).await;
                if done.is_ok() && matches!(self.phase, Phase::Idle) {
                    self.observe(Status::Stopped, None).await;
                }
                self.step_and_answer(done, answer).await;
            }
            Command::Sleep(answer) => match self.should_sleep().await {
                Ok(()) => self.sleepers.push(answer),
                Err(error) => drop(answer.send(Err(error))),
            },
            Command::Wake(answer) => {
                let done = self.should_wake().await;
                self.step_and_answer(done, answer).await;
            }
            Command::NothingToDo(policy) => self.has_nothing_to_do(policy).await,
            Command::Change { change, done } => {
                let changed = self.change(*change).await;
                let _ = done.send(changed);
            }
            Command::Init(answer) => {
                let done = self.make_missing().and_then(|()| self.could_start_again());
                if done.is_ok() {
                    self.forget_failures();
                    self.again = self.should_live() && !matches!(self.phase, Phase::Preparing(_));
                }
                self.step_and_answer(done, answer).await;
            }
            Command::Remove { purge, done } => {
                let (desired, may) = match purge {
                    true => (Desired::Purged, self.has_data_to_itself()),
                    false => (Desired::Removed, Ok(())),
                };
                let asked = match may {
                    Ok(()) => self.desire(desired).await,
                    refused => refused,
                };
                if let Err(error) = asked {
                    return drop(done.send(Err(error)));
                }
                self.removed = Some(done);
                // One that is away comes this far only where nothing of it is there.
                if matches!(self.phase, Phase::Failed | Phase::Away(_)) {
                    self.phase = Phase::Idle;
                }
            }
            Command::RotateToken(answer) => {
                let token = match self.could_start_again() {
                    Ok(()) => self.rotate_token().await,
                    Err(error) => Err(error),
                };
                self.again = token.is_ok() && self.phase.living().is_some();
                self.step_and_answer(token, answer).await;
            }
            Command::SetConfig {
                text,
                read,
                template,
                done,
            } => {
                let _ = done.send(self.set_config(&text, read.as_deref(), template.as_deref()));
            }
            Command::Upgrade { to, done } => {
                let changed = self.change_to(to).await;
                if changed.is_ok() {
                    self.forget_failures();
                    if matches!(self.phase, Phase::Failed | Phase::Waiting(_) | Phase::Preparing(_)) {
                        self.phase = Phase::Idle;
                    }
                    self.again = self.phase.living().is_some();
                }
                self.step_and_answer(changed, done).await;
            }
            Command::Drifted {
                pid,
                external_id,
                lines,
            } => {
                let is_of_now = matches!(self.phase, Phase::Running { .. })
                    && (self.record.pid, &self.record.external_id) == (pid, &external_id);
                if is_of_now && lines != self.drift {
                    for line in lines.iter().filter(|line| !self.drift.contains(line)) {
                        self.shared
                            .note("drifted", &self.id, line.clone(), json!({"drift": line}));
                    }
                    self.drift = lines;
                    self.publish();
                }
            }
            Command::ShutDown(done) => self.shut_down = Some(done),
        }
    }

    async fn change(&mut self, change: InstanceChange) -> Result<(), FleetError> {
        if change.idle.is_some_and(|idle| idle != Idle::Always) {
            platforms::check("idle", &self.record.channels, self.config().as_deref())?;
        }
        self.shared.records.update_instance(self.id.as_str(), &change).await?;
        let InstanceChange {
            name,
            memory_bytes,
            cpus,
            idle,
            ..
        } = change;
        if (memory_bytes.is_some() || cpus.is_some()) && self.phase.living().is_some() {
            self.message = Some(NEW_LIMITS.to_owned());
        }
        let record = &mut self.record;
        record.name = name.unwrap_or_else(|| std::mem::take(&mut record.name));
        record.memory_bytes = memory_bytes.unwrap_or(record.memory_bytes);
        record.cpus = cpus.unwrap_or(record.cpus);
        record.idle = idle.unwrap_or(record.idle);
        record.updated_at = now_ms();
        self.publish();
        Ok(())
    }

    /// Answers what cannot be done while it is out of sight; gives back everything else.
    fn refuse_out_of_sight(&self, command: Command) -> Option<Command> {
        let Err(error) = self.must_be_in_sight() else {
            return Some(command);
        };
        match command {
            Command::Start(answer) | Command::Stop(answer) | Command::Restart(answer) | Command::Init(answer) => {
                drop(answer.send(Err(error)));
            }
            remove @ Command::Remove { .. } if self.was_never_made() => return Some(remove),
            Command::Remove { done, .. } | Command::Upgrade { done, .. } => drop(done.send(Err(error))),
            Command::RotateToken(answer) => drop(answer.send(Err(error))),
            other => return Some(other),
        }
        None
    }

    fn set_config(&self, text: &str, read: Option<&[ConfigVersion]>, template: Option<&str>) -> Result<(), FleetError> {
        let failed = |verb| FleetError::file(verb, self.directory.config());
        let mut is_there = false;
        if let Some(read) = read {
            let present = self.directory.read(CONFIG, MAX_CONFIG).map_err(failed("read"))?;
            let present = present.filter(|present| read.contains(&ConfigVersion::of(present)));
            is_there = present.ok_or_else(|| FleetError::Changed(self.id.clone()))? == text;
        }
        if !is_there {
            self.directory.replace(CONFIG, text).map_err(failed("write"))?;
        }
        // After it: whoever is cut off in between finds the same changes on both sides, which is no conflict.
        template.map_or(Ok(()), |template| template::remember(&self.directory, template))
    }

    /// Answers once the first step is taken: from then on what is published is about this command.
    async fn step_and_answer<T>(&mut self, done: Result<T, FleetError>, answer: Answer<T>) {
        // Only a removal or a shutdown breaks, and then there is nobody left to answer for.
        let _ = self.reconcile().await;
        let _ = answer.send(done);
    }

    async fn start(&mut self) -> Result<(), FleetError> {
        self.desire(Desired::Running).await?;
        self.forget_failures();
        if matches!(self.phase, Phase::Failed | Phase::Waiting(_)) {
            self.phase = Phase::Idle;
        }
        Ok(())
    }

    /// Looks for what would keep it from starting, while it still runs: it is not stopped for nothing.
    fn could_start_again(&self) -> Result<(), FleetError> {
        if self.phase.living().is_none() {
            return Ok(());
        }
        self.could_start().map_err(|error| FleetError::GoesOn {
            id: self.id.clone(),
            reason: Box::new(error),
        })
    }

    fn could_start(&self) -> Result<(), FleetError> {
        let token = self.token.load_full();
        let token = Option::as_ref(&token).ok_or_else(|| FleetError::Sealed(self.id.clone()))?;
        let env = &self.shared.provider_env;
        let variables = environment::of_instance(&self.directory, (&self.record).into(), env, token)?;
        let path = self.directory.config();
        let text = self.directory.read(CONFIG, MAX_CONFIG);
        // One that is missing is made at the start.
        if let Some(text) = text.map_err(FleetError::file("read", &path))? {
            configuration::check(self.record.runtime, &text, &path, &variables)?;
        }
        let room = self.directory.has_room();
        room.map_err(FleetError::file("write to", self.directory.root()))
    }

    async fn change_to(&mut self, to: Upgrade) -> Result<(), FleetError> {
        let mut change = InstanceChange::default();
        match to {
            Upgrade::Version(version) => change.version = Some(version),
            Upgrade::Image(image) => change.image = Some(image),
        }
        self.shared.records.update_instance(self.id.as_str(), &change).await?;
        self.record.version = change.version.or(self.record.version.take());
        self.record.image = change.image.or(self.record.image.take());
        Ok(())
    }

    pub(super) fn forget_failures(&mut self) {
        self.crashes = 0;
        self.moves = 0;
        self.repaired = false;
        self.record.error = None;
    }

    pub(super) async fn desire(&mut self, desired: Desired) -> Result<(), FleetError> {
        let leaving = matches!(self.record.desired, Desired::Removed | Desired::Purged);
        if leaving && !matches!(desired, Desired::Removed | Desired::Purged) {
            return Err(FleetError::NotFound(self.id.clone()));
        }
        if self.record.desired != desired {
            self.shared.records.set_desired(self.id.as_str(), desired).await?;
            self.record.desired = desired;
        }
        Ok(())
    }

    pub(super) fn make_missing(&self) -> Result<(), FleetError> {
        let templates = self.shared.home.templates_dir();
        template::make_missing(
            &templates,
            &self.directory,
            &self.directory.workspace(),
            &self.record,
            &[],
        )
    }

    async fn rotate_token(&mut self) -> Result<Token, FleetError> {
        let mint = || -> std::io::Result<_> {
            let token = Token::mint()?;
            let sealed = self.shared.sealer.seal(self.id.as_str(), &token)?;
            Ok((token, sealed))
        };
        let (token, sealed) = mint().map_err(FleetError::file("make a token for", self.directory.root()))?;
        self.shared
            .records
            .set_token(self.id.as_str(), &token.sha256(), &sealed)
            .await?;
        self.record.token_sha256 = token.sha256();
        self.record.token_sealed = sealed;
        self.token.store(std::sync::Arc::new(Some(token.clone())));
        Ok(token)
    }
}
