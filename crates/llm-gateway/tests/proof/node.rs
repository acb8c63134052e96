//! A gateway node as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use creel_records::ledger::RequestId;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A node that says nothing for so long never will: what it has to do takes a second at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a node said of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Sent,
    Refused,
    Unavailable,
    Done,
}

pub struct Node {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    said: Vec<(RequestId, Said)>,
}

impl Node {
    pub async fn start(url: &str, journal: &Path) -> Self {
        let mut child = Command::new(program())
            .arg(url)
            .arg(journal)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = heard(&mut output).await;
        // `cargo test --test proof` alone leaves the program as it was.
        assert_eq!(
            ready.as_deref(),
            Some("ready"),
            "the node starts, if {} is of these sources",
            program().display()
        );
        Self {
            child,
            input,
            output,
            said: Vec::new(),
        }
    }

    pub async fn tell(&mut self, command: &str) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    /// Waits for the next answer.
    pub async fn answer(&mut self) -> (RequestId, Said) {
        parse(&heard(&mut self.output).await.expect("the node lives"))
    }

    /// Kills it, now, and gives back what it had said by then.
    pub async fn kill(mut self) -> Vec<(RequestId, Said)> {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
        while let Ok(Some(line)) = self.output.next_line().await {
            self.said.push(parse(&line));
        }
        self.said
    }

    /// Stops it in order.
    pub async fn close(mut self) {
        self.tell("close").await;
        assert_eq!(heard(&mut self.output).await.as_deref(), Some("closed"));
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// The next line, if there is one.
async fn heard(output: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    let line = timeout(PATIENCE, output.next_line()).await;
    line.expect("the node goes on").unwrap()
}

fn parse(line: &str) -> (RequestId, Said) {
    let (word, id) = line.split_once(' ').expect("a word and an id");
    let said = match word {
        "sent" => Said::Sent,
        "refused" => Said::Refused,
        "unavailable" => Said::Unavailable,
        "done" => Said::Done,
        _ => panic!("the node said {line}"),
    };
    (id.parse().unwrap(), said)
}

/// Cargo builds examples with the tests, beside them.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples/ledger_node")
}
