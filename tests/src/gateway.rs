//! `creel gateway run`, in a home of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use creel_testkit::provider::Provider;
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::binary::creel;
use crate::http::{Answer, Call, client};
use crate::process::{Ended, Process, Text};
use crate::sse::Events;
use crate::wait::{until, within};

/// Long enough that a gateway takes it for one that cannot be guessed.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What the provider wants to see.
pub const API_KEY: &str = "sk-of-the-operator";

/// What a gateway is started with.
#[derive(Clone)]
pub struct Builder {
    home: Arc<TempDir>,
    config: Config,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    /// Run by a shell that does this first.
    prelude: Option<String>,
}

#[derive(Clone)]
enum Config {
    Json(Value),
    Text(String),
    /// There is no file.
    Missing,
}

impl Builder {
    fn new() -> Self {
        Self {
            home: Arc::new(TempDir::new().expect("there is room for a directory")),
            config: Config::Json(json!({"gateway": {"auth": {"token": TOKEN}}})),
            environment: Vec::new(),
            arguments: Vec::new(),
            prelude: None,
        }
    }

    /// Asks this provider, as `fake`, for its model `m1`.
    #[must_use]
    pub fn provider(self, provider: &Provider) -> Self {
        provider.require_key(API_KEY);
        self.config(json!({
            "models": {"providers": {"fake": {
                "baseUrl": provider.openai_url(), "api": "openai-completions", "apiKey": API_KEY, "models": [{"id": "m1"}],
            }}},
            "agents": {"defaults": {"model": "fake/m1"}},
        }))
    }

    /// Adds to `openclaw.json`.
    #[must_use]
    pub fn config(mut self, more: Value) -> Self {
        match &mut self.config {
            Config::Json(config) => merge(config, more),
            _ => self.config = Config::Json(more),
        }
        self
    }

    /// The whole of `openclaw.json`.
    #[must_use]
    pub fn config_text(self, text: &str) -> Self {
        Self {
            config: Config::Text(text.to_owned()),
            ..self
        }
    }

    #[must_use]
    pub fn without_config(self) -> Self {
        Self {
            config: Config::Missing,
            ..self
        }
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds to the command line.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// No file may grow past so many bytes, as on a disk that is full.
    #[must_use]
    pub fn files_up_to(self, bytes: u64) -> Self {
        let blocks = bytes / 512;
        Self {
            prelude: Some(format!("trap '' XFSZ; ulimit -f {blocks}")),
            ..self
        }
    }

    /// This directory is on a disk of its own that has room for so many bytes. Only the gateway sees what is on it.
    #[must_use]
    pub fn small_disk(self, directory: &Path, bytes: u64) -> Self {
        let place = directory.display();
        let mount = format!("mkdir -p -m 700 {place} && mount -t tmpfs -o mode=700,size={bytes} none {place}");
        Self {
            // The mount goes with the last process that sees it.
            prelude: Some(format!(
                "exec unshare --mount /bin/sh -c '{mount} && exec \"$@\"' sh \"$@\""
            )),
            ..self
        }
    }

    /// Everything that it asks the kernel of files is written down in this file, a line a call, those of the paths with them.
    #[must_use]
    pub fn traced(self, to: &Path) -> Self {
        let to = to.display();
        Self {
            // A tracer that is nobody's parent: the process stays ours.
            prelude: Some(format!(
                "exec strace -DD -f -qq -y -s 4096 -e trace=%file,fcntl,getdents64,pread64,pwrite64 -o {to} \"$@\""
            )),
            ..self
        }
    }

    #[must_use]
    pub fn open_files(self, files: u32) -> Self {
        Self {
            prelude: Some(format!("ulimit -n {files}")),
            ..self
        }
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    pub fn state_dir(&self) -> PathBuf {
        self.home.path().join(".openclaw")
    }

    pub fn config_path(&self) -> PathBuf {
        self.state_dir().join("openclaw.json")
    }

    fn write_config(&self) {
        std::fs::create_dir_all(self.state_dir()).expect("the home can be written");
        let text = match &self.config {
            Config::Json(config) => format!("{config:#}"),
            Config::Text(text) => text.clone(),
            Config::Missing => return,
        };
        std::fs::write(self.config_path(), text).expect("the home can be written");
    }

    /// `creel` with these arguments, in this home and in no other environment than ours.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.prelude {
            Some(prelude) => {
                let mut shell = Command::new("/bin/sh");
                shell
                    .args(["-c", &format!("{prelude}; exec \"$@\""), "sh"])
                    .arg(creel());
                shell
            }
            None => Command::new(creel()),
        };
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self) -> Process {
        self.write_config();
        let free_port = (!self.arguments.iter().any(|argument| argument == "--port")).then_some(["--port", "0"]);
        let mut arguments = vec!["--json", "gateway", "run"];
        arguments.extend(free_port.into_iter().flatten());
        arguments.extend(self.arguments.iter().map(String::as_str));
        Process::start(self.command(&arguments))
    }

