//! Ports for one test alone, so that tests that run side by side never take each other's between a stop and a start.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Result;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, getsockname, socket, sockopt};

/// Below the range that Linux hands out by itself (32768 on).
const FIRST: u16 = 20_000;
const RANGE: u16 = 40;
const RANGES: u16 = (32_768 - FIRST) / RANGE;

/// The first of 40 ports that no other caller in this process has, and on which nobody listens; another process most likely has other ones.
#[must_use]
pub fn range() -> u16 {
    range_of(RANGE)
}

/// As [`range`], of so many ports.
///
/// # Panics
/// If there are not so many.
#[must_use]
pub fn range_of(ports: u16) -> u16 {
    /// The range that nobody has yet.
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = || u16::try_from(std::process::id() % u32::from(RANGES)).unwrap_or_default();
    let mut at = next.unwrap_or_else(seed);
    let ranges = ports.div_ceil(RANGE);
    for _ in 0..2 * RANGES {
        if at + ranges > RANGES {
            at = 0;
        }
        let first = FIRST + at * RANGE;
        if (first..first + ports).all(|port| bound(Ipv4Addr::UNSPECIFIED, port).is_ok()) {
            *next = Some(at + ranges);
            return first;
        }
        at += 1;
    }
    panic!("no {ports} ports in a row are free")
}

/// Closes it, and waits until nobody listens on its port: what another test forks just now has it until it becomes its program.
///
/// # Panics
/// If somebody else has it by then, and keeps it.
pub fn let_go(listener: TcpListener) {
    const PATIENCE: Duration = Duration::from_secs(60);
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let since = Instant::now();
    while let Err(error) = bound(Ipv4Addr::LOCALHOST, address.port()) {
        assert!(since.elapsed() < PATIENCE, "{address}: {error}");
        std::thread::yield_now();
    }
}

/// A port of the loopback address on which nobody listens, nor can for as long as this is there: who connects is refused.
#[derive(Debug)]
pub struct Closed {
    address: SocketAddr,
    _socket: OwnedFd,
}

impl Closed {
    /// Any.
    ///
    /// # Panics
    /// If this host has no port left.
    #[must_use]
    pub fn any() -> Self {
        let taken = || -> Result<(OwnedFd, SocketAddrV4)> {
            // Without `SO_REUSEADDR`: nobody else is to have it.
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
            let address = getsockname(&socket)?.try_into()?;
            Ok((socket, address))
        };
        let (socket, address) = taken().expect("a port is free");
        Self {
            address: address.into(),
            _socket: socket,
        }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A socket that has this port and does not listen: it is in nobody's way who does as much, not in a child that inherits it either.
fn bound(address: Ipv4Addr, port: u16) -> Result<OwnedFd> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(address, port))?;
    Ok(socket)
}
