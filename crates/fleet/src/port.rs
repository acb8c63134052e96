//! Which instance has which port, and which ports the host has free.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType, bind, socket, sockopt};

use crate::{FleetError, InstanceId};

/// Where instances begin: OpenClaw's own default port.
///
/// Instances of both runtimes have consecutive ports. Upstream's derived ports (browser control at +2, browser debugging at
/// +11 to +110) are switched off in its template instead of kept free: 120 ports an instance would end at 380 instances.
pub const FIRST: u16 = 18789;

/// The table of ports. Locked for as long as it takes to look something up, never across an await.
pub struct Ports {
    first: u16,
    table: Mutex<BTreeMap<u16, InstanceId>>,
}

impl Ports {
    /// An empty table; instances that name no port get one from `first` on.
    pub fn from(first: u16) -> Self {
        Self {
            first,
            table: Mutex::default(),
        }
    }

    /// Notes what is recorded already.
    pub fn note(&self, port: u16, id: &InstanceId) {
        self.table().insert(port, id.clone());
    }

    /// Takes `wanted`, or the first port that neither the table nor the host has in use.
    pub fn take(&self, wanted: Option<u16>, id: &InstanceId) -> Result<u16, FleetError> {
        let mut table = self.table();
        if let Some(port) = wanted {
            if let Some(owner) = table.get(&port) {
                return Err(FleetError::PortInUse {
                    port,
                    owner: format!("instance \"{owner}\""),
                });
            }
            check(port)?;
            table.insert(port, id.clone());
            return Ok(port);
        }
        let free = (self.first..=u16::MAX).find(|port| !table.contains_key(port) && check(*port).is_ok());
        let port = free.ok_or(FleetError::NoFreePort { first: self.first })?;
        table.insert(port, id.clone());
        Ok(port)
    }

    /// Gives a port back.
    pub fn release(&self, port: u16, id: &InstanceId) {
        let mut table = self.table();
        if table.get(&port) == Some(id) {
            table.remove(&port);
        }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, BTreeMap<u16, InstanceId>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first port that a process without privileges may listen on (ip(7)).
pub fn first_unprivileged() -> u16 {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(1024)
}

/// Whether the host would let an instance listen on this port now, on any address. Instances have no privileges, whoever runs
/// Creel.
pub fn check(port: u16) -> Result<(), FleetError> {
    let first = first_unprivileged();
    if port < first {
        let reason = format!("{port} is for programs with privileges, which instances have not; use {first} or above");
        return Err(FleetError::invalid("port", reason));
    }
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).and_then(|socket| {
        // As every server does: connections that are only winding down don't count.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port))
    });
    match bound {
        Ok(()) => Ok(()),
        Err(Errno::ADDRINUSE) => Err(FleetError::PortInUse {
            port,
            owner: "another program".into(),
        }),
        Err(error) => Err(FleetError::invalid("port", format!("{port} cannot be used: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn id(name: &str) -> InstanceId {
        InstanceId::new(name).unwrap()
    }

    #[test]
    fn no_instance_gets_a_privileged_port() {
        let ports = Ports::from(FIRST);
        let error = ports.take(Some(80), &id("a")).unwrap_err().to_string();
        assert!(error.starts_with("port: 80 is for programs with privileges"), "{error}");
    }

    #[test]
    fn table_and_host_are_both_asked() {
        let ports = Ports::from(FIRST);
        let first = ports.take(None, &id("a")).unwrap();
        let second = ports.take(None, &id("b")).unwrap();
        assert!(first >= FIRST && second > first);
        ports.release(first, &id("b"));
        assert!(
            ports.take(Some(first), &id("c")).is_err(),
            "only its owner gives a port back"
        );
        ports.release(first, &id("a"));
        let taken = creel_testkit::ports::range();
        let listener = TcpListener::bind(("127.0.0.1", taken)).unwrap();
        let error = ports.take(Some(taken), &id("d")).unwrap_err().to_string();
        assert!(error.contains("another program"), "{error}");
        creel_testkit::ports::let_go(listener);
        assert_eq!(ports.take(Some(taken), &id("d")).unwrap(), taken);
        let error = ports.take(Some(taken), &id("e")).unwrap_err().to_string();
        assert!(error.contains("instance \"d\""), "{error}");
    }
}
