//! What the client is asked, and what of its answers counts. Commands and fields are those of its own source at 5.43
//! (`src/commands/`); each names the project by the id that Railway gave it, never by what is linked to a directory.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::client::{Call, Client, Lock};
use super::kept::Kept;
use super::trouble::Trouble;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub project: String,
    pub environment: String,
    pub service: String,
}

impl Place {
    /// Where all of it is known.
    pub fn of(kept: &Kept) -> Option<Self> {
        Some(Self {
            project: kept.project.clone()?,
            environment: kept.environment.clone()?,
            service: kept.service.clone()?,
        })
    }

    fn arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = command.to_vec();
        arguments.extend(["--project", &self.project, "--environment", &self.environment]);
        arguments.extend(["--service", &self.service]);
        arguments
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: String,
    pub name: String,
}

/// A project that is not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub name: String,
    pub workspace: String,
    /// Its first environment, which is `production` where nobody changed that.
    pub environment: Option<String>,
}

/// A service, and what was deployed last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub id: String,
    pub name: String,
    pub deployment: Option<String>,
    pub stage: Stage,
    pub url: Option<String>,
    /// Where its volumes are mounted.
    pub volumes: Vec<String>,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There is none, or it was removed.
    Nothing,
    /// It is being built, or waits for that.
    Coming,
    Serving,
    /// Railway itself has put it to sleep until the next request.
    Asleep,
    Failed,
    Crashed,
}

impl Stage {
    fn of(status: &str) -> Self {
        match status {
            "SUCCESS" => Self::Serving,
            "SLEEPING" => Self::Asleep,
            "FAILED" | "SKIPPED" => Self::Failed,
            "CRASHED" => Self::Crashed,
            "REMOVED" | "REMOVING" => Self::Nothing,
            // BUILDING, DEPLOYING, INITIALIZING, NEEDS_APPROVAL, QUEUED, WAITING, and whatever else comes before it serves.
            _ => Self::Coming,
        }
    }

    /// Whether it lives, or will without anybody's doing.
    pub fn lives(self) -> bool {
        matches!(self, Self::Coming | Self::Serving | Self::Asleep)
    }
}

/// What a service uses, as Railway says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// In cores.
    pub cpu: f64,
    pub memory_bytes: u64,
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn needed(value: &Value, what: &str) -> Result<String, Trouble> {
    text(value).ok_or_else(|| {
        Trouble::Refused(format!(
            "the railway client does not say {what}; is it another version's?"
        ))
    })
}

impl Client {
    /// The workspaces of whoever is signed in.
    pub async fn who_am_i(&self) -> Result<Vec<Workspace>, Trouble> {
        let said = self.ask(Call::new(vec!["whoami", "--json"])).await?;
        let workspaces = said["workspaces"].as_array().into_iter().flatten();
        let workspaces = workspaces.map(|one| {
            Ok(Workspace {
                id: needed(&one["id"], "a workspace's id")?,
                name: needed(&one["name"], "a workspace's name")?,
            })
        });
        workspaces.collect()
    }

    pub async fn projects(&self) -> Result<Vec<Project>, Trouble> {
        let said = self.ask(Call::new(vec!["list", "--json"])).await?;
        let projects = said.as_array().into_iter().flatten();
        let there = projects.filter(|project| project["deletedAt"].is_null());
        let projects = there.map(|project| {
            let environments = project["environments"]["edges"].as_array().into_iter().flatten();
            let mut environments = environments
                .map(|edge| &edge["node"])
                .filter(|node| node["canAccess"] != false);
            Ok(Project {
                id: needed(&project["id"], "a project's id")?,
                name: needed(&project["name"], "a project's name")?,
                workspace: needed(&project["workspace"]["id"], "a project's workspace")?,
                environment: environments.next().and_then(|node| text(&node["id"])),
            })
        });
        projects.collect()
    }

    /// Makes a project of this name and gives its id.
    pub async fn init(&self, name: &str, workspace: &str, directory: &Path, lock: &Lock) -> Result<String, Trouble> {
        let call = Call {
            directory: Some(directory),
            lock: Some(lock),
            links: true,
            ..Call::new(vec!["init", "--name", name, "--workspace", workspace, "--json"])
        };
        needed(&self.ask(call).await?["id"], "which project it made")
    }

    pub async fn services(&self, project: &str, environment: &str) -> Result<Vec<Service>, Trouble> {
        let arguments = vec![
            "service",
            "list",
            "--project",
            project,
            "--environment",
            environment,
            "--json",
        ];
        let said = self.ask(Call::new(arguments)).await?;
        let services = said.as_array().into_iter().flatten();
        let services = services.map(|service| {
            let latest = &service["latestDeployment"];
            let volumes = service["volumes"].as_array().into_iter().flatten();
            Ok(Service {
                id: needed(&service["id"], "a service's id")?,
                name: needed(&service["name"], "a service's name")?,
                deployment: text(&latest["id"]),
                stage: latest["status"].as_str().map_or(Stage::Nothing, Stage::of),
                url: text(&service["url"]),
                volumes: volumes.filter_map(|volume| text(&volume["mountPath"])).collect(),
            })
        });
        services.collect()
    }

    /// The service of this place, if it is there.
    pub async fn service(&self, place: &Place) -> Result<Option<Service>, Trouble> {
        let services = self.services(&place.project, &place.environment).await?;
        Ok(services.into_iter().find(|service| service.id == place.service))
    }

