//! `creel llm …`: the LLM Gateway by itself, and what it is set up with.

pub mod run;
pub mod set_up;

use clap::Subcommand;

use self::run::LlmRunArgs;
use self::set_up::SetUp;

#[derive(Subcommand)]
pub enum LlmCommand {
    /// Run it in the foreground, on the records of a home (CREEL_DATABASE_URL, `database` in its creel.toml, creel.db)
    Run(LlmRunArgs),
    #[command(flatten)]
    SetUp(SetUp),
}
