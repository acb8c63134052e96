//! What is rendered: the templates of `deploy/`, and what goes into each.

use creel_fleet::fill::{Value, Values};

use super::args::{ComposeGatewayArgs, NginxArgs, PrometheusArgs, SystemdArgs, SystemdUpArgs};
use super::values::Target;

/// Their names: those of the catalogue, in `deploy/`.
pub const SYSTEMD: [&str; 1] = ["creel-gateway.service"];
pub const SYSTEMD_UP: [&str; 1] = ["creel.service"];
pub const NGINX: [&str; 1] = ["creel.conf"];
pub const PROMETHEUS: [&str; 2] = ["prometheus.yml", "creel-rules.yml"];
pub const COMPOSE_GATEWAY: [&str; 2] = ["compose.yaml", "Dockerfile"];

pub fn systemd(args: &SystemdArgs) -> Values {
    vec![
        ("binary", Value::one(&args.binary)),
        ("config", Value::one(&args.config)),
        ("environment", Value::one(&args.environment)),
        ("data", Value::one(&args.data)),
        ("user", Value::one(&args.user)),
        ("group", Value::one(args.group.as_ref().unwrap_or(&args.user))),
        ("bind", Value::one(args.bind)),
        ("port", Value::one(args.port)),
    ]
}

pub fn systemd_up(args: &SystemdUpArgs) -> Values {
    // A service manager before systemd 254 starts nothing in a group that hands controllers on to instances that are still there.
    let (instances, kill_mode, delegate) = if args.limits {
        let instances =
            "Instances keep to limits of memory and CPU, in groups of this unit, and end with it however it ends.";
        (instances, "mixed", "cpu memory pids")
    } else {
        let instances = "Instances outlive a control plane that is killed, and the next one adopts them. They keep to no limits of memory and CPU.";
        (instances, "process", "no")
    };
    let protect_control_groups = !args.limits;
    vec![
        ("binary", Value::one(&args.binary)),
        ("environment", Value::one(&args.environment)),
        ("home", Value::one(&args.data)),
        ("user", Value::one(&args.user)),
        ("group", Value::one(args.group.as_ref().unwrap_or(&args.user))),
        ("console", Value::one(&args.console)),
        ("llm", Value::one(&args.llm)),
        ("instances", Value::one(instances)),
        ("kill_mode", Value::one(kill_mode)),
        ("delegate", Value::one(delegate)),
        ("protect_control_groups", Value::one(protect_control_groups)),
    ]
}

pub fn nginx(args: &NginxArgs) -> Values {
    let listen = |port: u16| {
        let mut places = vec![port.to_string()];
        if !args.ipv4_only {
            places.push(format!("[::]:{port}"));
        }
        Value::Each(places)
    };
    let names: Vec<String> = args.server_name.iter().map(ToString::to_string).collect();
    let suffix = match args.https_port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    vec![
        ("server_name", Value::One(names.join(" "))),
        ("gateway", Value::each(&args.gateway)),
        ("certificate", Value::one(&args.certificate)),
        ("key", Value::one(&args.key)),
        ("http", listen(args.http_port)),
        ("https", listen(args.https_port)),
        ("https_suffix", Value::One(suffix)),
    ]
}

pub fn prometheus(args: &PrometheusArgs) -> Values {
    // A list within a line of YAML.
    let targets = |targets: &[Target]| {
        let quoted: Vec<String> = targets.iter().map(|target| format!("\"{target}\"")).collect();
        Value::One(quoted.join(", "))
    };
    vec![
        ("gateways", targets(&args.gateway)),
        ("llms", targets(&args.llm)),
        ("rules", Value::one(&args.rules)),
        ("service_token_file", Value::one(&args.service_token_file)),
        ("admin_token_file", Value::one(&args.admin_token_file)),
    ]
}

pub fn compose_gateway(args: &ComposeGatewayArgs) -> Values {
    vec![
        ("image", Value::one(&args.image)),
        ("publish", Value::one(&args.publish)),
    ]
}
