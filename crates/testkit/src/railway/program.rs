//! The program itself: what each command does to the account, and what it prints.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::account::{Account, Deployment, Disk, Project, Service};
use super::usage::{Called, parse};
use super::{checks, deployed};

/// What a command came to: what it prints, or what it says to have failed.
type Done = Result<String, String>;

/// Runs it with the arguments of this process. What it deploys is `gateway run` of this program.
#[must_use]
pub fn run(gateway: &Path) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let disk = Disk::of(&home);
    let input = checks::input();
    let called = parse(&arguments);
    note(&disk, "calls", &json!(arguments).to_string());
    let wrong = disk.change(|account| checks::violations(account, &arguments, called.as_ref().ok(), &input));
    for wrong in wrong {
        note(
            &disk,
            "violations",
            &format!("railway {}: {wrong}", arguments.join(" ")),
        );
    }
    let called = match called {
        Ok(called) => called,
        Err(wrong) => {
            note(
                &disk,
                "violations",
                &format!("railway {}: {wrong}", arguments.join(" ")),
            );
            eprintln!("error: {wrong}\n\nFor more information, try '--help'.");
            return ExitCode::from(2);
        }
    };
    let command = called.command.clone();
    wait_while_held(&disk, &command);
    if disk.change(|account| account.dying_before.remove(&command)) {
        die();
    }
    let done = disk.change(|account| {
        let run = Run {
            called: &called,
            input: &input,
            disk: &disk,
            gateway,
        };
        run.refused(account).map_or_else(|| run.act(account), Err)
    });
    if disk.change(|account| account.dying_after.remove(&command)) {
        die();
    }
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            eprintln!("{said}");
            ExitCode::FAILURE
        }
    }
}

fn note(disk: &Disk, name: &str, line: &str) {
    let file = OpenOptions::new().create(true).append(true).open(disk.path(name));
    let written = file.and_then(|mut file| writeln!(file, "{line}"));
    written.expect("the recorder's directory can be written to");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program that does nothing else, and waits for another process"
)]
fn wait_while_held(disk: &Disk, command: &str) {
    while disk.change(|account| account.held.contains(command)) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    unreachable!("it was killed")
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or_default()
}

struct Run<'a> {
    called: &'a Called,
    input: &'a str,
    disk: &'a Disk,
    gateway: &'a Path,
}

