//! PostgreSQL, of the newest version that is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::keeper::unprivileged;
use super::{PASSWORD, Program, USER, must_succeed};

/// Where Debian keeps the versions' programs; only those of a client are on the path.
const VERSIONS: &str = "/usr/lib/postgresql";

pub(super) struct Postgres {
    programs: PathBuf,
}

impl Postgres {
    pub fn find() -> Self {
        let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let newest = versions
            .filter(|entry| entry.path().join("bin/postgres").exists())
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .max()
            .unwrap_or_else(|| panic!("no PostgreSQL server in {VERSIONS}; scripts/setup test installs it"));
        Self {
            programs: Path::new(VERSIONS).join(newest.to_string()).join("bin"),
        }
    }
}

impl Program for Postgres {
    fn scheme(&self) -> &'static str {
        "postgres"
    }

    fn make(&self, directory: &Path) {
        let password = directory.join("password");
        let script = r#"umask 077; echo "$0" > "$1"; shift; exec "$@""#;
        let mut initdb = unprivileged(Command::new("sh"));
        initdb
            .args(["-c", script, PASSWORD])
            .arg(&password)
            .arg(self.programs.join("initdb"))
            .args([
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth=scram-sha-256",
            ])
            .arg(format!("--username={USER}"))
            .arg(format!("--pwfile={}", password.display()))
            .arg(directory.join("data"))
            .current_dir(directory);
        must_succeed(&mut initdb);
    }

    fn serve(&self, directory: &Path, port: u16) -> Command {
        let mut command = Command::new(self.programs.join("postgres"));
        command.arg("-D").arg(directory.join("data"));
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            "max_connections=400".to_owned(),
            "fsync=off".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        command
    }

    fn run(&self, port: u16, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args(["--no-psqlrc", "--quiet", "--host=127.0.0.1", "--dbname=postgres"])
            .arg(format!("--port={port}"))
            .arg(format!("--username={USER}"))
            .arg(format!("--command={sql}"))
            .env("PGPASSWORD", PASSWORD);
        command
    }
}
