//! nginx, as `creel deploy render nginx` sets it up, on ports of its own.

use std::process::Stdio;

use creel_testkit::ports;
use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::binary::creel;
use crate::http::Call;
use crate::wait::{until, within};

/// A running nginx. Dropping it kills it.
pub struct Nginx {
    /// What it is told, and its certificate.
    _directory: TempDir,
    _process: Child,
    https: u16,
    http: u16,
    client: reqwest::Client,
}

impl Nginx {
    /// Starts it before these gateways, `HOST:PORT` each.
    ///
    /// # Panics
    /// If nginx refuses what was rendered, or is not installed.
    pub async fn before(gateways: &[&str]) -> Self {
        let directory = TempDir::new().expect("there is room for a directory");
        let first = ports::range();
        let (http, https) = (first, first + 1);
        let path = |name: &str| directory.path().join(name).display().to_string();
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args([
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-keyout",
                &path("key"),
                "-out",
                &path("crt"),
            ]))
        .await;
        let (http_port, https_port) = (http.to_string(), https.to_string());
        let mut render = Command::new(creel());
        render
            .env("CREEL_HOME", directory.path())
            .args([
                "deploy",
                "render",
                "nginx",
                "--server-name",
                "localhost",
                "--out",
                &path("creel.conf"),
            ])
            .args(["--certificate", &path("crt"), "--key", &path("key")])
            .args(["--http-port", &http_port, "--https-port", &https_port]);
        if !std::path::Path::new("/proc/net/if_inet6").exists() {
            render.arg("--ipv4-only");
        }
        for gateway in gateways {
            render.args(["--gateway", gateway]);
        }
        run(&mut render).await;
        std::fs::write(directory.path().join("nginx.conf"), around(&path(""))).expect("there is room for a file");
        let (prefix, config) = (path(""), path("nginx.conf"));
        let nginx = || {
            let mut command = Command::new("nginx");
            command.args(["-p", &prefix, "-c", &config, "-e", "stderr"]);
            command
        };
        run(nginx().arg("-t")).await;
        // One process, which is gone when it is killed.
        let process = nginx()
            .args(["-g", "daemon off; master_process off;"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let process = process.expect("it ran a moment ago");
        for port in [http, https] {
            until("nginx to listen", || async {
                TcpStream::connect(("127.0.0.1", port)).await.ok()
            })
            .await;
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true);
        // Installs the provider of TLS.
        let _ = crate::http::client();
        Self {
            _process: process,
            https,
            http,
            client: client.build().expect("a client without certificates cannot fail"),
            _directory: directory,
        }
    }

    pub fn call(&self, method: Method, path: &str, token: &str) -> Call {
        let url = format!("https://localhost:{}{path}", self.https);
        Call::new(&self.client, method, &url, token)
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> Call {
        self.call(Method::POST, path, token).json(body)
    }

    /// A connection that was upgraded.
    ///
    /// # Panics
    /// If it was not.
    pub async fn upgraded(&self, path: &str) -> reqwest::Upgraded {
        let request = self.client.get(format!("https://localhost:{}{path}", self.https));
        let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
        let answer = within("the upgrade", request.send()).await.expect("nginx answers");
        assert_eq!(answer.status().as_u16(), 101);
        within("the upgrade", answer.upgrade()).await.expect("it is upgraded")
    }

    /// A question without TLS.
    pub fn plain(&self, path: &str) -> Call {
        let url = format!("http://localhost:{}{path}", self.http);
        Call::new(&self.client, Method::GET, &url, "").without_token()
    }

    pub fn https_port(&self) -> u16 {
        self.https
    }
}

/// What a distribution has around the files of `conf.d`.
fn around(prefix: &str) -> String {
    let temp = |kind: &str| format!("{kind}_temp_path {prefix}{kind};\n");
    let temps: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(temp).concat();
    format!("pid {prefix}pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temps}include {prefix}creel.conf;\n}}\n")
}

/// Runs a command, which must succeed.
async fn run(command: &mut Command) {
    let output = within("end of the command", command.output()).await;
    let output = output.unwrap_or_else(|error| panic!("{:?}: {error}: run scripts/setup test", command.as_std()));
    assert!(output.status.success(), "{:?}: {output:?}", command.as_std());
}