    /// Makes a service and gives its id. The client looks for its project in what is linked to the directory.
    pub async fn add(
        &self,
        name: &str,
        project: &str,
        environment: &str,
        directory: &Path,
        lock: &Lock,
    ) -> Result<String, Trouble> {
        let arguments = vec!["link", "--project", project, "--environment", environment, "--json"];
        let link = Call {
            directory: Some(directory),
            links: true,
            ..Call::new(arguments)
        };
        self.tell(&link).await?;
        let add = Call {
            directory: Some(directory),
            lock: Some(lock),
            links: true,
            ..Call::new(vec!["add", "--service", name, "--json"])
        };
        needed(&self.ask(add).await?["id"], "which service it made")
    }

    pub async fn add_volume(&self, place: &Place, mount: &str, lock: &Lock) -> Result<(), Trouble> {
        let mut arguments = place.arguments(&["volume"]);
        arguments.extend(["add", "--mount-path", mount, "--json"]);
        let call = Call {
            lock: Some(lock),
            ..Call::new(arguments)
        };
        self.tell(&call).await.map(drop)
    }

    /// The variables of a service with their values, Railway's own among them.
    pub async fn variables(&self, place: &Place) -> Result<BTreeMap<String, String>, Trouble> {
        let said = self
            .ask(Call::new(place.arguments(&["variable", "list", "--json"])))
            .await?;
        let variables = said.as_object().into_iter().flatten();
        Ok(variables
            .filter_map(|(name, value)| Some((name.clone(), text(value)?)))
            .collect())
    }

    /// Sets variables that everybody may read: they stand in arguments.
    pub async fn set_public(&self, place: &Place, variables: &[(&str, &str)]) -> Result<(), Trouble> {
        let assigned: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut arguments = vec!["variable", "set"];
        arguments.extend(assigned.iter().map(String::as_str));
        arguments.extend(["--skip-deploys", "--json"]);
        self.tell(&Call::new(place.arguments(&arguments))).await.map(drop)
    }

    /// Sets one that is secret.
    pub async fn set_secret(&self, place: &Place, name: &str, value: &str) -> Result<(), Trouble> {
        let arguments = place.arguments(&["variable", "set", name, "--stdin", "--skip-deploys", "--json"]);
        let call = Call {
            input: Some(value),
            ..Call::new(arguments)
        };
        self.tell(&call).await.map(drop)
    }

    pub async fn delete_variable(&self, place: &Place, name: &str) -> Result<(), Trouble> {
        let call = Call::new(place.arguments(&["variable", "delete", name, "--json"]));
        self.tell(&call).await.map(drop)
    }

    /// The domain that leads to this port of the service; made where there is none.
    pub async fn domain(&self, place: &Place, port: &str) -> Result<String, Trouble> {
        let said = self
            .ask(Call::new(place.arguments(&["domain", "--port", port, "--json"])))
            .await?;
        let url = [&said["domain"], &said["domains"][0]].into_iter().find_map(text);
        needed(&url.map_or(Value::Null, Value::String), "its domain")
    }

    /// Sends a directory to be built and deployed; gives the deployment's id.
    pub async fn up(&self, place: &Place, directory: &Path, lock: &Lock) -> Result<String, Trouble> {
        let command = ["up", ".", "--path-as-root", "--no-gitignore", "--detach", "--json"];
        let call = Call {
            directory: Some(directory),
            lock: Some(lock),
            uploads: true,
            ..Call::new(place.arguments(&command))
        };
        needed(&self.ask(call).await?["deploymentId"], "which deployment it made")
    }

    /// Deploys once more what was deployed last; gives the deployment's id.
    pub async fn redeploy(&self, place: &Place, lock: &Lock) -> Result<String, Trouble> {
        let call = Call {
            lock: Some(lock),
            ..Call::new(place.arguments(&["redeploy", "--yes", "--json"]))
        };
        needed(&self.ask(call).await?["id"], "which deployment it made")
    }

    /// Removes what serves. The client knows of no deployment that does not serve (yet).
    pub async fn down(&self, place: &Place) -> Result<(), Trouble> {
        self.tell(&Call::new(place.arguments(&["down", "--yes"])))
            .await
            .map(drop)
    }

    pub async fn delete(&self, project: &str, lock: &Lock) -> Result<(), Trouble> {
        let call = Call {
            lock: Some(lock),
            ..Call::new(vec!["delete", "--project", project, "--yes", "--json"])
        };
        self.tell(&call).await.map(drop)
    }

    /// Lines of a deployment's log from a time on, as the client prints them; `--build`: of its build.
    pub async fn logs(
        &self,
        place: &Place,
        deployment: &str,
        kind: &str,
        since: Option<&str>,
    ) -> Result<String, Trouble> {
        let mut arguments = vec!["logs", deployment, kind, "--json", "--lines", "1000"];
        arguments.extend(since.into_iter().flat_map(|since| ["--since", since]));
        self.tell(&Call::new(place.arguments(&arguments))).await
    }

    /// What it used lately; `None` where Railway has not measured it yet.
    pub async fn metrics(&self, place: &Place) -> Result<Option<Metrics>, Trouble> {
        let arguments = place.arguments(&["metrics", "--cpu", "--memory", "--json"]);
        let said = self.ask(Call::new(arguments)).await?;
        let memory = said["memory"]["current_mb"].as_f64();
        let cpu = said["cpu"]["current"].as_f64();
        Ok(memory.zip(cpu).map(|(memory, cpu)| Metrics {
            cpu,
            memory_bytes: (memory * f64::from(1 << 20)) as u64,
        }))
    }
}
