//! `creel deploy render …`: the files that run Creel under systemd, behind nginx, watched by Prometheus, in a container, and those that run
//! one instance on Railway or Kubernetes.
//!
//! The templates are those of `deploy/`, in the binary; one of the same name in `templates/deploy/` of the home takes its place.

mod args;
mod elsewhere;
mod kinds;
mod values;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;

pub use args::DeployCommand;
use args::{Output, RenderCommand};
use creel_fleet::fill::{Braces, Values, fill};
use creel_fleet::find_template;

use crate::failure::Failure;
use crate::{client, output};

/// A file that was rendered.
struct Rendered {
    name: &'static str,
    text: String,
}

pub fn run(command: DeployCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let DeployCommand::Render(command) = command;
    // Without a home there is nothing that takes the place of ours.
    let templates = client::home(home).map_or_else(|_| PathBuf::from("/nonexistent"), |home| home.join("templates"));
    let (names, values, output): (&[&'static str], Values, Output) = match command {
        RenderCommand::Systemd(args) => (&kinds::SYSTEMD, kinds::systemd(&args), args.output),
        RenderCommand::SystemdUp(args) => (&kinds::SYSTEMD_UP, kinds::systemd_up(&args), args.output),
        RenderCommand::Nginx(args) => (&kinds::NGINX, kinds::nginx(&args), args.output),
        RenderCommand::Prometheus(args) => (&kinds::PROMETHEUS, kinds::prometheus(&args), args.output),
        RenderCommand::Compose(args) => (&kinds::COMPOSE, kinds::compose(&args), args.output),
        RenderCommand::Railway(args) => (
            &elsewhere::RAILWAY,
            elsewhere::railway(&args, &templates)?,
            args.instance.output,
        ),
        RenderCommand::Kubernetes(args) => (
            &elsewhere::KUBERNETES,
            elsewhere::kubernetes(&args, &templates)?,
            args.instance.output,
        ),
    };
    let rendered = names
        .iter()
        .map(|name| render(name, &templates, &values))
        .collect::<Result<Vec<_>, _>>()?;
    match output.out {
        Some(out) => write(&rendered, &out, output.force, json),
        None => {
            print(&rendered, json);
            Ok(())
        }
    }
}

fn render(name: &'static str, templates: &Path, values: &Values) -> Result<Rendered, Failure> {
    let template = find_template(&format!("deploy/{name}"))
        .ok_or_else(|| Failure::failed(format!("this creel has no template of {name}")))?;
    let own = template.own(templates).map_err(Failure::bad_input)?;
    let text = own.as_deref().unwrap_or_else(|| template.builtin());
    let text = fill(text, values, Braces::OfOthers)
        .map_err(|hole| Failure::bad_input(format!("template {}:{hole}", template.path)))?;
    Ok(Rendered { name, text })
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

/// All of the files, or none where one of them is there already.
fn write(rendered: &[Rendered], out: &Path, force: bool, json: bool) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| Failure::bad_input(format!("{}: {error}", path.display()));
    let in_directory = rendered.len() > 1 || out.is_dir();
    if in_directory {
        std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    }
    let path = |file: &Rendered| {
        if in_directory {
            out.join(file.name)
        } else {
            out.to_owned()
        }
    };
    let paths: Vec<PathBuf> = rendered.iter().map(path).collect();
    if let Some(taken) = paths.iter().find(|path| !force && path.symlink_metadata().is_ok()) {
        return Err(Failure::bad_input(format!(
            "{} is there already, and nothing was written; write over it with --force",
            taken.display()
        )));
    }
    let lost = paths
        .iter()
        .map(|path| directory_of(path))
        .find(|directory| !directory.is_dir());
    if let Some(directory) = lost {
        let directory = directory.display();
        return Err(Failure::bad_input(format!(
            "there is no directory {directory}; make it first"
        )));
    }
    for (file, path) in rendered.iter().zip(&paths) {
        put(path, &file.text, force).map_err(|error| failed(path, error))?;
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    output::print_or(json, &json!({"written": shown}), || {
        for path in &shown {
            output::line(path);
        }
    });
    Ok(())
}

fn directory_of(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// Whole or not at all, readable for everybody: there is no secret in it.
fn put(path: &Path, text: &str, force: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut file = NamedTempFile::new_in(directory_of(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    }?;
    Ok(())
}
