//! `creel gateway …`, as the command line has it.

use clap::{Args, Subcommand};

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

#[derive(Args)]
pub struct ProfileArgs {
    /// Use ~/.openclaw-NAME
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Use ~/.openclaw-dev and port 19001
    #[arg(long)]
    pub dev: bool,
}
