//! A network for each instance, so that none reaches another.
//!
//! Engines give out networks from a pool of some thirty; ours are of eight addresses each, from a block of our own, so that there is
//! room for thousands.

use std::net::Ipv4Addr;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::engine::{Engine, EngineError, escaped};
use super::names::Names;
use crate::{FleetError, InstanceId};

/// 10.213.0.0/16, in networks of eight addresses.
const BLOCK: u32 = u32::from_be_bytes([10, 213, 0, 0]);
pub const SIZE: u32 = 8;
pub const NETWORKS: u32 = (1 << 16) / SIZE;
/// How many are tried before it is said that there is none.
const TRIES: u32 = 256;

/// The network that an instance has.
#[derive(Debug, Clone)]
pub struct Network {
    pub name: String,
    /// This host, as the container sees it.
    pub gateway: Option<Ipv4Addr>,
}

/// Makes the network of an instance, unless there is one.
pub async fn provide(engine: &Engine, names: &Names, id: &InstanceId) -> Result<Network, FleetError> {
    let name = names.of(id);
    let failed = |error: EngineError| error.of(&format!("make the network {name}"));
    if let Some(found) = find(engine, names, id).await? {
        return Ok(found);
    }
    let first = first_choice(&name);
    for index in (0..TRIES).map(|step| (first + step) % NETWORKS) {
        let subnet = Ipv4Addr::from(BLOCK + index * SIZE);
        let gateway = Ipv4Addr::from(BLOCK + index * SIZE + 1);
        if is_routed(subnet) {
            continue;
        }
        let body = json!({
            "Name": name,
            "Driver": "bridge",
            "CheckDuplicate": true,
            "Labels": names.labels(id),
            "IPAM": {"Driver": "default", "Config": [{"Subnet": format!("{subnet}/29"), "Gateway": gateway.to_string()}]},
        });
        match engine.post("/networks/create", Some(&body)).await {
            Ok(_) => {
                return Ok(Network {
                    name,
                    gateway: Some(gateway),
                });
            }
            // Somebody else has these addresses.
            Err(EngineError::Refused { reason, .. })
                if reason.contains("overlap") || reason.contains("already used") => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(FleetError::Driver {
        driver: creel_records::Driver::Docker,
        reason: format!(
            "cannot make the network {name}: no free addresses in 10.213.0.0/16; `docker network prune` frees some"
        ),
    })
}

async fn find(engine: &Engine, names: &Names, id: &InstanceId) -> Result<Option<Network>, FleetError> {
    let name = names.of(id);
    match engine.get(&format!("/networks/{}", escaped(&name))).await {
        Ok(found) if names.is_ours(&found["Labels"], id) => Ok(Some(Network {
            gateway: gateway(&found),
            name,
        })),
        Ok(_) => Err(FleetError::Driver {
            driver: creel_records::Driver::Docker,
            reason: format!("there is a network \"{name}\" that creel did not make; rename or remove it"),
        }),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.of(&format!("look at the network {name}"))),
    }
}

fn gateway(network: &Value) -> Option<Ipv4Addr> {
    network["IPAM"]["Config"][0]["Gateway"].as_str()?.parse().ok()
}

/// Removes the network of an instance, if it is ours and nothing is in it.
pub async fn remove(engine: &Engine, names: &Names, id: &InstanceId) {
    let name = names.of(id);
    let Ok(Some(_)) = find(engine, names, id).await else {
        return;
    };
    match engine.delete(&format!("/networks/{}", escaped(&name))).await {
        Ok(_) => {}
        Err(EngineError::Refused { status, .. }) if status == StatusCode::NOT_FOUND => {}
        Err(error) => tracing::warn!(network = name, ?error, "cannot remove"),
    }
}

/// Homes and instances begin at different places: two engines that share this host don't know of each other's networks.
pub fn first_choice(name: &str) -> u32 {
    // FNV-1a; any spread will do.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % NETWORKS
}

/// Whether this host sends packets to these addresses somewhere already (proc(5), `/proc/net/route`).
fn is_routed(subnet: Ipv4Addr) -> bool {
    let table = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    routes(&table).any(|(to, mask)| mask != 0 && u32::from(subnet) & mask == to & mask)
}

fn routes(table: &str) -> impl Iterator<Item = (u32, u32)> {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let number = |field: usize| u32::from_str_radix(fields.get(field)?, 16).ok().map(u32::swap_bytes);
        Some((number(1)?, number(7)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     br-1\t0800D50A\t00000000\t0001\t0\t0\t0\tF8FFFFFF\t0\t0\t0\n";
        let read: Vec<_> = routes(table)
            .map(|(to, mask)| (Ipv4Addr::from(to), Ipv4Addr::from(mask)))
            .collect();
        let expected = [("0.0.0.0", "0.0.0.0"), ("10.213.0.8", "255.255.255.248")];
        assert_eq!(
            read,
            expected.map(|(to, mask)| (to.parse().unwrap(), mask.parse().unwrap()))
        );
    }
}
