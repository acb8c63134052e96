//! `scripts/image`: the image of the native gateway is small, or there is none.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use creel_tests::binary::repository;

/// Makes an image of a program of so many bytes. The engine is not asked: it is a program that says what it was told.
fn made_of(bytes: u64) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let program = |name: &str| {
        let path = directory.path().join(name);
        let file = File::create(&path).unwrap();
        file.set_permissions(Permissions::from_mode(0o755)).unwrap();
        (path, file)
    };
    let (binary, file) = program("creel");
    file.set_len(bytes).unwrap();
    let (engine, file) = program("docker");
    drop(file);
    std::fs::write(&engine, "#!/bin/sh\necho \"$@\"\n").unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let mut script = Command::new(repository().join("scripts/image"));
    script.arg(binary).arg("creel:test").env("PATH", path).output().unwrap()
}

#[test]
fn an_image_of_thirty_million_bytes_is_not_made() {
    let made = made_of(29_000_000);
    assert!(made.status.success(), "{made:?}");
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(told.starts_with("build --tag creel:test "), "{told}");

    let refused = made_of(30_000_000);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let (told, said) = (refused.stdout, String::from_utf8(refused.stderr).unwrap());
    assert!(told.is_empty(), "{told:?}");
    assert!(
        said.contains("fewer than 30000000; is ") && said.lines().count() == 1,
        "{said}"
    );
}
