//! `creel multi-tenant …`, as the command line has it.

use clap::{Args, Subcommand};

use crate::commands::user::Page;

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
        #[command(flatten)]
        page: Page,
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
