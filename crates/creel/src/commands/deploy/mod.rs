//! `creel deploy render …`: the files that run Creel under systemd, behind nginx, watched by Prometheus, in a container, those that run one
//! instance on Railway or Kubernetes, and those that run recorded instances by compose.
//!
//! The templates are those of `deploy/`, in the binary; one of the same name in `templates/deploy/` of the home takes its place.

mod args;
mod composed;
mod elsewhere;
mod files;
mod kinds;
mod values;
mod zone;

use std::path::{Path, PathBuf};

use serde_json::json;

pub use args::DeployCommand;
use args::{Output, RenderCommand};
use creel_fleet::fill::{Braces, Values, fill};
use creel_fleet::find_template;
use files::{Rendered, write};

use crate::failure::Failure;
use crate::{client, output};

pub async fn run(command: DeployCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let DeployCommand::Render(command) = command;
    // Without a home there is nothing that takes the place of ours.
    let templates =
        client::home(home.clone()).map_or_else(|_| PathBuf::from("/nonexistent"), |home| home.join("templates"));
    let (names, values, output): (&[&'static str], Values, Output) = match command {
        RenderCommand::Systemd(args) => (&kinds::SYSTEMD, kinds::systemd(&args), args.output),
        RenderCommand::SystemdUp(args) => (&kinds::SYSTEMD_UP, kinds::systemd_up(&args), args.output),
        RenderCommand::Nginx(args) => (&kinds::NGINX, kinds::nginx(&args), args.output),
        RenderCommand::Prometheus(args) => (&kinds::PROMETHEUS, kinds::prometheus(&args), args.output),
        RenderCommand::Compose(args) => return composed::run(args, &client::home(home)?, json).await,
        RenderCommand::ComposeGateway(args) => (&kinds::COMPOSE_GATEWAY, kinds::compose_gateway(&args), args.output),
        RenderCommand::Railway(args) => {
            let rendered = Rendered::for_everybody("railway.toml", elsewhere::railway(&args, &templates)?);
            return give(&[rendered], args.instance.output, json);
        }
        RenderCommand::Kubernetes(args) => (
            &elsewhere::KUBERNETES,
            elsewhere::kubernetes(&args, &templates)?,
            args.instance.output,
        ),
    };
    let rendered = names
        .iter()
        .map(|name| Ok(Rendered::for_everybody(name, render(name, &templates, &values)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    give(&rendered, output, json)
}

fn give(rendered: &[Rendered], output: Output, json: bool) -> Result<(), Failure> {
    match output.out {
        Some(out) => write(rendered, &out, output.force, json),
        None => {
            print(rendered, json);
            Ok(())
        }
    }
}

fn render(name: &str, templates: &Path, values: &Values) -> Result<String, Failure> {
    let template = find_template(&format!("deploy/{name}"))
        .ok_or_else(|| Failure::failed(format!("this creel has no template of {name}")))?;
    let own = template.own(templates).map_err(Failure::bad_input)?;
    let text = own.as_deref().unwrap_or_else(|| template.builtin());
    fill(text, values, Braces::OfOthers)
        .map_err(|hole| Failure::bad_input(format!("template {}:{hole}", template.path)))
}

fn print(rendered: &[Rendered], json: bool) {
    if json {
        let files: Vec<_> = rendered
            .iter()
            .map(|file| json!({"name": file.name, "content": file.text}))
            .collect();
        output::print_json(&json!({"files": files}));
        return;
    }
    for file in rendered {
        if rendered.len() > 1 {
            output::line(&format!("# ---- {} ----", file.name));
        }
        output::line(file.text.trim_end());
    }
}
