//! `creel up` in a home of its own, and `creel instance …` against it.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use creel_testkit::groups;
use reqwest::Method;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::binary::creel;
use crate::http::{Call, client};
use crate::process::{Ended, Process, Text};
use crate::terminal::Terminal;
use crate::wait::{until, within};

/// What `CREEL_ADMIN_TOKEN` is set to.
pub const ADMIN_TOKEN: &str = "fedcba9876543210fedcba9876543210";

/// The program, for a user who cannot reach where it was built.
const COPY: &str = "creel-program";

/// What a control plane is started with.
#[derive(Clone)]
pub struct Builder {
    home: Arc<TempDir>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    /// Port of the console; 0 for any.
    console: u16,
    first_port: u16,
    /// MiB of the disk that the home is on; `None` for that of the machine.
    disk: Option<u32>,
    /// Who runs it, where that is not the one who runs the tests.
    user: Option<u32>,
}

impl Builder {
    /// A home on a disk of its own, of so many MiB, which nobody sees but those who run there: see [`Up::disk`].
    #[must_use]
    pub fn disk(mut self, mebibytes: u32) -> Self {
        self.disk = Some(mebibytes);
        self
    }

    /// Runs as this user, who has nothing but the home, and a copy of the program beside it.
    ///
    /// # Panics
    /// If the tests are not run by root.
    #[must_use]
    pub fn user(mut self, id: u32) -> Self {
        let home = self.home.path();
        // By another process: a file that this one writes to is inherited by whatever another test starts just then, and cannot be run
        // for as long.
        let mut copy = std::process::Command::new("cp");
        let copied = copy.arg("--preserve=mode").arg(creel()).arg(home.join(COPY)).status();
        assert!(copied.is_ok_and(|status| status.success()), "there is room for a copy");
        std::os::unix::fs::chown(home, Some(id), Some(id)).expect("root may give a directory away");
        self.user = Some(id);
        let home = home.display().to_string();
        self.env("HOME", &home)
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the console at a port that is known before the start.
    #[must_use]
    pub fn console(mut self, port: u16) -> Self {
        self.console = port;
        self
    }

    /// What is in `creel.toml` of the home, which may not be there yet.
    ///
    /// # Panics
    /// If the home cannot be written.
    #[must_use]
    pub fn settings(self, text: &str) -> Self {
        std::fs::create_dir_all(self.home()).expect("the home can be made");
        std::fs::write(self.home().join("creel.toml"), text).expect("the home can be written");
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().join("creel")
    }

    fn command(&self) -> Command {
        let Some(user) = self.user else {
            return self.run(Command::new(creel()));
        };
        let mut command = self.run(Command::new(self.home.path().join(COPY)));
        command.uid(user).gid(user);
        command
    }

    /// With the environment that everything of this home runs in.
    fn run(&self, mut command: Command) -> Command {
        command.env_clear();
        for name in ["PATH", "HOME"] {
            command.env(name, std::env::var_os(name).unwrap_or_default());
        }
        command
            .env("CREEL_HOME", self.home())
            .env("CREEL_ADMIN_TOKEN", ADMIN_TOKEN);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn spawn(&self) -> Process {
        let mut command = match self.disk {
            None => self.command(),
            Some(mebibytes) => {
                // The mount goes with the last process that sees it.
                let mut unshare = Command::new("unshare");
                let mount = format!(
                    "mkdir -p \"$CREEL_HOME\" && mount -t tmpfs -o size={mebibytes}m none \"$CREEL_HOME\" && exec \"$@\""
                );
                unshare.args(["--mount", "sh", "-c", &mount, "sh"]);
                unshare.arg(creel());
                self.run(unshare)
            }
        };
        command
            .args(["up", "--json", "--llm", "127.0.0.1:0"])
            .args(["--console", &format!("127.0.0.1:{}", self.console)])
            .args(["--first-port", &self.first_port.to_string()])
            .args(&self.arguments);
        Process::start(command)
    }

    /// Starts it and waits until all of it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    pub async fn start(self) -> Up {
        let mut process = self.spawn();
        let line = within("ready line", process.stdout_mut().first_line()).await;
        let line = line.unwrap_or_else(|said| panic!("creel up ended: {said}{}", process.stderr().so_far()));
        let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        let url = ready["console"]
            .as_str()
            .expect("the console has an address")
            .to_owned();
        Up {
            builder: self,
            process,
            url,
            llm: ready["llm"]
                .as_str()
                .expect("the LLM Gateway has an address")
                .to_owned(),
            client: client(),
        }
    }

    /// Runs `creel …` in this home while it does not run.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn creel(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        within("end of the command", command.args(arguments).output())
            .await
            .expect("creel can be started")
    }

