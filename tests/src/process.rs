//! A child process, what it says, and how it ends.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wait::within;

/// A running process. Dropping it kills it.
pub struct Process {
    child: Child,
    pid: u32,
    stdout: Text,
    stderr: Text,
}

impl Process {
    /// # Panics
    /// If there is no such program.
    pub fn start(command: Command) -> Self {
        Self::start_with(command, "")
    }

    /// With this, and then the end, on its standard input.
    ///
    /// # Panics
    /// If there is no such program.
    pub fn start_with(mut command: Command, input: &str) -> Self {
        let stdin = match input {
            "" => Stdio::null(),
            input => Stdio::from(file_with(input)),
        };
        let command = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", command.as_std().get_program()));
        let stdout = Text::of(child.stdout.take().expect("it is piped"));
        let stderr = Text::of(child.stderr.take().expect("it is piped"));
        let pid = child.id().expect("nobody has waited for it yet");
        Self {
            child,
            pid,
            stdout,
            stderr,
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn stdout(&self) -> &Text {
        &self.stdout
    }

    pub fn stdout_mut(&mut self) -> &mut Text {
        &mut self.stdout
    }

    pub fn stderr(&self) -> &Text {
        &self.stderr
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process has an id");
        rustix::process::kill_process(pid, signal).expect("it is our child, and not waited for");
    }

    /// Kills it, unless it has ended already.
    pub fn kill_now(&mut self) {
        // An error means that it has ended.
        let _ = self.child.start_kill();
    }

    /// Waits for its end, and for the last of what it said.
    pub async fn ended(mut self) -> Ended {
        let status = within("end of the process", self.child.wait())
            .await
            .expect("a child can be waited for");
        let (stdout, stderr) = (self.stdout.whole().await, self.stderr.whole().await);
        Ended { status, stdout, stderr }
    }
}

/// A file without a name that holds this text.
fn file_with(text: &str) -> std::fs::File {
    use std::io::{Seek as _, Write as _};
    let mut file = tempfile::tempfile().expect("there is room for a file");
    file.write_all(text.as_bytes())
        .and_then(|()| file.rewind())
        .expect("there is room for a text");
    file
}

/// A process that was.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// # Panics
    /// If it did not succeed.
    #[track_caller]
    pub fn ok(&self) {
        assert!(self.status.success(), "{self:?}");
    }

    /// What it printed, where it succeeded.
    ///
    /// # Panics
    /// If it did not succeed, or printed no JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        self.ok();
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The exit code; `None`: a signal killed it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// What comes out of a pipe, line by line.
pub struct Text {
    said: Arc<watch::Sender<String>>,
    reader: JoinHandle<()>,
}

impl Text {
    fn of(pipe: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let said = Arc::new(watch::Sender::new(String::new()));
        let writer = Arc::clone(&said);
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                writer.send_modify(|said| {
                    said.push_str(&String::from_utf8_lossy(&line));
                    said.push('\n');
                });
            }
        });
        Self { said, reader }
    }

    /// All of it so far.
    pub fn so_far(&self) -> String {
        self.said.borrow().clone()
    }

    /// Waits for a line with `part` in it, and gives the first such line.
    pub async fn line_with(&self, part: &str) -> String {
        let mut said = self.said.subscribe();
        let line = |said: &String| said.lines().find(|line| line.contains(part)).map(str::to_owned);
        let what = format!("line with {part:?}");
        let said = within(&what, said.wait_for(|said| line(said).is_some()))
            .await
            .expect("the sender is in self");
        line(&said).expect("it was waited for")
    }

    /// Waits until there are so many lines with `part` in them.
    pub async fn lines_with(&self, part: &str, count: usize) {
        let mut said = self.said.subscribe();
        let what = format!("{count} lines with {part:?}");
        let are_there = |said: &String| said.lines().filter(|line| line.contains(part)).count() >= count;
        within(&what, said.wait_for(are_there))
            .await
            .expect("the sender is in self");
    }

    /// [`Self::line_or_end`] with any line.
    ///
    /// # Errors
    /// Like it.
    pub async fn first_line(&mut self) -> Result<String, String> {
        self.line_or_end(|_| true).await
    }

    /// Waits for the first whole line that is as wanted.
    ///
    /// # Errors
    /// All that was said, where the pipe closed before there was one.
    pub async fn line_or_end(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let mut said = self.said.subscribe();
        let line = |said: &String| said.lines().find(|line| wanted(line)).map(str::to_owned);
        tokio::select! {
            biased;
            said = said.wait_for(|said| line(said).is_some()) => {
                Ok(line(&said.expect("the sender is in self")).expect("it was waited for"))
            }
            _ = &mut self.reader => Err(self.so_far()),
        }
    }

    async fn whole(&mut self) -> String {
        if !self.reader.is_finished() {
            within("end of the output", &mut self.reader)
                .await
                .expect("a reader does not panic");
        }
        self.so_far()
    }
}
