//! `creel gateway run|start|status|health|stop`

mod args;
mod health;
mod start;

pub use args::GatewayCommand;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use creel_config::{Locations, Overrides, ProcessEnvironment};
use creel_gateway::{Options, Running, StartError};
use rustix::process::{DumpableBehavior, Pid, Signal};
use serde_json::json;

use self::args::{GatewayArgs, ProfileArgs};
use crate::failure::Failure;
use crate::{logging, output};

/// A gateway that drains may take its grace time, and a little more.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(command: GatewayCommand, json: bool) -> Result<(), Failure> {
    match command {
        GatewayCommand::Run(args) => run_gateway(args, json).await,
        GatewayCommand::Start(args) => {
            let locations = locations(&args.profile)?;
            start::start(args, &locations, json).await
        }
        GatewayCommand::Status(profile) => status(&locations(&profile)?, json),
        GatewayCommand::Health { profile, ready } => health::health(&locations(&profile)?.state_dir, ready, json).await,
        GatewayCommand::Stop(profile) => stop(&locations(&profile)?, json).await,
    }
}

fn locations(args: &ProfileArgs) -> Result<Locations, Failure> {
    Locations::resolve(&ProcessEnvironment, args.profile.as_deref(), args.dev).map_err(Failure::bad_input)
}

async fn run_gateway(args: GatewayArgs, json: bool) -> Result<(), Failure> {
    // The MCP servers that it starts are of the same user: none of them shall read its token and keys from its memory or from
    // `/proc/<pid>/environ` (ptrace(2), "Ptrace access mode checking").
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(Failure::from_error)?;
    let log = logging::start();
    let overrides = Overrides {
        port: args.port,
        bind: args.bind,
        auth_mode: args.auth,
        ..Overrides::default()
    };
    let locations = locations(&args.profile)?
        .or_multi_tenant(&ProcessEnvironment)
        .map_err(|error| Failure::bad_input(error.in_full()))?;
    let options = Options {
        locations,
        environment: Arc::new(ProcessEnvironment),
        overrides,
    };
    let ready = |address: std::net::SocketAddr| {
        if json {
            output::print_json(&json!({"url": format!("http://{address}"), "pid": std::process::id()}));
        }
    };
    creel_gateway::run(options, |logging, id| log.configure(logging, id), ready)
        .await
        .map_err(|error| match error {
            StartError::Config(error) => Failure::bad_input(error.in_full()),
            StartError::PortInUse { .. }
            | StartError::State { .. }
            | StartError::Tenants(_)
            | StartError::Running { .. } => Failure::bad_input(error),
            _ => Failure::failed(error),
        })
}

fn status(locations: &Locations, json: bool) -> Result<(), Failure> {
    let running = creel_gateway::running(&locations.state_dir);
    let state = locations.state_dir.display();
    if json {
        let (pid, url) = running.map_or((None, None), |running| (Some(running.pid), running.url));
        output::print_json(&json!({
            "running": pid.is_some(), "pid": pid, "url": url, "state_dir": locations.state_dir,
        }));
        return Ok(());
    }
    output::line(&match running {
        Some(Running { pid, url: Some(url) }) => format!("running at {url}, pid {pid}, state in {state}"),
        Some(Running { pid, url: None }) => format!("starting, pid {pid}, state in {state}"),
        None => format!("not running, state in {state}"),
    });
    Ok(())
}

async fn stop(locations: &Locations, json: bool) -> Result<(), Failure> {
    let state = &locations.state_dir;
    let pid = creel_gateway::running(state).ok_or_else(|| nothing_runs(state))?.pid;
    let process = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| nothing_runs(state))?;
    rustix::process::kill_process(process, Signal::TERM).map_err(Failure::from_error)?;
    let spinner = output::Spinner::start(json);
    spinner.say("draining");
    let gone = async {
        while creel_gateway::running(state).is_some_and(|running| running.pid == pid) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(STOP_PATIENCE, gone).await.map_err(|_| {
        Failure::failed(format!(
            "pid {pid} still runs after {} seconds",
            STOP_PATIENCE.as_secs()
        ))
    })?;
    drop(spinner);
    if json {
        output::print_json(&json!({"stopped": pid}));
    } else {
        output::line(&format!("stopped pid {pid}"));
    }
    Ok(())
}

fn nothing_runs(state: &Path) -> Failure {
    Failure::bad_input(format!("no gateway runs on {}", state.display()))
}
