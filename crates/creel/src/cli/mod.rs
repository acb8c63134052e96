//! The command line: every command, and the options that all of them have. What a command takes beyond these is said beside it, in
//! `commands`.

mod choice;
mod fields;
mod read;

pub use choice::offered;
pub use fields::as_typed;
pub use read::read;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::completions::CompletionsArgs;
use crate::commands::credits::CreditsCommand;
use crate::commands::deploy::DeployCommand;
use crate::commands::driver::DriverCommand;
use crate::commands::gateway::GatewayCommand;
use crate::commands::image::ImageCommand;
use crate::commands::instance::InstanceCommand;
use crate::commands::llm::LlmCommand;
use crate::commands::multi_tenant::MultiTenantArgs;
use crate::commands::plan::PlanCommand;
use crate::commands::records::RecordsCommand;
use crate::commands::template::TemplateCommand;
use crate::commands::up::UpArgs;
use crate::commands::usage::UsageArgs;
use crate::commands::user::UserCommand;

#[derive(Parser)]
#[command(
    name = "creel",
    version,
    about = "An OpenClaw AI gateway for every person: isolated, always reachable, run from one page",
    after_help = "Start with `creel up`, then open the address that it prints.",
    propagate_version = true
)]
pub struct Cli<C: Subcommand = Command> {
    /// Where Creel keeps everything [default: ~/.creel]
    #[arg(long, global = true, env = "CREEL_HOME", value_name = "DIR", display_order = 900)]
    pub home: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    #[command(subcommand)]
    pub command: C,
}

/// The one command whose process is to stay small: a description of all of them leaves a hole of a quarter of a MiB in its heap.
#[derive(Subcommand)]
pub enum GatewayAlone {
    #[command(subcommand)]
    Gateway(GatewayCommand),
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the control plane: console, API and instances
    Up(UpArgs),
    /// Make and run instances
    #[command(subcommand)]
    Instance(InstanceCommand),
    /// Look at and change what instances are made from
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Look at and choose the container images of new instances
    #[command(subcommand)]
    Image(ImageCommand),
    /// See where instances can run here
    #[command(subcommand)]
    Driver(DriverCommand),
    /// Register users of gateways for many
    #[command(subcommand)]
    User(UserCommand),
    /// Give credits, and see where they went
    #[command(subcommand)]
    Credits(CreditsCommand),
    /// Add up calls, tokens and credits
    Usage(UsageArgs),
    /// Run a gateway by itself
    #[command(subcommand)]
    Gateway(GatewayCommand),
    /// Look after a gateway for many users
    MultiTenant(MultiTenantArgs),
    /// Move the records to another database
    #[command(subcommand)]
    Records(RecordsCommand),
    /// Run the LLM Gateway by itself, and set it up
    #[command(subcommand)]
    Llm(LlmCommand),
    /// Write the files that run Creel elsewhere
    #[command(subcommand)]
    Deploy(DeployCommand),
    /// Reckon what so many users need and cost
    #[command(subcommand)]
    Plan(PlanCommand),
    /// See what is wrong, and say what to do; exit code 1 if there are errors
    Doctor,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// An address to listen on, of an option.
pub fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:8000")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli>::command().debug_assert();
    }
}
