//! The command line: every command, its options and what they may be.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::deploy::DeployCommand;
use crate::output;
use crate::size::Limit;

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
    /// Print a completion script for a shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
}

#[derive(Args)]
pub struct UpArgs {
    /// Address of the console and the API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000", value_parser = address)]
    pub console: SocketAddr,
    /// Address of the LLM Gateway
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000", value_parser = address)]
    pub llm: SocketAddr,
    #[command(flatten)]
    pub llm_settings: LlmSettings,
    /// Instances that name no port get the first free one from here on
    #[arg(long, value_name = "PORT", default_value_t = creel_fleet::FIRST_PORT, value_parser = clap::value_parser!(u16).range(1024..))]
    pub first_port: u16,
    /// Memory that a native instance may use if it asks for no limit, tools and all; or none
    #[arg(long, value_name = "SIZE", default_value = "1g", env = "CREEL_NATIVE_MEMORY")]
    pub native_memory: Limit,
    /// Memory that an openclaw instance may use if it asks for no limit, tools and all; or none
    #[arg(long, value_name = "SIZE", default_value = "3g", env = "CREEL_OPENCLAW_MEMORY")]
    pub openclaw_memory: Limit,
    /// Leave the instances running when this stops; the next `creel up` adopts them
    #[arg(long)]
    pub leave_running: bool,
}

#[derive(Args)]
pub struct LlmSettings {
    /// A model without a price, where somebody would have to pay: refuse or free
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    pub unpriced: creel_llm_gateway::Unpriced,
    /// Days for which single calls are kept [default: `llm.keep_calls_days` in creel.toml, else 90]
    #[arg(long, value_name = "DAYS", env = "CREEL_LLM_KEEP_CALLS_DAYS", value_parser = days())]
    pub keep_calls_days: Option<u32>,
    /// Days for which sums by hour are kept; sums by day are kept for good [default: `llm.keep_hours_days`, else 400]
    #[arg(long, value_name = "DAYS", env = "CREEL_LLM_KEEP_HOURS_DAYS", value_parser = days())]
    pub keep_hours_days: Option<u32>,
}

/// A day to a century.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_525)
}

#[derive(Subcommand)]
pub enum LlmCommand {
    /// Run it in the foreground, on the records of a home (CREEL_DATABASE_URL, `database` in its creel.toml, creel.db)
    Run(LlmRunArgs),
    #[command(flatten)]
    SetUp(crate::llm_setup::SetUp),
}

#[derive(Args)]
pub struct LlmRunArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000", value_parser = address)]
    pub listen: SocketAddr,
    /// Where this node keeps its journal; each has its own [default: llm-journal in the home]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    pub settings: LlmSettings,
}

#[derive(Subcommand)]
pub enum RecordsCommand {
    /// Move everything from a SQLite file to an empty database, or nothing; `creel up` must not be running
    Move(MoveArgs),
}

