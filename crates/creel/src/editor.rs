//! A text in somebody's editor, and what becomes of it when it is refused.

use std::io::Write as _;

use creel_config::json5;

use crate::failure::Failure;

/// What the editor left of a text.
pub struct Edited {
    file: tempfile::NamedTempFile,
    bytes: Vec<u8>,
}

/// Opens the text in `$VISUAL`, `$EDITOR` or vi. `None` where nothing was changed.
pub async fn edit(name: &str, suffix: &str, text: &str) -> Result<Option<Edited>, Failure> {
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR"));
    let editor = editor
        .ok()
        .filter(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    let mut file = tempfile::Builder::new()
        .prefix(&format!("creel-{name}-"))
        .suffix(suffix)
        .tempfile()
        .map_err(Failure::from_error)?;
    file.write_all(text.as_bytes()).map_err(Failure::from_error)?;
    // Through the shell, because EDITOR may hold arguments.
    let status = tokio::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "editor"])
        .arg(file.path())
        .status()
        .await
        .map_err(|error| Failure::failed(format!("{editor}: {error}")))?;
    if !status.success() {
        return Err(Failure::failed(format!(
            "{editor} ended with {status}; nothing was changed"
        )));
    }
    let bytes = std::fs::read(file.path()).map_err(Failure::from_error)?;
    if bytes == text.as_bytes() {
        eprintln!("nothing was changed");
        return Ok(None);
    }
    Ok(Some(Edited { file, bytes }))
}

impl Edited {
    /// What is in it now, of the file that is known by this name.
    pub fn text(&self, name: &str) -> Result<String, Failure> {
        json5::utf8(self.bytes.clone()).map_err(|error| Failure::bad_input(format!("{name}:{error}")))
    }

    /// Ends with what came of it. A text that was refused is kept beside, so that the work is not lost.
    pub fn settle(self, done: Result<(), Failure>) -> Result<(), Failure> {
        if done.is_err() {
            let (_, kept) = self.file.keep().map_err(Failure::from_error)?;
            eprintln!("your text is kept in {}", kept.display());
        }
        done
    }
}
