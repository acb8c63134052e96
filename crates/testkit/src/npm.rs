//! A registry of npm packages that can misbehave: metadata and tarballs as <https://github.com/npm/registry> describes them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is wrong with the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It hangs up on everybody.
    Down,
    /// What it says of a tarball is the digest of something else.
    WrongIntegrity,
    /// A tarball ends in its middle.
    CutHalfWay,
    /// It takes requests and never answers.
    Silent,
    /// Everything is its own error.
    Failing,
    /// What it says of packages is a page for people.
    Garbage,
    /// What it says of packages ends in its middle.
    CutShort,
    /// Tarballs alone are its own error.
    WithoutTarballs,
}

/// A running registry. It ends when it is dropped.
pub struct Registry {
    url: String,
    shelf: Arc<Mutex<Shelf>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shelf {
    packages: BTreeMap<String, Package>,
    fault: Option<Fault>,
    /// Names of the tarballs that were asked for.
    downloads: Vec<String>,
}

struct Package {
    version: String,
    tarball: Vec<u8>,
    /// What it says that the tarball's digest is, where it lies.
    claimed: Option<String>,
}

impl Registry {
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let server = tokio::spawn(serve(listener, url.clone(), shelf.clone()));
        Self { url, shelf, server }
    }

    /// What `npm_config_registry` is set to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Offers a package, made of these files; each may be executed.
    ///
    /// # Panics
    /// If it cannot be packed.
    pub fn publish(&self, name: &str, version: &str, files: &[(&str, &str)]) {
        let package = Package {
            version: version.to_owned(),
            tarball: pack(name, version, files),
            claimed: None,
        };
        self.shelf().packages.insert(name.to_owned(), package);
    }

    /// Says of a package that is offered that its tarball's digest is this (Subresource Integrity).
    ///
    /// # Panics
    /// If there is no such package.
    pub fn claim(&self, name: &str, integrity: &str) {
        let mut shelf = self.shelf();
        let package = shelf.packages.get_mut(name).expect("it was published");
        package.claimed = Some(integrity.to_owned());
    }

    /// From now on this is wrong with it, or nothing.
    pub fn is(&self, fault: Option<Fault>) {
        self.shelf().fault = fault;
    }

    /// How often the tarball of a package was asked for.
    #[must_use]
    pub fn downloads(&self, name: &str) -> usize {
        self.shelf().downloads.iter().filter(|asked| *asked == name).count()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, url: String, shelf: Arc<Mutex<Shelf>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (url, shelf) = (url.clone(), shelf.clone());
        tokio::spawn(async move {
            // A client that hangs up is its own business.
            let _ = answer(stream, &url, &shelf).await;
        });
    }
}

async fn answer(mut stream: TcpStream, url: &str, shelf: &Mutex<Shelf>) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    // A scope's slash is escaped: `/@scope%2fname`.
    let path = first.split(' ').nth(1).unwrap_or_default().replace("%2f", "/");
    let fault = shelf.lock().unwrap_or_else(PoisonError::into_inner).fault;
    if fault == Some(Fault::Silent) {
        // Until whoever asked has had enough.
        while lines.next_line().await?.is_some() {}
        return Ok(());
    }
    let Some(reply) = reply(&path, url, &mut shelf.lock().unwrap_or_else(PoisonError::into_inner)) else {
        return Ok(());
    };
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.status,
        reply.kind,
        reply.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&reply.body[..reply.sent]).await?;
    stream.shutdown().await
}

struct Reply {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    /// Bytes of the body that are sent before the connection ends.
    sent: usize,
}

impl Reply {
    fn whole(status: &'static str, kind: &'static str, body: Vec<u8>) -> Self {
        let sent = body.len();
        Self {
            status,
            kind,
            body,
            sent,
        }
    }
}

/// Nothing where the registry is down.
fn reply(path: &str, url: &str, shelf: &mut Shelf) -> Option<Reply> {
    let fault = shelf.fault;
    if fault == Some(Fault::Down) {
        return None;
    }
    let own_error = || Reply::whole("500 Internal Server Error", "text/plain", b"out of order".to_vec());
    if fault == Some(Fault::Failing) {
        return Some(own_error());
    }
    let name = path.trim_start_matches('/');
    if let Some((name, _)) = name.split_once("/-/")
        && let Some(package) = shelf.packages.get(name)
    {
        shelf.downloads.push(name.to_owned());
        if fault == Some(Fault::WithoutTarballs) {
            return Some(own_error());
        }
        let mut whole = Reply::whole("200 OK", "application/octet-stream", package.tarball.clone());
        if fault == Some(Fault::CutHalfWay) {
            whole.sent /= 2;
        }
        return Some(whole);
    }
    Some(match shelf.packages.get(name) {
        Some(package) => {
            let text = match fault {
                Some(Fault::Garbage) => "<html><p>Please sign in.</p></html>".to_owned(),
                _ => metadata(name, url, package, fault == Some(Fault::WrongIntegrity)).to_string(),
            };
            let mut whole = Reply::whole("200 OK", "application/json", text.into_bytes());
            if fault == Some(Fault::CutShort) {
                whole.sent /= 2;
            }
            whole
        }
        None => Reply::whole(
            "404 Not Found",
            "application/json",
            b"{\"error\":\"not found\"}".to_vec(),
        ),
    })
}

fn metadata(name: &str, url: &str, package: &Package, is_wrong: bool) -> Value {
    let digest = Sha512::digest(if is_wrong {
        b"something else"
    } else {
        &package.tarball[..]
    });
    let version = &package.version;
    let integrity = package
        .claimed
        .clone()
        .unwrap_or_else(|| format!("sha512-{}", base64(&digest)));
    json!({
        "name": name,
        "dist-tags": {"latest": version},
        "versions": {version: {
            "name": name,
            "version": version,
            "dist": {
                "tarball": format!("{url}/{name}/-/{name}-{version}.tgz"),
                "integrity": integrity,
            },
        }},
    })
}

/// A tarball as `npm pack` makes it: everything in a directory `package`.
fn pack(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let write = |path: &str, text: &str| {
        let path = directory.path().join("package").join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its owner");
    };
    write("package.json", &json!({"name": name, "version": version}).to_string());
    for (path, text) in files {
        write(path, text);
    }
    let mut tar = Command::new("tar");
    let output = tar.args(["-cz", "package"]).current_dir(directory.path()).output();
    let output = output.expect("tar is there");
    assert!(output.status.success(), "tar: {output:?}");
    output.stdout
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize]);
            text.push(if place > chunk.len() { '=' } else { digit });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_rfc_4648_has_it() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
