//! Who talks with an instance, seen from outside: TCP connections in `/proc/<pid>/net/tcp` (proc(5)), whatever program it runs.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

/// States of a TCP socket, as the kernel numbers them (`include/net/tcp_states.h`).
const ESTABLISHED: u8 = 0x01;
const LISTEN: u8 = 0x0A;

/// The TCP sockets of one network namespace at one moment.
pub struct Connections {
    sockets: Vec<Socket>,
    /// It is this process's own.
    is_own: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Socket {
    port: u16,
    is_remote_loopback: bool,
    state: u8,
    /// Bytes that nobody has read; of one that listens: connections that nobody has taken.
    unread: u32,
    inode: u64,
}

impl Connections {
    /// Those of the namespace of this process.
    pub fn seen_by(pid: u32) -> Self {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let read = |file| fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap_or_default();
        let tables = [read("tcp"), read("tcp6")];
        let lines = tables.iter().flat_map(|table| table.lines().skip(1));
        Self {
            sockets: lines.filter_map(socket).collect(),
            is_own: namespace("self") == namespace(&pid.to_string()),
        }
    }

    /// Whether somebody has a connection to this port. In a container, its own check of its health is nobody.
    pub fn has_guest(&self, port: u16) -> bool {
        let mut guests = self
            .sockets
            .iter()
            .filter(|socket| socket.port == port && socket.state == ESTABLISHED);
        guests.any(|socket| self.is_own || !socket.is_remote_loopback)
    }

    /// Whether somebody waits at this port: to be let in, or to be read.
    pub fn has_caller(&self, port: u16) -> bool {
        let mut waiting = self
            .sockets
            .iter()
            .filter(|socket| socket.port == port && socket.unread > 0);
        waiting.any(|socket| matches!(socket.state, LISTEN | ESTABLISHED))
    }

    /// Whether one of these processes has a connection to somebody, whoever began it.
    pub fn has_talker(&self, members: &[u32]) -> bool {
        let talking: HashSet<u64> = self
            .sockets
            .iter()
            .filter(|socket| socket.state == ESTABLISHED)
            .map(|socket| socket.inode)
            .collect();
        !talking.is_empty()
            && members
                .iter()
                .flat_map(|pid| sockets_of(*pid))
                .any(|inode| talking.contains(&inode))
    }
}

/// Of a line such as `0: 0100007F:5014 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4807878 …`.
fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, port) = fields.get(1)?.rsplit_once(':')?;
    let (remote, _) = fields.get(2)?.rsplit_once(':')?;
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        port: u16::from_str_radix(port, 16).ok()?,
        is_remote_loopback: is_loopback(remote)?,
        state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
        unread: u32::from_str_radix(unread, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Of an address in words of 32 bits, each as this processor keeps it in memory.
fn is_loopback(address: &str) -> Option<bool> {
    let word = |index: usize| u32::from_str_radix(address.get(index * 8..index * 8 + 8)?, 16).ok();
    match address.len() {
        8 => Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).is_loopback()),
        _ => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index)?.to_ne_bytes());
            }
            Some(Ipv6Addr::from(bytes).to_canonical().is_loopback())
        }
    }
}

fn sockets_of(pid: u32) -> Vec<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let inode = |entry: fs::DirEntry| {
        let link = fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    descriptors.filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn guests_callers_and_talkers_are_seen() {
        let own = std::process::id();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = || Connections::seen_by(own);
        // The kernel tells of it when it has come to it, and of what is closed when nobody that was forked meanwhile has it.
        let until = |wanted: &dyn Fn(&Connections) -> bool, why: &str| {
            let began = Instant::now();
            while !wanted(&seen()) {
                assert!(began.elapsed() < Duration::from_secs(60), "{why}");
                std::thread::yield_now();
            }
        };
        assert!(!seen().has_guest(port) && !seen().has_caller(port));

        let mut guest = TcpStream::connect(("127.0.0.1", port)).unwrap();
        until(&|seen| seen.has_caller(port), "it waits to be let in");
        let (mut let_in, _) = listener.accept().unwrap();
        until(&|seen| !seen.has_caller(port), "it was let in");
        assert!(seen().has_guest(port) && seen().has_talker(&[own]));
        guest.write_all(b"hello").unwrap();
        until(&|seen| seen.has_caller(port), "it waits to be read");
        let_in.read_exact(&mut [0; 5]).unwrap();
        until(&|seen| !seen.has_caller(port), "it was read");
        assert!(!seen().has_talker(&[]), "nobody's are theirs");
        drop((guest, let_in));
        until(&|seen| !seen.has_guest(port), "it has gone");
    }

    #[test]
    fn a_container_that_asks_itself_has_no_guest() {
        let line = "0: 0100007F:5014 0100007F:9A0C 01 00000000:00000000 00:00000000 00000000  0  0 4807878 1";
        let socket = socket(line).unwrap();
        assert_eq!((socket.port, socket.inode), (0x5014, 4_807_878));
        let mut connections = Connections {
            sockets: vec![socket],
            is_own: false,
        };
        assert!(!connections.has_guest(0x5014));
        connections.is_own = true;
        assert!(connections.has_guest(0x5014));
        assert_eq!(is_loopback("0000000000000000FFFF00000100007F"), Some(true));
        assert_eq!(is_loopback("00000000000000000000000001000000"), Some(true));
        assert_eq!(is_loopback("0202000A"), Some(false));
    }
}
