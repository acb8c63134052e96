//! A control plane as a process of its own, which can be killed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{World, fake_creel};

/// The steps of a creation at which it is cut off, and whether there is an instance from then on.
pub const STEPS: [(&str, bool); 6] = [
    ("files made", false),
    ("recorded", true),
    ("files placed", true),
    ("process started", true),
    ("process recorded", true),
    ("process released", true),
];

pub struct ControlPlane {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl ControlPlane {
    /// One of this home, that makes an instance.
    pub fn up(world: &World, create: &str) -> Self {
        let mut child = command(world, create).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// One that made alice up to here.
    pub fn killed_at(world: &World, point: &str) {
        let killed = command(world, "alice").env("CREEL_DIE_AT", point).output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{point}: {killed:?}");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it says next.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub fn kill_9(self) {}
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// In containers, where the world has an engine.
fn command(world: &World, create: &str) -> Command {
    let mut command = Command::new(fake_creel());
    command
        .args(["up", world.path().to_str().unwrap(), create])
        .env("FAKE_FIRST_PORT", world.first_port.to_string());
    if let Some(host) = &world.docker_host {
        command.env("FAKE_DRIVER", "docker").env("DOCKER_HOST", host);
    }
    command
}
