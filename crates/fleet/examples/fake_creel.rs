//! Stands in for the `creel` binary in this crate's tests: the wrapper is the real one, the gateway answers what it is told
//! to, and `up` is a control plane that can be killed.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test's stand-in may fall over"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::sync::Arc;

use creel_fleet::{CreateInstance, Driver, Fleet, FleetOptions, Home, InstanceId, RailwayOptions, sandbox_exec};
use creel_records::{DatabaseUrl, SqlRecords};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sandbox-exec"] => {
            if let Err(error) = sandbox_exec(None) {
                eprintln!("creel: {error}");
                exit(i32::from(error.exit_code()));
            }
        }
        ["gateway", "run"] => gateway().await,
        // In the place of Node, which runs upstream.
        [_, entry, "gateway", "run", ..] if entry.ends_with("openclaw.mjs") => gateway().await,
        ["up", home, create] => up(home, create).await,
        _ => panic!("no stand-in for {args:?}"),
    }
}

/// What it does is said by `FAKE` in its environment and by the paths it is asked for.
async fn gateway() {
    let role = std::env::var("FAKE").unwrap_or_default();
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let port: u16 = std::env::var("OPENCLAW_GATEWAY_PORT").unwrap().parse().unwrap();
    println!("fake gateway as {role:?} on {port}");
    let first = !home.join("started").exists();
    std::fs::write(home.join("started"), "").unwrap();
    match role.as_str() {
        "crash" => leave("boom", 1),
        "crash once" if first => leave("boom once", 1),
        "gated" if first => {
            println!("waits at the gate");
            // A pipe: somebody opens it.
            std::fs::read(home.join("gate")).unwrap();
        }
        "configuration" => leave("gateway.prot is not known", 78),
        _ => {}
    }
    // Memory that is its own, written to so that it is there.
    let hoard = role
        .strip_prefix("hoard ")
        .map(|mib| vec![1_u8; mib.parse::<usize>().unwrap() << 20]);
    let is_contained = std::env::var("OPENCLAW_GATEWAY_BIND").is_ok_and(|bind| bind == "lan");
    let address = if is_contained { "0.0.0.0" } else { "127.0.0.1" };
    let Ok(listener) = TcpListener::bind((address, port)).await else {
        leave("address in use", 1)
    };
    println!("keeps {} bytes", hoard.as_ref().map_or(0, Vec::len));
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    loop {
        tokio::select! {
            _ = terminate.recv() => match role.as_str() {
                "stubborn" => println!("not yet"),
                _ => leave("drained", 0),
            },
            accepted = listener.accept() => answer(accepted.unwrap().0, &role).await,
        }
    }
}

fn leave(last_words: &str, code: i32) -> ! {
    println!("{last_words}");
    exit(code)
}

async fn answer(mut stream: TcpStream, role: &str) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path.split_once('?').unwrap_or((path, "")) {
        ("/readyz", _) if role == "html" => ("text/html", "<!doctype html><p>{}</p>".to_owned()),
        ("/readyz", _) => ("application/json", r#"{"ok":true}"#.to_owned()),
        ("/env", _) => (
            "text/plain",
            std::env::vars()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect(),
        ),
        ("/say-environment", _) => {
            let all: String = std::env::vars()
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect();
            println!("{all}");
            ("text/plain", all)
        }
        ("/read", path) => (
            "text/plain",
            format!("{:?}", std::fs::read(path).map(|bytes| bytes.len())),
        ),
        ("/write", path) => ("text/plain", format!("{:?}", std::fs::write(path, "x"))),
        ("/leave-a-child-behind", _) => {
            #[expect(clippy::zombie_processes, reason = "that is the point of it")]
            let child = Command::new("sleep").arg("3600").spawn().unwrap();
            ("text/plain", child.id().to_string())
        }
        ("/crash", _) => leave("crashed as asked", 3),
        _ => ("text/plain", String::new()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// A control plane that makes an instance, if told to, and goes on until it is killed. `FAKE_DRIVER` and `FAKE_FIRST_PORT` say how.
async fn up(home: &str, create: &str) {
    let home = Home::open(Path::new(home)).unwrap();
    let records = SqlRecords::open(&DatabaseUrl::file(home.records_path())).await.unwrap();
    let mut options = FleetOptions::new(home, Arc::new(records), std::env::current_exe().unwrap());
    let given = |name| std::env::var(name).ok();
    if let Some(port) = given("FAKE_FIRST_PORT") {
        options.first_port = port.parse().unwrap();
    }
    let mut wanted =
        CreateInstance::new(InstanceId::new(create).unwrap_or_else(|_| InstanceId::new("nobody").unwrap()));
    // On the stand-in for Railway, where that is named.
    if let Some(program) = std::env::var_os("FAKE_RAILWAY") {
        let its_home = std::env::var_os("FAKE_RAILWAY_HOME").unwrap();
        options.railway = RailwayOptions {
            program: program.into(),
            environment: vec![("HOME".into(), its_home)],
            workspace: None,
        };
        wanted.driver = Driver::Railway;
        wanted.image = Some("ghcr.io/acme/creel:1".to_owned());
    }
    let fleet = Fleet::open(options).await.unwrap();
    if !create.is_empty() {
        println!("creating");
        if let Some(driver) = given("FAKE_DRIVER") {
            wanted.driver = driver.parse().unwrap();
        }
        fleet.create(wanted).await.unwrap();
    }
    for instance in fleet.list() {
        let settled = fleet
            .wait_settled(&instance.id, std::time::Duration::from_secs(60))
            .await
            .unwrap();
        println!("{} {} {}", settled.id, settled.status, settled.pid.unwrap_or_default());
        if let Some(error) = &settled.error {
            println!("{error}");
        }
    }
    std::future::pending().await
}