    /// Starts it where it must not start, and gives the exit code and what it said.
    pub async fn refused(self) -> (Option<i32>, String) {
        let ended = self.spawn().ended().await;
        (ended.code(), ended.stderr)
    }
}

/// A running control plane. Dropping it kills it, and its instances with it.
pub struct Up {
    builder: Builder,
    process: Process,
    url: String,
    llm: String,
    client: reqwest::Client,
}

impl Up {
    pub fn builder() -> Builder {
        Builder {
            home: Arc::new(TempDir::new().expect("there is room for a directory")),
            environment: Vec::new(),
            arguments: Vec::new(),
            console: 0,
            first_port: creel_testkit::ports::range(),
            disk: None,
            user: None,
        }
    }

    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Of the control plane itself.
    pub fn own_pid(&self) -> u32 {
        self.process.pid()
    }

    /// The port of its first instance.
    pub fn first_port(&self) -> u16 {
        self.builder.first_port
    }

    /// The same again, in the same home.
    pub fn builder_of(up: &Self) -> Builder {
        up.builder.clone()
    }

    pub fn home(&self) -> PathBuf {
        self.builder.home()
    }

    /// Its home, seen from where it runs: for one on a disk of its own.
    pub fn disk(&self) -> PathBuf {
        let home = self.home();
        let home = home.strip_prefix("/").expect("it is absolute");
        PathBuf::from(format!("/proc/{}/root", self.process.pid())).join(home)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its LLM Gateway listens.
    pub fn llm_url(&self) -> &str {
        &self.llm
    }

    pub fn log(&self) -> &Text {
        self.process.stderr()
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&self.client, method, &format!("{}{path}", self.url), ADMIN_TOKEN)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Makes a native instance and waits until it runs.
    ///
    /// # Panics
    /// If it does not.
    pub async fn create(&self, id: &str) -> Instance {
        self.create_with(json!({"id": id})).await
    }

    /// Makes an instance and waits until it runs.
    ///
    /// # Panics
    /// If it does not.
    pub async fn create_with(&self, request: Value) -> Instance {
        let answer = self.post("/api/instances", &request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let created = answer.json();
        let id = created["instance"]["id"]
            .as_str()
            .expect("an instance has an id")
            .to_owned();
        let token = created["token"]
            .as_str()
            .expect("a new instance has a token")
            .to_owned();
        self.status_is(&id, "running").await;
        self.instance(&id, &token).await
    }

    /// An instance as the one who has its token knows it.
    ///
    /// # Panics
    /// If there is none.
    pub async fn instance(&self, id: &str, token: &str) -> Instance {
        let url = self.show(id).await["url"]
            .as_str()
            .expect("an instance has an address")
            .to_owned();
        Instance {
            token: token.to_owned(),
            url,
            client: self.client.clone(),
        }
    }

    pub async fn show(&self, id: &str) -> Value {
        self.get(&format!("/api/instances/{id}")).await.ok()
    }

    pub async fn pid(&self, id: &str) -> i32 {
        let pid = self.show(id).await["pid"].as_i64().expect("it runs");
        i32::try_from(pid).expect("a process id")
    }

    /// Waits for a status, and shows the instance then.
    ///
    /// # Panics
    /// If it fails instead.
    pub async fn status_is(&self, id: &str, status: &str) -> Value {
        until(&format!("{id} to be {status}"), || async {
            let shown = self.show(id).await;
            assert!(status == "error" || shown["status"] != "error", "{shown:#}");
            (shown["status"] == status).then_some(shown)
        })
        .await
    }

    /// Runs `creel …` against it.
    pub async fn creel(&self, arguments: &[&str]) -> Output {
        self.creel_at(&self.url, arguments).await
    }

    /// Runs `creel …` against another address.
    pub async fn creel_at(&self, url: &str, arguments: &[&str]) -> Output {
        within("end of the command", self.creel_command(url, arguments).output())
            .await
            .expect("creel can be started")
    }

    /// Runs `creel …` against it, with this on its standard input.
    pub async fn creel_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        Process::start_with(self.creel_command(&self.url, arguments), input)
            .ended()
            .await
    }

    /// Starts `creel …`, and lets it run.
    pub fn creel_runs(&self, arguments: &[&str]) -> Process {
        Process::start(self.creel_command(&self.url, arguments))
    }

    /// Runs `creel …` on a terminal of its own.
    pub fn creel_on_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::run(self.creel_command(&self.url, arguments))
    }

