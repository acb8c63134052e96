//! What a service is told: variables, which Railway keeps sealed from everybody who is not of the project, and which stand in no file.

use std::collections::BTreeMap;
use std::net::IpAddr;

use creel_config::Secret;
use creel_records::Runtime;

use crate::FleetError;
use crate::driver::Start;
use crate::environment::{self, Variables};

/// Whose a service is: the home's name and the instance's id.
pub const OWNER: &str = "CREEL_OWNER";
/// Where its volume is: the state of the gateway.
pub const DATA: &str = "/data";
/// Where its image has the configuration.
pub const CONFIG: &str = "/etc/openclaw/openclaw.json";
/// Of this host alone.
const OF_HOST: [&str; 6] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_GATEWAY_BIND",
];
/// What Creel says of an instance, and is no secret.
const PUBLIC: [&str; 9] = [
    "LANG",
    "TZ",
    "GATEWAY_AUTH_MODE",
    "OPENCLAW_INSTANCE_ID",
    "OPENCLAW_NO_AUTO_UPDATE",
    "OPENCLAW_DISABLE_BONJOUR",
    "OPENCLAW_NO_RESPAWN",
    "OPENCLAW_SUPERVISOR_MODE",
    "OPENCLAW_SERVICE_REPAIR_POLICY",
];

#[derive(Default)]
pub struct Told {
    pub public: Variables,
    pub secret: Variables,
}

impl Told {
    /// `file`: the variables that `railway.toml` lists.
    pub fn new(start: &Start<'_>, file: BTreeMap<String, String>) -> Result<Self, FleetError> {
        let given = within_reach(start.env);
        let mut variables = environment::of_instance(start.directory, start.record.into(), &given, start.token)?;
        variables.retain(|name, _| !OF_HOST.contains(&name.as_str()));
        // Railway takes an empty value for none.
        variables.retain(|_, value| !value.is_empty());
        let (mut public, mut secret): (Variables, Variables) = variables
            .into_iter()
            .partition(|(name, _)| PUBLIC.contains(&name.as_str()));
        // What somebody wrote into instance.env counts more than what the file of all says.
        public.extend(file.into_iter().filter(|(name, _)| !secret.contains_key(name)));
        for (name, value) in [
            ("HOME", DATA),
            ("OPENCLAW_STATE_DIR", DATA),
            ("OPENCLAW_CONFIG_PATH", CONFIG),
            // The volume is root's (https://docs.railway.com/volumes/reference), and an image's own user could not write there.
            ("RAILWAY_RUN_UID", "0"),
        ] {
            public.insert(name.to_owned(), value.to_owned());
            secret.remove(name);
        }
        if start.record.runtime == Runtime::Native {
            public.insert("OPENCLAW_GATEWAY_BIND".to_owned(), "lan".to_owned());
        }
        Ok(Self { public, secret })
    }

    pub fn names(&self) -> Vec<String> {
        self.public.keys().chain(self.secret.keys()).cloned().collect()
    }
}

/// What every instance gets, without what leads to a server of this host: the address, and the key that is good there alone.
fn within_reach(given: &[(String, Secret)]) -> Vec<(String, Secret)> {
    let provider = |name: &str| name.strip_suffix("_BASE_URL").map(str::to_owned);
    let of_host = given.iter().filter(|(_, value)| is_of_this_host(value.expose()));
    let lost: Vec<String> = of_host.clone().filter_map(|(name, _)| provider(name)).collect();
    let lost_names: Vec<&String> = of_host.map(|(name, _)| name).collect();
    let keeps = |name: &String| {
        let is_key = name
            .strip_suffix("_API_KEY")
            .is_some_and(|provider| lost.iter().any(|one| one == provider));
        !is_key && !lost_names.contains(&name)
    };
    given.iter().filter(|(name, _)| keeps(name)).cloned().collect()
}

/// Whether an address leads to the loopback address of whoever has it.
fn is_of_this_host(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_this_host_stays_here_with_its_key() {
        let given = |pairs: &[(&str, &str)]| -> Vec<(String, Secret)> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)))
                .collect()
        };
        let names = |kept: Vec<(String, Secret)>| -> Vec<String> { kept.into_iter().map(|(name, _)| name).collect() };
        let all = given(&[
            ("OPENAI_BASE_URL", "http://127.0.0.1:4000/v1"),
            ("OPENAI_API_KEY", "sk-creel-1"),
            ("ANTHROPIC_BASE_URL", "https://llm.example.com"),
            ("ANTHROPIC_API_KEY", "sk-creel-2"),
            ("CREEL_CONSOLE", "http://[::1]:8000/"),
        ]);
        assert_eq!(names(within_reach(&all)), ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"]);
        let own = given(&[("OPENAI_API_KEY", "sk-1")]);
        assert_eq!(names(within_reach(&own)), ["OPENAI_API_KEY"]);
        for (value, expected) in [
            ("http://localhost:1/", true),
            ("http://0.0.0.0", true),
            ("https://127.0.0.1.example.com/", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_of_this_host(value), expected, "{value}");
        }
    }
}
