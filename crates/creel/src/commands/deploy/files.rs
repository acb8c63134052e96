//! Writing what was rendered: all of the files or none, each whole or not at all.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::output;

/// A file that was rendered.
pub struct Rendered {
    /// Its path where there are several: a name, or one in a directory of its own.
    pub name: String,
    pub text: String,
    pub audience: Audience,
}

/// Who may read a file.
#[derive(Clone, Copy)]
pub enum Audience {
    Everybody,
    /// Whoever writes it, or this user and group.
    Owner(Option<(u32, u32)>),
}

impl Rendered {
    pub fn for_everybody(name: &str, text: String) -> Self {
        Self {
            name: name.to_owned(),
            text,
            audience: Audience::Everybody,
        }
    }
}

/// All of the files, or none where one of them is there already.
pub fn write(rendered: &[Rendered], out: &Path, force: bool, json: bool) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| Failure::bad_input(format!("{}: {error}", path.display()));
    let in_directory = rendered.len() > 1 || out.is_dir();
    let path = |file: &Rendered| {
        if in_directory {
            out.join(&file.name)
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
    if in_directory {
        std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    }
    for directory in paths.iter().map(|path| directory_of(path)) {
        if in_directory && directory != out {
            // Of its own: it holds what not everybody is to read.
            match DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(directory, error)),
                _ => {}
            }
        }
        if !directory.is_dir() {
            let directory = directory.display();
            return Err(Failure::bad_input(format!(
                "there is no directory {directory}; make it first"
            )));
        }
    }
    for (file, path) in rendered.iter().zip(&paths) {
        put(path, file, force).map_err(|error| failed(path, error))?;
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

fn put(path: &Path, rendered: &Rendered, force: bool) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(directory_of(path))?;
    file.write_all(rendered.text.as_bytes())?;
    match rendered.audience {
        Audience::Everybody => file.as_file().set_permissions(Permissions::from_mode(0o644))?,
        // It is made for its owner alone.
        Audience::Owner(None) => {}
        Audience::Owner(Some((user, group))) => fchown(file.as_file(), Some(user), Some(group))?,
    }
    match force {
        true => file.persist(path),
        false => file.persist_noclobber(path),
    }?;
    Ok(())
}