    /// Starts it, on a free port, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> Gateway {
        let mut process = self.run();
        let line = match within("ready line", process.stdout_mut().line_or_end(is_ready)).await {
            Ok(line) => line,
            Err(_) => panic!("the gateway did not start: {:?}", process.ended().await),
        };
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let url = ready["url"]
            .as_str()
            .expect("the ready line has the address")
            .to_owned();
        assert_eq!(ready["pid"], process.pid(), "the ready line has the process id");
        Gateway {
            builder: self,
            process,
            url,
            client: client(),
        }
    }

    /// Starts it where it must not start, and gives the exit code and the one line that it said.
    ///
    /// # Panics
    /// If it says more or less, or runs.
    pub async fn refused(self) -> (Option<i32>, String) {
        let ended = self.run().ended().await;
        assert_eq!(ended.stdout, "", "it is not ready: {ended:?}");
        let mut lines: Vec<&str> = ended.stderr.lines().collect();
        let last = lines.pop().unwrap_or_default();
        let said: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("an error in JSON: {ended:?}"));
        let message = said["error"].as_str().expect("the error has a text").to_owned();
        assert!(!message.contains('\n') && lines.is_empty(), "one line: {ended:?}");
        assert_eq!(said["code"].as_i64(), ended.code().map(i64::from), "{ended:?}");
        (ended.code(), message)
    }
}

/// The line that says that it is ready; where the log goes to standard output too, it is not the first.
fn is_ready(line: &str) -> bool {
    line.starts_with("{\"url\"")
}

/// Puts `more` over `config`, object by object.
fn merge(config: &mut Value, more: Value) {
    match (config, more) {
        (Value::Object(config), Value::Object(more)) => {
            for (key, value) in more {
                merge(config.entry(key).or_insert(Value::Null), value);
            }
        }
        (config, more) => *config = more,
    }
}

/// A running gateway. Dropping it kills it.
pub struct Gateway {
    builder: Builder,
    process: Process,
    url: String,
    client: reqwest::Client,
}

impl Gateway {
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A gateway that asks this provider.
    pub async fn of(provider: &Provider) -> Self {
        Self::builder().provider(provider).start().await
    }

    /// What it was started with: to start it, or another one, in the same home.
    pub fn builder_again(&self) -> Builder {
        self.builder.clone()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub fn state_dir(&self) -> PathBuf {
        self.builder.state_dir()
    }

    /// The file of a session's transcript.
    pub fn transcript(&self, session: &str) -> PathBuf {
        self.state_dir()
            .join("workspace/sessions")
            .join(format!("{session}.jsonl"))
    }

    /// What it logs.
    pub fn log(&self) -> &Text {
        self.process.stderr()
    }

    pub fn stdout(&self) -> &Text {
        self.process.stdout()
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&self.client, method, &format!("{}{path}", self.url), TOKEN)
    }

    /// Asks; `request` is the body of `/api/v1/chat`.
    pub fn ask(&self, request: Value) -> Call {
        self.post("/api/v1/chat", &request)
    }

    /// Says this in a new session, and gives the answer.
    pub async fn chat(&self, message: &str) -> Value {
        self.ask(json!({"message": message})).await.ok()
    }

    /// Says this in a session, and gives the answer.
    pub async fn chat_in(&self, session: &str, message: &str) -> Value {
        self.ask(json!({"message": message, "session_id": session})).await.ok()
    }

    /// Says this in a new session, and gives the events of the answer.
    pub async fn stream(&self, message: &str) -> Events {
        self.post("/api/v1/chat/stream", &json!({"message": message}))
            .events()
            .await
    }

    pub async fn stream_in(&self, session: &str, message: &str) -> Events {
        self.post(
            "/api/v1/chat/stream",
            &json!({"message": message, "session_id": session}),
        )
        .events()
        .await
    }

    /// A session's messages, as `role: content`; none where there is no such session.
    pub async fn messages(&self, session: &str) -> Vec<String> {
        let answer = self.get(&format!("/api/v1/sessions/{session}")).await;
        if answer.status == 404 {
            return Vec::new();
        }
        let all = answer.ok()["messages"].as_array().cloned().unwrap_or_default();
        let line = |message: &Value| format!("{}: {}", text(&message["role"]), text(&message["content"]));
        all.iter().map(line).collect()
    }

    /// Waits until a session has so many messages.
    pub async fn messages_are(&self, session: &str, count: usize) -> Vec<String> {
        until(&format!("{count} messages in {session}"), || async {
            let messages = self.messages(session).await;
            (messages.len() == count).then_some(messages)
        })
        .await
    }

    /// Waits until an answer is as wanted.
    pub async fn eventually(
        &self,
        what: &str,
        call: impl Fn(&Self) -> Call,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Answer {
        until(what, || async { Some(call(self).await).filter(&wanted) }).await
    }

    /// A value of `/metrics`, by its name and labels as they stand there; 0 where it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = answer.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a metric is a number"))
    }

    /// A connection without anything on it.
    pub async fn connect(&self) -> TcpStream {
        within("connection", TcpStream::connect(self.address()))
            .await
            .expect("the gateway listens")
    }

    /// Puts another configuration in the place of the present one, at once and whole, as editors do.
    pub fn rewrite_config(&self, text: &str) {
        let path = self.builder.config_path();
        let new = path.with_extension("new");
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &path))
            .expect("the home can be written");
    }

    /// Adds to the configuration file of the running gateway.
    pub fn reconfigure(&mut self, more: Value) {
        let Config::Json(config) = &mut self.builder.config else {
            panic!("the configuration is a text")
        };
        merge(config, more);
        let text = format!("{config:#}");
        self.rewrite_config(&text);
    }

    /// SIGTERM: drain and end.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits for the end of the process.
    pub async fn ended(self) -> Ended {
        self.process.ended().await
    }

    /// Drains it, and starts it again in the same home.
    ///
    /// # Panics
    /// If it does not end in good order.
    pub async fn restart(self) -> Self {
        let builder = self.builder.clone();
        self.terminate();
        let ended = self.ended().await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        builder.start().await
    }

    /// `kill -9`. What is left can be started again.
    pub async fn kill(self) -> Builder {
        self.process.signal(Signal::KILL);
        let builder = self.builder;
        self.process.ended().await;
        builder
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
