//! Stands in for the `railway` client in this crate's tests; what it deploys is the stand-in for `creel` beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let own = std::env::current_exe().unwrap_or_default();
    creel_testkit::railway::run(&own.with_file_name("fake_creel"))
}
