//! `creel`: one command line for every role. This file parses, dispatches and turns an error into a line and an exit code.

mod amount;
mod cli;
mod client;
mod commands;
mod editor;
mod environment;
mod failure;
mod llm_gateway;
mod logging;
mod nearby;
mod output;
mod settings;
mod size;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::commands::llm::LlmCommand;
use crate::commands::{
    completions, credits, deploy, doctor, driver, gateway, image, instance, llm, multi_tenant, plan, records, template,
    up, usage, user,
};
use crate::failure::Failure;

/// What the fleet starts an instance through, and nobody types: it is no part of the command line that people see.
const SANDBOX_EXEC: &str = "sandbox-exec";

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == SANDBOX_EXEC) {
        let order = std::env::args_os().nth(2).map(PathBuf::from);
        return match creel_fleet::sandbox_exec(order.as_deref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => Failure::with_code(&error, error.exit_code()).report(false),
        };
    }
    let cli = match cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let json = cli.json;
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => cli::as_typed(failure).report(json),
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    environment::check()?;
    let (home, json) = (cli.home, cli.json);
    match cli.command {
        Command::Up(args) => several_threads(up::run(args, home, json)),
        Command::Gateway(command) => one_thread(gateway::run(command, json)),
        Command::Llm(LlmCommand::Run(args)) => several_threads(llm::run::run(args, home, json)),
        Command::Llm(LlmCommand::SetUp(command)) => one_thread(llm::set_up::run(command, home, json)),
        Command::Instance(command) => one_thread(instance::run(command, home, json)),
        Command::Template(command) => one_thread(template::run(command, home, json)),
        Command::Image(command) => one_thread(image::run(command, home, json)),
        Command::Driver(command) => one_thread(driver::run(command, home, json)),
        Command::MultiTenant(args) => one_thread(multi_tenant::run(args, home, json)),
        Command::Records(command) => one_thread(records::run(command, home, json)),
        Command::User(command) => one_thread(user::run(command, home, json)),
        Command::Credits(command) => one_thread(credits::run(command, home, json)),
        Command::Usage(args) => one_thread(usage::run(args, home, json)),
        Command::Deploy(command) => one_thread(deploy::run(command, home, json)),
        Command::Plan(command) => one_thread(plan::run(command, home, json)),
        Command::Doctor => one_thread(doctor::run(home, json)),
        Command::Completions(args) => {
            completions::run(args);
            Ok(())
        }
    }
}

/// A gateway and a short command live on one thread: less memory, and nothing to hand over between threads.
fn one_thread(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::from_error)?;
    runtime.block_on(work)
}

/// The control plane measures a thousand processes while it answers.
fn several_threads(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .map_err(Failure::from_error)?;
    runtime.block_on(work)
}