    fn creel_command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = self.builder.command();
        command
            .env("CREEL_URL", url)
            .env("CREEL_TOKEN", ADMIN_TOKEN)
            .args(arguments);
        command
    }

    /// As [`Self::creel_runs`], in this environment too.
    pub fn creel_runs_in(&self, environment: &[(&'static str, String)], arguments: &[&str]) -> Process {
        let mut command = self.creel_command(&self.url, arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Process::start(command)
    }

    /// Runs `creel … --json`, which must succeed, and gives what it printed.
    ///
    /// # Panics
    /// If it does not succeed.
    pub async fn creel_json(&self, arguments: &[&str]) -> Value {
        let output = self.creel(&[arguments, &["--json"]].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Runs `creel …`, which must fail, and gives the exit code and the line that it said.
    ///
    /// # Panics
    /// If it succeeds, or says more than a line.
    pub async fn creel_refuses(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.creel(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        assert!(
            !output.status.success() && !said.contains('\n'),
            "{arguments:?}: {output:?}"
        );
        (output.status.code(), said)
    }

    /// `kill -9` of the control plane alone. What is left can be started again.
    pub async fn kill(mut self) -> Builder {
        self.process.signal(Signal::KILL);
        let builder = self.builder.clone();
        let process = std::mem::replace(&mut self.process, Process::start(Command::new("true")));
        process.ended().await;
        // Dropping `self` would kill the instances, which are to go on.
        std::mem::forget(self);
        builder
    }

    /// Ctrl-C, and the end that follows.
    pub async fn interrupt(mut self) -> Ended {
        self.process.signal(Signal::INT);
        let process = std::mem::replace(&mut self.process, Process::start(Command::new("true")));
        process.ended().await
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // A disk of its own can be read for as long as it runs.
        let on_disk = self.builder.disk.map(|_| instances(&self.disk()));
        // The control plane first, or it would start again what is killed.
        self.process.kill_now();
        kill(on_disk.unwrap_or_else(|| instances(&self.home())));
    }
}

/// Kills whatever instances of a home still run.
pub fn kill_instances(home: &Path) {
    kill(instances(home));
}

/// The processes of a home's instances, those that have ended among them.
fn instances(home: &Path) -> Vec<Pid> {
    let entries = std::fs::read_dir(home.join("instances"));
    let noted = |entry: DirEntry| {
        let text = std::fs::read_to_string(entry.path().join("pid")).ok()?;
        Pid::from_raw(text.split_whitespace().next()?.parse().ok()?)
    };
    entries.into_iter().flatten().flatten().filter_map(noted).collect()
}

fn kill(instances: Vec<Pid>) {
    for pid in instances {
        let groups = groups::of(pid.as_raw_nonzero().get().unsigned_abs());
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        groups::remove(&groups);
    }
}

/// A running instance, as its user knows it.
pub struct Instance {
    pub token: String,
    pub url: String,
    client: reqwest::Client,
}

impl Instance {
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&self.client, method, &format!("{}{path}", self.url), &self.token)
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// Says this over OpenAI's API, which both runtimes answer, and gives the reply.
    pub async fn says(&self, message: &str) -> String {
        let request = json!({"model": "openclaw", "messages": [{"role": "user", "content": message}]});
        let answer = self.post("/v1/chat/completions", &request).await.ok();
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}
