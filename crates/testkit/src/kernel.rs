//! A Linux kernel of its own as a process of this user (User Mode Linux, Debian's `user-mode-linux`): for what this host's kernel is not
//! set up for. It has control groups of version 2 with every controller, swap, and the files of this host to read.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::process::Command;

/// Bytes of swap it has; a file with holes, filled as it is used.
const SWAP: u64 = 512 << 20;
/// All of it, from the first line of the kernel to its last, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(600);
/// What says how the program ended.
const ENDED: &str = "ended with ";

/// `$1` is the program.
const INIT: &str = r#"#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs run /run
mkswap /dev/ubda >/dev/null && swapon /dev/ubda
ip link set lo up
mkdir /run/tmp
cd /run
"#;

/// Runs a program of this host in there, as root. Gives what it said, standard error too.
///
/// # Panics
/// If there is no such kernel, or the program fails or hangs: with what was said.
pub async fn run(program: &Path, arguments: &[&str]) -> String {
    let mut init = NamedTempFile::new().expect("there is room for a file");
    let quoted: Vec<String> = arguments.iter().map(|one| format!("'{one}'")).collect();
    writeln!(
        init,
        "{INIT}TMPDIR=/run/tmp '{}' {} 2>&1; echo \"{ENDED}$?\"\npoweroff -f",
        program.display(),
        quoted.join(" ")
    )
    .expect("a script");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(init.path(), executable).expect("its owner may");
    // An open file cannot be executed.
    let init = init.into_temp_path();
    let swap = NamedTempFile::new().expect("there is room for a file");
    swap.as_file().set_len(SWAP).expect("a file may have holes");

    let mut kernel = Command::new("linux.uml");
    kernel
        .args([
            "mem=1024M",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "quiet",
        ])
        .args(["con=null", "con0=null,fd:1"])
        .arg(format!("ubda={}", swap.path().display()))
        .arg(format!("init={}", init.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(PATIENCE, kernel.output()).await;
    let output = ended
        .expect("it ends in time")
        .expect("apt-get install user-mode-linux");
    let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(said.contains(&format!("{ENDED}0\n")), "{said}");
    said
}
