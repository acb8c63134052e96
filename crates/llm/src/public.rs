//! Addresses of the open internet, and a client that connects to no other: for endpoints that are named by people who must not reach
//! what the gateway can reach (server-side request forgery). Names are checked as they are resolved, so that one that points elsewhere
//! a moment later (DNS rebinding) gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What is said of any other address.
const REFUSED: &str =
    "this address is not one of the open internet; the operator allows others by multiTenant.privateEndpoints";

/// Resolves names to public addresses only.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, REFUSED).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Lets a client connect to public addresses only, and to them by itself: a proxy would look names up on its own.
pub fn public_only(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    builder.no_proxy().dns_resolver(Arc::new(PublicNames))
}

/// Checks an address that is no name: nobody resolves those.
///
/// # Errors
/// It is not public. The text is for the one who named it.
pub fn check_public(url: &Url) -> Result<(), &'static str> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if !is_public(address) => Err(REFUSED),
        _ => Ok(()),
    }
}

/// Whether an address is of the open internet, by IANA's registries of special-purpose addresses.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, ..)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Global unicast (2000::/3), without what is documentation, or leads on to an IPv4 address that is not looked at.
    let documentation = matches!(segments, [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..]);
    let tunnel = matches!(segments, [0x2002, ..] | [0x2001, 0..=0x1ff, ..]);
    segments[0] & 0xe000 == 0x2000 && !documentation && !tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:0:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_is_known_however_it_is_written() {
        for url in [
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://[::1]:9/",
            "http://017700000001/",
        ] {
            assert!(check_public(&Url::parse(url).unwrap()).is_err(), "{url}");
        }
        for url in ["http://1.1.1.1/", "https://example.com/", "http://localhost/"] {
            assert!(
                check_public(&Url::parse(url).unwrap()).is_ok(),
                "{url}: a name is looked at when it is resolved"
            );
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_resolved_to_nothing() {
        let refused = PublicNames.resolve("localhost".parse().unwrap()).await;
        assert_eq!(refused.err().unwrap().to_string(), REFUSED);
    }
}
