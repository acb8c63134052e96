//! MariaDB, whose protocol and SQL are MySQL's.

use std::path::Path;
use std::process::Command;

use super::keeper::unprivileged;
use super::{PASSWORD, Program, USER, must_succeed};

pub(super) struct MariaDb;

/// Several of these run on one machine. The kernel's asynchronous I/O is a store that all of them share, and that is soon used up
/// (`fs.aio-max-nr`): what comes last does not start then.
const SMALL: [&str; 3] = [
    "--innodb-use-native-aio=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
];

impl Program for MariaDb {
    fn scheme(&self) -> &'static str {
        "mysql"
    }

    fn make(&self, directory: &Path) {
        let mut install = unprivileged(Command::new("mariadb-install-db"));
        install
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .arg(format!("--datadir={}", directory.join("data").display()))
            .arg(format!("--tmpdir={}", directory.display()))
            .args(SMALL)
            .current_dir(directory);
        must_succeed(&mut install);
        // One statement a line: https://mariadb.com/kb/en/server-system-variables/#init_file
        let script = r#"umask 077; printf '%s\n' "$@" > first.sql"#;
        let first = [
            format!("CREATE OR REPLACE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';"),
            format!("GRANT ALL ON *.* TO '{USER}'@'%';"),
        ];
        let mut write = unprivileged(Command::new("sh"));
        must_succeed(write.args(["-c", script, "sh"]).args(first).current_dir(directory));
    }

    fn serve(&self, directory: &Path, port: u16) -> Command {
        let mut command = Command::new("mariadbd");
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", directory.join("data").display()))
            // Files that are named by process id, which in two namespaces may be the same.
            .arg(format!("--tmpdir={}", directory.display()))
            .arg(format!("--init-file={}", directory.join("first.sql").display()))
            .arg(format!("--socket={}", directory.join("socket").display()))
            .arg(format!("--pid-file={}", directory.join("pid").display()))
            .args([
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--max-connections=400",
            ])
            .args(SMALL)
            .arg(format!("--port={port}"));
        command
    }

    fn run(&self, port: u16, sql: &str) -> Command {
        let mut command = Command::new("mariadb");
        command
            .args(["--no-defaults", "--batch", "--protocol=tcp", "--host=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--user={USER}"))
            .arg(format!("--execute={sql}"))
            .env("MYSQL_PWD", PASSWORD);
        command
    }
}