impl Run<'_> {
    fn refused(&self, account: &Account) -> Option<String> {
        if self.called.command == "--version" {
            return None;
        }
        if !account.signed_in {
            return Some("Unauthorized. Please login with `railway login`".to_owned());
        }
        account.failing.get(&self.called.command).cloned()
    }

    fn act(&self, account: &mut Account) -> Done {
        match self.called.command.as_str() {
            "--version" => Ok(format!("railway {}", account.version)),
            "whoami" => Ok(who_am_i(account)),
            "list" => Ok(list(account)),
            "init" => self.init(account),
            "link" => self.link(account),
            "add" => self.add(account),
            "service list" => self.services(account),
            "delete" => self.delete(account),
            _ => self.in_place(account),
        }
    }

    fn option(&self, name: &str) -> Result<&str, String> {
        self.called.get(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn directory() -> String {
        std::env::current_dir().unwrap_or_default().display().to_string()
    }

    fn init(&self, account: &mut Account) -> Done {
        let name = self.option("--name")?.to_owned();
        let workspace = match self.called.get("--workspace") {
            Some(wanted) => account
                .workspaces
                .iter()
                .find(|(id, name)| id == wanted || name == wanted),
            None if account.workspaces.len() > 1 => {
                return Err("--workspace required in non-interactive mode (multiple workspaces available)".to_owned());
            }
            None => account.workspaces.first(),
        };
        let workspace = workspace.ok_or("Workspace not found.")?.0.clone();
        let (id, environment) = (account.mint("p"), account.mint("e"));
        account
            .links
            .insert(Self::directory(), (id.clone(), environment.clone()));
        account.projects.push(Project {
            id: id.clone(),
            name: name.clone(),
            workspace,
            environment,
            ..Project::default()
        });
        Ok(json!({"id": id, "name": name}).to_string())
    }

    fn link(&self, account: &mut Account) -> Done {
        let (project, environment) = (self.option("--project")?, self.option("--environment")?);
        let found = account
            .project(project)
            .filter(|found| found.environment == environment);
        let found = found.ok_or("Project not found.")?.id.clone();
        account
            .links
            .insert(Self::directory(), (found.clone(), environment.to_owned()));
        Ok(json!({"projectId": found, "environmentId": environment}).to_string())
    }

    fn add(&self, account: &mut Account) -> Done {
        let linked = account.links.get(&Self::directory()).cloned();
        let (project, _) = linked.ok_or("No linked project found. Run railway link to connect to a project")?;
        let (id, name) = (account.mint("s"), self.option("--service")?.to_owned());
        let project = account
            .project(&project)
            .ok_or("Project is deleted. Run `railway link` to connect to a project.")?;
        if project.services.iter().any(|service| service.name == name) {
            return Err(format!("A service named \"{name}\" already exists in this project"));
        }
        project.services.push(Service {
            id: id.clone(),
            name: name.clone(),
            ..Service::default()
        });
        Ok(json!({"id": id, "name": name}).to_string())
    }

    fn project<'a>(&self, account: &'a mut Account) -> Result<&'a mut Project, String> {
        let (project, environment) = (self.option("--project")?, self.option("--environment")?);
        let found = account
            .project(project)
            .ok_or("Project not found. Run `railway link` to connect to a project.")?;
        match found.environment == environment {
            true => Ok(found),
            false => Err(format!("Environment \"{environment}\" not found.")),
        }
    }

    fn services(&self, account: &mut Account) -> Done {
        let services = self.project(account)?.services.iter().map(|service| {
            let latest = service.deployments.last().map(|deployment| {
                json!({"id": deployment.id, "status": deployed::status(deployment), "createdAt": rfc3339(deployment.created_at, 0),
                       "deploymentStopped": false})
            });
            let volumes: Vec<Value> = service
                .volume
                .iter()
                .map(|mount| json!({"name": "volume", "mountPath": mount, "currentSizeMb": 1.0, "sizeMb": 500, "state": "READY"}))
                .collect();
            json!({"id": service.id, "name": service.name, "isLinked": false, "latestDeployment": latest,
                   "url": service.port.map(domain), "volumes": volumes})
        });
        Ok(json!(services.collect::<Vec<_>>()).to_string())
    }

    fn delete(&self, account: &mut Account) -> Done {
        let wanted = self.option("--project")?;
        if !self.called.has("--yes") {
            return Err(
                "Cannot prompt for confirmation in non-interactive mode. Use --yes to skip confirmation.".to_owned(),
            );
        }
        let project = account
            .project(wanted)
            .ok_or_else(|| format!("Project \"{wanted}\" not found"))?;
        project.delete();
        Ok(json!({"id": project.id}).to_string())
    }

    /// What is done to a service.
    fn in_place(&self, account: &mut Account) -> Done {
        let deployment = account.mint("d");
        let (builds_fail, takes_long) = (account.builds_fail, account.builds_take_long);
        let wanted = self.option("--service")?;
        let volume = self.disk.path(&format!("volume-{wanted}"));
        let project = self.project(account)?;
        let (project_id, services) = (project.id.clone(), &mut project.services);
        if services.is_empty() {
            return Err("Project has no services.".to_owned());
        }
        let service = services
            .iter_mut()
            .find(|service| service.id == wanted || service.name == wanted);
        let service = service.ok_or_else(|| format!("Service '{wanted}' not found"))?;
        match self.called.command.as_str() {
            "volume add" if service.volume.is_some() => Err("A volume is already mounted on service".to_owned()),
            "volume add" => {
                service.volume = Some(self.option("--mount-path")?.to_owned());
                Ok(json!({"id": format!("v-{wanted}"), "name": "volume"}).to_string())
            }
            "variable list" => {
                let mut shown = service.variables.clone();
                shown.insert("RAILWAY_PROJECT_ID".to_owned(), project_id);
                Ok(json!(shown).to_string())
            }
            "variable set" => {
                let set = self.assigned()?;
                service.variables.extend(set.clone());
                if self.called.has("--stdin") {
                    account.secrets.extend(set.into_values());
                }
                Ok(json!({"set": true}).to_string())
            }
            "variable delete" => {
                let name = &self.called.others[0];
                let gone = service
                    .variables
                    .remove(name)
                    .ok_or_else(|| format!("Variable '{name}' not found"));
                gone.map(|_| json!({"key": name, "deleted": true}).to_string())
            }
            "domain" if service.port.is_some() => Ok(json!({"domains": [service.port.map(domain)]}).to_string()),
            "domain" => {
                let port = free_port().map_err(|error| error.to_string())?;
                service.port = Some(port);
                Ok(json!({"domain": domain(port)}).to_string())
            }
            "up" => self.up(service, deployment, &volume, builds_fail, takes_long),
            "redeploy" => {
                let latest = service
                    .deployments
                    .last()
                    .ok_or("No deployment found for service")?
                    .clone();
                let image = latest.image.clone();
                self.deploy(service, deployment.clone(), &volume, image, latest.start_command)?;
                Ok(json!({"id": deployment}).to_string())
            }
            "down" => {
                let serving = service
                    .deployments
                    .iter_mut()
                    .rev()
                    .find(|one| deployed::status(one) == "SUCCESS");
                let serving = serving.ok_or("No deployments found")?;
                deployed::kill(serving);
                serving.status = "REMOVED".to_owned();
                Ok("The latest deployment was deleted.".to_owned())
            }
            "logs" => self.logs(service),
            "metrics" => Ok(json!({"service": service.name, "environment": "production",
                "cpu": {"current": 0.25, "average": 0.2, "max": 0.5, "unit": "vCPU"},
                "memory": {"current_mb": 37.5, "average_mb": 37.0, "max_mb": 40.0}})
            .to_string()),
            other => Err(format!("the recorder does not know `{other}`")),
        }
    }

    fn assigned(&self) -> Result<BTreeMap<String, String>, String> {
        if self.called.has("--stdin") {
            let [name] = &self.called.others[..] else {
                return Err("--stdin requires exactly one KEY argument".to_owned());
            };
            let value = self.input.trim_end_matches('\n').trim_end_matches('\r');
            if value.is_empty() {
                return Err("Empty value provided via stdin".to_owned());
            }
            return Ok([(name.clone(), value.to_owned())].into());
        }
        let pairs = self.called.others.iter().map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("Invalid variable: {pair}"))?;
            Ok((name.to_owned(), value.to_owned()))
        });
        pairs.collect()
    }

    fn up(&self, service: &mut Service, id: String, volume: &Path, builds_fail: bool, takes_long: bool) -> Done {
        let sent = self.called.others.first().map_or(".", String::as_str);
        let read =
            |name: &str| fs::read_to_string(Path::new(sent).join(name)).map_err(|error| format!("{name}: {error}"));
        let toml = read("railway.toml")?;
        let said = |key: &str| {
            let line = toml
                .lines()
                .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= "));
            line.map(|value| value.trim_matches('"').to_owned())
                .ok_or_else(|| format!("railway.toml says no {key}"))
        };
        let dockerfile = read(&said("dockerfilePath")?)?;
        let image = dockerfile
            .lines()
            .find_map(|line| line.strip_prefix("FROM "))
            .ok_or("the Dockerfile has no FROM")?;
        let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
        for (copied, to) in copies.filter_map(|line| line.split_once(' ')) {
            let kept = self.disk.path(&format!("image-{id}-{copied}"));
            fs::write(&kept, read(copied)?).map_err(|error| error.to_string())?;
            service.files.insert(to.to_owned(), kept);
        }
        let start_command = said("startCommand")?;
        match (builds_fail, takes_long) {
            (false, false) => self.deploy(service, id.clone(), volume, image.to_owned(), start_command)?,
            (fails, _) => service.deployments.push(Deployment {
                id: id.clone(),
                status: if fails { "FAILED" } else { "BUILDING" }.to_owned(),
                image: image.to_owned(),
                start_command,
                created_at: now_ms(),
                ..Deployment::default()
            }),
        }
        Ok(json!({"deploymentId": id, "logsUrl": "https://railway.example/logs"}).to_string())
    }

    fn deploy(
        &self,
        service: &mut Service,
        id: String,
        volume: &Path,
        image: String,
        start_command: String,
    ) -> Result<(), String> {
        // The one before it makes room.
        for before in &mut service.deployments {
            if deployed::status(before) == "SUCCESS" {
                deployed::kill(before);
                before.status = "REMOVED".to_owned();
            }
        }
        let is_bad = image.ends_with(":bad");
        let log = self.disk.path(&format!("log-{id}"));
        let pid = match is_bad {
            true => None,
            false => Some(deployed::start(self.gateway, service, volume, &log).map_err(|error| error.to_string())?),
        };
        service.deployments.push(Deployment {
            id,
            status: if is_bad { "CRASHED" } else { "SUCCESS" }.to_owned(),
            pid,
            image,
            start_command,
            created_at: now_ms(),
        });
        Ok(())
    }

    fn logs(&self, service: &Service) -> Done {
        let wanted = self.called.others.first();
        let found = match wanted {
            Some(id) => service.deployments.iter().find(|one| one.id == *id),
            None => service.deployments.last(),
        };
        let deployment = found.ok_or("No deployments found")?;
        let text = match self.called.has("--build") {
            true if deployment.status == "FAILED" => "pulling the image\nmanifest unknown\n".to_owned(),
            true => "built\n".to_owned(),
            false => fs::read_to_string(self.disk.path(&format!("log-{}", deployment.id))).unwrap_or_default(),
        };
        let since = self.called.get("--since").unwrap_or_default();
        // A line that is not ended yet was not said yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole
            .lines()
            .enumerate()
            .map(|(number, line)| (rfc3339(deployment.created_at, number), line));
        let lines = lines.filter(|(at, _)| at.as_str() >= since);
        let lines: Vec<String> = lines
            .map(|(at, line)| json!({"message": line, "timestamp": at, "level": "info"}).to_string())
            .collect();
        Ok(lines.join("\n"))
    }
}

