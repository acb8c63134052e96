//! Real database servers for tests: the system's PostgreSQL and MariaDB, on loopback, in a directory that goes with the test.
//!
//! A server takes seconds to make, so one serves a whole test binary ([`postgres`], [`mariadb`]), and each test has a
//! database of its own in it. A test that stops a server makes one for itself.

mod frozen;
mod keeper;
mod mariadb;
mod postgres;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

pub use frozen::Frozen;
use keeper::Keeper;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a server may take to start on a loaded machine.
const START: Duration = Duration::from_secs(180);

/// Scenarios at a time that have taken a turn.
const TURNS: usize = 2;

/// Whom tests sign in as; an administrator. Both servers check the password.
pub const USER: &str = "creel";
/// The password of [`USER`].
pub const PASSWORD: &str = "s3cret-of-the-test";

/// What differs between the servers.
trait Program: Send + Sync {
    fn scheme(&self) -> &'static str;
    /// Fills an empty directory, with [`USER`] in it.
    fn make(&self, directory: &Path);
    /// The command that serves the directory in the foreground.
    fn serve(&self, directory: &Path, port: u16) -> Command;
    /// A command that runs this SQL as [`USER`].
    fn run(&self, port: u16, sql: &str) -> Command;
}

/// A running server. It ends with the process that made it, however that ends.
pub struct DatabaseServer {
    program: Box<dyn Program>,
    port: u16,
    directory: PathBuf,
    keeper: Mutex<Option<Keeper>>,
    databases: AtomicU32,
    turns: Semaphore,
}

/// The PostgreSQL server of this test binary.
pub fn postgres() -> &'static DatabaseServer {
    static SERVER: OnceLock<DatabaseServer> = OnceLock::new();
    SERVER.get_or_init(DatabaseServer::postgres)
}

/// The MariaDB server of this test binary.
pub fn mariadb() -> &'static DatabaseServer {
    static SERVER: OnceLock<DatabaseServer> = OnceLock::new();
    SERVER.get_or_init(DatabaseServer::mariadb)
}

impl DatabaseServer {
    /// A PostgreSQL server for one test.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub fn postgres() -> Self {
        Self::new(Box::new(postgres::Postgres::find()))
    }

    /// A MariaDB server for one test.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub fn mariadb() -> Self {
        Self::new(Box::new(mariadb::MariaDb))
    }

    fn new(program: Box<dyn Program>) -> Self {
        let directory = keeper::directory();
        {
            // It takes all that the machine has, and two at once take longer than one after the other.
            static MAKING: Mutex<()> = Mutex::new(());
            let _alone = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
            program.make(&directory);
        }
        let server = Self {
            program,
            port: crate::ports::range(),
            directory,
            keeper: Mutex::new(None),
            databases: AtomicU32::new(0),
            turns: Semaphore::new(TURNS),
        };
        server.start();
        server
    }

    /// Starts the server again, on the same port and data.
    ///
    /// # Panics
    /// If it does not take connections within minutes.
    #[expect(
        clippy::disallowed_methods,
        reason = "no runtime waits here, and a server only says that it is up when asked"
    )]
    pub fn start(&self) {
        let serve = self.program.serve(&self.directory, self.port);
        *self.keeper() = Some(Keeper::start(&serve, &self.directory));
        let deadline = Instant::now() + START;
        while let Err(reason) = self.try_run("SELECT 1") {
            let log = || keeper::log(&self.directory);
            assert!(
                Instant::now() < deadline,
                "the server does not start: {reason}\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server; its data stay.
    pub fn stop(&self) {
        if let Some(keeper) = self.keeper().take() {
            keeper.stop();
        }
    }

    /// Stops the server's processes where they are: its connections stand, and nothing answers on them.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn freeze(&self) -> Frozen {
        Frozen::below(self.keeper().as_ref().expect("the server runs").pid())
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name}"));
        let scheme = self.program.scheme();
        format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{}/{name}", self.port)
    }

    /// A turn for a scenario that has many connections at once, until it is dropped: more than a few such scenarios side by side, and a machine that is
    /// busy otherwise answers some of them after the client has given up.
    ///
    /// # Panics
    /// Never: nobody closes the semaphore.
    pub async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns.acquire().await.expect("nobody closes it")
    }

    /// Runs a statement as the administrator, outside of any test's database.
    ///
    /// # Panics
    /// If the server refuses it.
    pub fn run(&self, sql: &str) {
        if let Err(reason) = self.try_run(sql) {
            panic!("{sql}: {reason}")
        }
    }

    fn try_run(&self, sql: &str) -> Result<(), String> {
        let output = output(&mut self.program.run(self.port, sql));
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn keeper(&self) -> std::sync::MutexGuard<'_, Option<Keeper>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a command to its end; a program that is not there is a failure that says how to get it.
fn output(command: &mut Command) -> std::process::Output {
    command.output().unwrap_or_else(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        panic!("cannot run {program}: {error}; scripts/setup test installs it")
    })
}

/// As [`output`], where nothing may go wrong.
fn must_succeed(command: &mut Command) {
    let output = output(command);
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