#[derive(Args)]
pub struct MoveArgs {
    /// sqlite:FILE [default: creel.db of the home]
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// postgres://… or mysql://… [default: CREEL_DATABASE_URL, else `database` in creel.toml]. Others on this machine can read
    /// a command line: a URL with a password is better kept there
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Register a user
    Create(UserCreateArgs),
    /// List users, by id
    #[command(visible_alias = "ls")]
    List {
        /// Only those whose id or name contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Go on after this one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one user
    Show { id: String },
    /// Make a new gateway token, shown this once; the one before is void at the next sync
    Token {
        id: String,
        /// A day or a moment (RFC 3339) after which it is void
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Take their token away, and make none
        #[arg(long, conflicts_with = "expires")]
        revoke: bool,
    },
    /// Set a password, asked for on the terminal
    Password {
        id: String,
        /// Read it from the first line of standard input
        #[arg(long = "password-stdin")]
        stdin: bool,
        /// Take it away: they sign in no more
        #[arg(long, conflicts_with = "stdin")]
        remove: bool,
    },
    /// Keep a user out; what is theirs stays
    Disable { id: String },
    /// Let a user in again
    Enable { id: String },
    /// Register many users from a table (CSV, first line id,name), all or none up to 10,000
    Import {
        /// `-`: standard input
        file: String,
        /// Only say whether it is good, and what is wrong in which line
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a user; what they were charged stays in the books
    Rm { id: String },
    /// Make one native instance the gateway that serves all users, or say which one does
    Gateway {
        /// The instance; it is made where there is none. Without it, only say
        instance: Option<String>,
        /// PROVIDER/MODEL that answers, if the instance is made now
        #[arg(long, value_name = "PROVIDER/MODEL", requires = "instance")]
        model: Option<String>,
    },
}

#[derive(Args)]
pub struct UserCreateArgs {
    /// Names the user's workspace too
    pub id: String,
    /// Name shown to people
    #[arg(long)]
    pub name: Option<String>,
    /// Ask for a password on the terminal
    #[arg(long)]
    pub password: bool,
    /// Read a password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Make a gateway token too, shown this once
    #[arg(long)]
    pub token: bool,
}

#[derive(Subcommand)]
pub enum CreditsCommand {
    /// Give a user credits
    Grant {
        user: String,
        /// How many: 10, 2.5, 0.000001
        credits: String,
        /// A day or a moment (RFC 3339) after which what is left of them is gone
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// What they are for
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        /// They were bought, not given
        #[arg(long)]
        top_up: bool,
    },
    /// Show a user's balance and newest entries
    Show {
        user: String,
        /// How many entries
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Print the entries as CSV
        #[arg(long)]
        csv: bool,
    },
}

#[derive(Args)]
pub struct UsageArgs {
    /// From this day or moment on [default: 30 days before --to]
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Up to this day or moment, which is not in it [default: the end of today, UTC]
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
    /// user, model, day, hour, instance or provider
    #[arg(long, value_name = "WHAT", default_value = "day")]
    pub by: String,
    /// Of this user alone
    #[arg(long, value_name = "ID")]
    pub user: Option<String>,
    /// Print CSV
    #[arg(long)]
    pub csv: bool,
}

#[derive(Subcommand)]
pub enum GatewayCommand {
    /// Run a native gateway in the foreground
    Run(GatewayArgs),
    /// Run a native gateway in the background, and say where once it is ready
    Start(GatewayArgs),
    /// Say whether a gateway runs on this state directory
    Status(ProfileArgs),
    /// Ask the gateway on this state directory whether it lives, for a container's health check
    Health {
        #[command(flatten)]
        profile: ProfileArgs,
        /// Whether it takes requests, too
        #[arg(long)]
        ready: bool,
    },
    /// Stop the gateway on this state directory, drained
    Stop(ProfileArgs),
}

#[derive(Args)]
pub struct MultiTenantArgs {
    /// Address of the gateway [default: as its configuration says]
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    #[command(subcommand)]
    pub command: MultiTenantCommand,
}

#[derive(Subcommand)]
pub enum MultiTenantCommand {
    /// Say how the gateway and its sync are
    Stats,
    /// Users' configurations
    #[command(subcommand)]
    Config(SyncCommand),
    /// Users
    #[command(subcommand)]
    Users(UsersCommand),
}

#[derive(Subcommand)]
pub enum SyncCommand {
    /// Ask the Cloud Backend what changed, now
    Sync,
}

#[derive(Subcommand)]
pub enum UsersCommand {
    /// List users, by id
    List {
        /// Only those whose id contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Go on after this one
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one user
    Info { id: String },
    /// Unload users who are idle; nothing of theirs is lost
    Cleanup {
        /// Idle for so many milliseconds [default: multiTenant.userIdleTimeoutMs]
        #[arg(long, value_name = "MS")]
        idle_ms: Option<u64>,
    },
}

#[derive(Args)]
pub struct ProfileArgs {
    /// Use ~/.openclaw-NAME
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Use ~/.openclaw-dev and port 19001
    #[arg(long)]
    pub dev: bool,
}

#[derive(Args)]
pub struct GatewayArgs {
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// Port to listen on
    #[arg(long)]
    pub port: Option<u16>,
    /// loopback, lan, or an IP address
    #[arg(long, value_name = "WHERE")]
    pub bind: Option<String>,
    /// none, token or password
    #[arg(long, value_name = "MODE")]
    pub auth: Option<String>,
}

#[derive(Subcommand)]
pub enum InstanceCommand {
    /// Make an instance and start it
    Create(CreateArgs),
    /// List all instances
    #[command(visible_alias = "ls")]
    List,
    /// Show one instance
    Show { id: String },
    /// Start an instance
    Start { id: String },
    /// Stop an instance, drained
    Stop { id: String },
    /// Stop an instance and start it again
    Restart { id: String },
    /// Make what is missing of an instance's files, overwriting nothing, and restart it if it runs
    Init { id: String },
    /// Print an instance's log
    Logs {
        id: String,
        /// Go on as the log grows
        #[arg(short, long)]
        follow: bool,
        /// Lines to begin with
        #[arg(long, value_name = "LINES", default_value_t = 200)]
        tail: usize,
    },
    /// Read or change an instance's openclaw.json
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make a new token; the old one is void
    Token { id: String },
    /// Remove an instance; its data is kept
    Rm {
        id: String,
        /// Remove its data too, also what was kept of one that is removed already
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
    /// native or openclaw
    #[arg(long)]
    pub runtime: Option<String>,
    /// How it is run: process
    #[arg(long)]
    pub driver: Option<String>,
    /// Chat platform to connect; repeat for more
    #[arg(long, value_name = "TYPE")]
    pub channel: Vec<String>,
    /// The channel's settings, in the order of the channels
    #[arg(long, value_name = "JSON|@FILE")]
    pub channel_config: Vec<String>,
    /// Model to ask
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub model: Option<String>,
    /// Port to listen on [default: the first free one from 18789]
    #[arg(long)]
    pub port: Option<u16>,
    /// Memory limit, such as 512m or 2g
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// CPU limit, in cores
    #[arg(long, value_name = "CORES", allow_hyphen_values = true)]
    pub cpus: Option<String>,
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

#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Print the file, or one value of it
    Get {
        id: String,
        /// Such as agents.defaults.model
        path: Option<String>,
    },
    /// Change one value, comments kept; or replace the file with `@FILE` (`@-`: standard input)
    Set {
        id: String,
        /// Such as agents.defaults.model, or @FILE
        path: String,
        /// JSON5; what is no JSON5 is taken as text
        #[arg(allow_negative_numbers = true)]
        value: Option<String>,
    },
    /// Open the file in $EDITOR
    Edit { id: String },
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "give an IP address and a port, such as 127.0.0.1:8000")
}

pub fn print_completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Cli>::command(), "creel", &mut script);
    // Whoever reads only a part of it, as `head` does, makes no mistake.
    output::line(String::from_utf8_lossy(&script).trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli>::command().debug_assert();
    }
}
