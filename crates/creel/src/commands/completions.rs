//! `creel completions`: a script that completes the command line in a shell.

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::output;

#[derive(Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    shell: clap_complete::Shell,
}

pub fn run(args: CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut <Cli>::command(), "creel", &mut script);
    // Whoever reads only a part of it, as `head` does, makes no mistake.
    output::line(String::from_utf8_lossy(&script).trim_end());
}
