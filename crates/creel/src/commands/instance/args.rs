//! `creel instance …`, as the command line has it.

use clap::{Args, Subcommand};
use creel_fleet::{Idle, Runtime};

use super::bulk::Selection;
use super::channels::ChannelArgs;
use super::logs;
use crate::cli::offered;

#[derive(Subcommand)]
pub enum InstanceCommand {
    /// Make an instance and start it
    Create(CreateArgs),
    /// List all instances
    #[command(visible_alias = "ls")]
    List,
    /// Show one instance
    Show {
        /// The instance's id
        id: String,
    },
    /// Start instances
    Start(Selection),
    /// Stop instances, drained
    Stop(Selection),
    /// Stop instances and start them again
    Restart(Selection),
    /// Put instances to sleep: stopped where they are, their memory in swap
    Sleep(Selection),
    /// Wake instances that sleep
    Wake(Selection),
    /// Change an instance's name, idle policy or limits
    Change(ChangeArgs),
    /// Make what is missing of instances' files, overwriting nothing, and restart those that run
    Init(Selection),
    /// Print an instance's log
    Logs {
        /// The instance's id
        id: String,
        /// Go on as the log grows
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        wanted: logs::Wanted,
    },
    /// Read or change an instance's openclaw.json
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make a new token; the old one is void
    Token {
        /// The instance's id
        id: String,
    },
    /// Remove instances; their data is kept
    Rm {
        /// One or several
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// Remove their data too, also what was kept of one that is removed already
        #[arg(long)]
        purge: bool,
    },
}

#[derive(Args)]
pub struct CreateArgs {
    /// Lower-case letters, digits and dashes, at most 40
    pub id: String,
    /// Name shown to people
    #[arg(long)]
    pub name: Option<String>,
    /// native or openclaw [default: native]
    #[arg(long, value_parser = offered(Runtime::ALL.iter().map(|runtime| runtime.as_str())), hide_possible_values = true)]
    pub runtime: Option<String>,
    /// How it is run: process, docker or railway [default: process]
    #[arg(long, value_parser = offered(creel_fleet::DRIVERS.iter().map(|driver| driver.as_str())), hide_possible_values = true)]
    pub driver: Option<String>,
    /// Container image to run [default: the one chosen for the runtime]; drivers docker and railway
    #[arg(long, value_name = "NAME[:TAG|@DIGEST]")]
    pub image: Option<String>,
    #[command(flatten)]
    pub channels: ChannelArgs,
    /// Model to ask
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub model: Option<String>,
    /// Port to listen on [default: the first free one from 18789]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Memory limit, such as 512m or 2g
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// CPU limit, in cores
    #[arg(long, value_name = "CORES", allow_hyphen_values = true)]
    pub cpus: Option<String>,
    /// When it has had nothing to do: always (stay on), sleep:MINUTES or stop:MINUTES
    #[arg(long, value_name = "POLICY", value_parser = offered(Idle::EXAMPLES), hide_possible_values = true)]
    pub idle: Option<String>,
    /// Version of the openclaw runtime
    #[arg(long = "runtime-version", value_name = "VERSION")]
    pub runtime_version: Option<String>,
    /// Take up the data that was kept of a removed instance of this id
    #[arg(long)]
    pub keep_data: bool,
    /// Only record it
    #[arg(long)]
    pub no_start: bool,
}

#[derive(Args)]
pub struct ChangeArgs {
    /// The instance's id
    pub id: String,
    /// Name shown to people
    #[arg(long)]
    pub name: Option<String>,
    /// When it has had nothing to do: always (stay on), sleep:MINUTES or stop:MINUTES
    #[arg(long, value_name = "POLICY", value_parser = offered(Idle::EXAMPLES), hide_possible_values = true)]
    pub idle: Option<String>,
    /// Memory limit from the next start on, such as 512m or 2g; none: the default of its runtime (see `creel up --help`)
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// CPU limit from the next start on, in cores; none: no limit
    #[arg(long, value_name = "CORES", allow_hyphen_values = true)]
    pub cpus: Option<String>,
}

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print the file, or one value of it
    Get {
        /// The instance's id
        id: String,
        /// Such as agents.defaults.model
        path: Option<String>,
    },
    /// Change one value, comments kept; or replace the file with `@FILE` (`@-`: standard input)
    Set {
        /// The instance's id
        id: String,
        /// Such as agents.defaults.model, or @FILE
        path: String,
        /// JSON5; what is no JSON5 is taken as text
        value: Option<String>,
    },
    /// Open the file in $EDITOR
    Edit {
        /// The instance's id
        id: String,
    },
    /// Show what their template would change of instances
    Diff(Selection),
    /// Bring what changed in the template to instances; what was changed by hand stays
    Sync(SyncArgs),
}

#[derive(Args)]
pub struct SyncArgs {
    #[command(flatten)]
    pub selection: Selection,
    /// What counts where a value was changed by hand and in the template: keep what was changed by hand, or take the template's
    /// [default: refuse]
    #[arg(long, value_name = "keep|template", value_parser = ["keep", "template"])]
    pub conflicts: Option<String>,
}
