//! `creel up`, as the command line has it.

use std::net::SocketAddr;

use clap::Args;

use crate::cli::address;
use crate::llm_gateway::LlmSettings;
use crate::size::Limit;

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
