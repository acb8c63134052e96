//! The way out of a container to servers on this host's loopback address: the LLM Gateway, a model that runs here.
//!
//! `127.0.0.1` means something else inside. What an instance is told of such a server names this host on its network instead, and
//! what it sends there is carried on, port by port, to nothing but those servers.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const LOOPBACK: [&str; 3] = ["://127.0.0.1:", "://localhost:", "://[::1]:"];

/// Names the gateway instead of the loopback address in a URL; says which port it leads to.
pub fn rewrite(value: &str, gateway: Ipv4Addr) -> Option<(String, u16)> {
    let (scheme, rest) = LOOPBACK.iter().find_map(|host| value.split_once(host))?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let port: u16 = rest[..end].parse().ok()?;
    let is_url = scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_url.then(|| (format!("{scheme}://{gateway}:{rest}"), port))
}

/// Carries connections for as long as it lives.
#[derive(Debug, Default)]
pub struct Relay {
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Begins to listen; where it cannot, that is said, and the instance runs without.
    pub async fn open(gateway: Ipv4Addr, ports: &BTreeSet<u16>) -> Self {
        let mut tasks = JoinSet::new();
        for port in ports {
            match TcpListener::bind((gateway, *port)).await {
                Ok(listener) => drop(tasks.spawn(carry(listener, *port))),
                Err(error) => {
                    tracing::warn!(%gateway, port, %error, "containers cannot reach this host's port; let the server listen there");
                }
            }
        }
        Self { _tasks: tasks }
    }
}

async fn carry(listener: TcpListener, port: u16) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((mut inside, _)) = accepted else {
                    // Out of file descriptors, say: the next one may have one.
                    tokio::task::yield_now().await;
                    continue;
                };
                connections.spawn(async move {
                    if let Ok(mut outside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        let _ = inside.set_nodelay(true).and_then(|()| outside.set_nodelay(true));
                        // Either side may hang up.
                        let _ = copy_bidirectional(&mut inside, &mut outside).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// As a label holds them.
pub fn to_label(ports: &BTreeSet<u16>) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

pub fn from_label(label: &str) -> BTreeSet<u16> {
    label.split(',').filter_map(|port| port.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn only_urls_of_this_host_are_changed() {
        let gateway = Ipv4Addr::new(10, 213, 0, 1);
        for (value, expected) in [
            ("http://127.0.0.1:4000/v1", Some(("http://10.213.0.1:4000/v1", 4000))),
            ("http://localhost:11434", Some(("http://10.213.0.1:11434", 11434))),
            ("https://api.openai.com/v1", None),
            ("sk-127.0.0.1:4000", None),
            ("see http://127.0.0.1:4000", None),
            ("http://127.0.0.1:99999/", None),
        ] {
            let expected = expected.map(|(value, port)| (value.to_owned(), port));
            assert_eq!(rewrite(value, gateway), expected, "{value}");
        }
        let ports = BTreeSet::from([4000, 11434]);
        assert_eq!(from_label(&to_label(&ports)), ports);
        assert!(from_label("").is_empty());
    }

    #[tokio::test]
    async fn what_is_sent_there_arrives_here_and_comes_back() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = server.local_addr().unwrap().port();
        let gateway = Ipv4Addr::new(127, 0, 0, 2);
        let relay = Relay::open(gateway, &BTreeSet::from([port])).await;
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut asked = [0; 4];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(&[b"not ", &asked[..]].concat()).await.unwrap();
        });
        let mut stream = TcpStream::connect((gateway, port)).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "not ping");
        drop(relay);
    }
}