fn who_am_i(account: &Account) -> String {
    let workspaces = account
        .workspaces
        .iter()
        .map(|(id, name)| json!({"id": id, "name": name}));
    json!({"name": "Wang", "email": "wang@example.com", "workspaces": workspaces.collect::<Vec<_>>()}).to_string()
}

fn list(account: &Account) -> String {
    let projects = account.projects.iter().map(|project| {
        let services = project
            .services
            .iter()
            .map(|service| json!({"node": {"id": service.id, "name": service.name}}));
        let environment = json!({"node": {"id": project.environment, "name": "production", "canAccess": true}});
        json!({"workspace": {"id": project.workspace}, "id": project.id, "name": project.name,
               "deletedAt": project.deleted.then_some("2026-01-01T00:00:00Z"),
               "environments": {"edges": [environment]}, "services": {"edges": services.collect::<Vec<_>>()}})
    });
    json!(projects.collect::<Vec<_>>()).to_string()
}

fn domain(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A port below those that the kernel gives out by itself, which would take it before the gateway has it.
fn free_port() -> io::Result<u16> {
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 10_000;
    // Recorders that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(7);
    let ports = (0..PORTS).filter_map(|step| u16::try_from(FIRST + begin.wrapping_add(step) % PORTS).ok());
    let free = ports
        .into_iter()
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| io::ErrorKind::AddrInUse.into())
}

/// A time that is later for a later line; in one day, which is enough for a test.
fn rfc3339(ms: i64, line: usize) -> String {
    let of_day = ms.rem_euclid(86_400_000);
    let (hours, minutes, seconds) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    let nanos = of_day % 1000 * 1_000_000 + i64::try_from(line).unwrap_or_default() % 1_000_000 + 1;
    format!("2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.{nanos:09}Z")
}
