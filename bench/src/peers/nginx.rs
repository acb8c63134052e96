//! nginx as a plain proxy, as its documentation configures one with kept connections:
//! <https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive>.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::process::Process;

const PROGRAM: &str = "/usr/sbin/nginx";

pub fn version() -> anyhow::Result<String> {
    let output = Command::new(PROGRAM)
        .arg("-v")
        .output()
        .context("nginx is missing: scripts/setup bench")?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(said.trim().rsplit('/').next().unwrap_or_default().to_owned())
}

pub fn start(directory: &Path, port: u16, provider_port: u16) -> anyhow::Result<Process> {
    fs::create_dir_all(directory)?;
    let workers = std::thread::available_parallelism()?;
    let at = directory.display();
    let config = format!(
        "daemon off; worker_processes {workers}; pid {at}/pid; error_log {at}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n\
           access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
           uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi; keepalive_requests 1000000000;\n\
           upstream provider {{ server 127.0.0.1:{provider_port}; keepalive 256; keepalive_requests 1000000000; }}\n\
           server {{\n\
             listen 127.0.0.1:{port} reuseport;\n\
             location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}\n\
           }}\n\
         }}\n"
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(PROGRAM);
    command.arg("-c").arg(&file).arg("-e").arg(directory.join("error.log"));
    Process::start(&mut command, &directory.join("log"))
}
