//! Stands in for the `railway` client; what it deploys is the `creel` that lies in the home of whoever is signed in
//! (see [`creel_tests::railway`]).

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    creel_testkit::railway::run(&home.join("creel"))
}
