//! What goes into the files of one instance that is run elsewhere: `railway.toml`, and the manifests of Kubernetes.

use std::path::Path;

use creel_fleet::fill::{Value, Values};
use creel_fleet::{Channel, Draft, Drafted, OPENCLAW_VERSION, RailwayFile, Runtime};

use super::args::{InstanceArgs, KubernetesArgs, RailwayArgs};
use crate::failure::Failure;

pub const KUBERNETES: [&str; 1] = ["kubernetes.yaml"];

/// Creel's image: its user has no name.
const NATIVE_USER: u32 = 10001;
/// `node` of upstream's image (its `docs/install/docker.md`).
const OPENCLAW_USER: u32 = 1000;

/// The file as driver `railway` has it.
pub fn railway(args: &RailwayArgs, templates: &Path) -> Result<String, Failure> {
    let instance = &args.instance;
    let (drafted, channels) = draft(instance, templates, Path::new("/data/workspace"))?;
    let (model, timezone) = (
        instance.model.as_ref().map(ToString::to_string),
        instance.timezone.to_string(),
    );
    let dockerfile = args.dockerfile.to_string();
    let file = RailwayFile {
        id: &instance.id,
        runtime: instance.runtime,
        channels: &channels,
        model: model.as_deref(),
        timezone: &timezone,
        dockerfile: &dockerfile,
        first: None,
        secrets: &drafted.secrets,
    };
    file.render(templates).map_err(Failure::bad_input)
}

pub fn kubernetes(args: &KubernetesArgs, templates: &Path) -> Result<Values, Failure> {
    let instance = &args.instance;
    let is_native = instance.runtime == Runtime::Native;
    let state = if is_native {
        "/var/lib/openclaw"
    } else {
        "/home/node/.openclaw"
    };
    let (drafted, _) = draft(instance, templates, &Path::new(state).join("workspace"))?;
    let image = args.image.as_ref().map_or_else(
        || match instance.runtime {
            Runtime::Native => concat!("creel:", env!("CARGO_PKG_VERSION")).to_owned(),
            Runtime::Openclaw => format!("ghcr.io/openclaw/openclaw:{OPENCLAW_VERSION}"),
        },
        ToString::to_string,
    );
    let command = if is_native {
        r#""creel", "gateway", "run", "--bind", "lan", "--auth", "token", "--port", "18789""#
    } else {
        r#""node", "dist/index.js", "gateway", "--allow-unconfigured", "--bind", "lan", "--port", "18789""#
    };
    // Kubernetes supervises, upgrades and announces (upstream: gateway/embedding.md).
    let environment: &[(&str, &str)] = if is_native {
        &[("HOME", "/tmp")]
    } else {
        &[
            ("OPENCLAW_NO_AUTO_UPDATE", "1"),
            ("OPENCLAW_DISABLE_BONJOUR", "1"),
            ("OPENCLAW_NO_RESPAWN", "1"),
            ("OPENCLAW_SUPERVISOR_MODE", "external"),
            ("OPENCLAW_SERVICE_REPAIR_POLICY", "external"),
            // The file is a ConfigMap's.
            ("OPENCLAW_NIX_MODE", "1"),
        ]
    };
    let environment: Vec<String> = environment
        .iter()
        .map(|(name, value)| format!("- {{name: {name}, value: \"{value}\"}}"))
        .collect();
    let config: Vec<&str> = drafted.config.lines().collect();
    Ok(vec![
        ("id", Value::one(&instance.id)),
        ("secrets", secrets(&drafted)),
        ("config", Value::each(&config)),
        ("storage", Value::one(&args.storage)),
        ("grace_seconds", Value::one(if is_native { 45 } else { 330 })),
        ("user", Value::one(if is_native { NATIVE_USER } else { OPENCLAW_USER })),
        ("image", Value::One(image)),
        ("command", Value::one(command)),
        ("state", Value::one(state)),
        ("timezone", Value::one(&instance.timezone)),
        ("environment", Value::Each(environment)),
        ("cpu_request", Value::one(if is_native { "10m" } else { "250m" })),
        ("memory_request", Value::one(if is_native { "16Mi" } else { "512Mi" })),
        ("cpu_limit", Value::one(&args.cpus)),
        (
            "memory_limit",
            args.memory
                .as_ref()
                .map_or_else(|| Value::one(if is_native { "512Mi" } else { "2Gi" }), Value::one),
        ),
        ("read_only", Value::one(is_native)),
    ])
}

/// Its configuration, and its channels as they were asked for.
fn draft(instance: &InstanceArgs, templates: &Path, workspace: &Path) -> Result<(Drafted, Vec<Channel>), Failure> {
    let channels = instance.channels.channels()?;
    let channels: Vec<Channel> = channels
        .into_iter()
        .map(serde_json::from_value)
        .collect::<Result<_, _>>()
        .map_err(Failure::bad_input)?;
    let model = instance.model.as_ref().map(ToString::to_string);
    let draft = Draft {
        id: &instance.id,
        runtime: instance.runtime,
        channels: channels.clone(),
        model: model.as_deref(),
        workspace,
    };
    let drafted = draft.render(templates).map_err(Failure::bad_input)?;
    for warning in &drafted.warnings {
        eprintln!("creel: warning: {warning}");
    }
    Ok((drafted, channels))
}

/// Which secrets it needs besides its token, as comments.
fn secrets(drafted: &Drafted) -> Value {
    Value::Each(drafted.secrets.iter().map(|name| format!("#   {name}")).collect())
}
