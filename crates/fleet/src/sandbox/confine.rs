//! What of the host an instance may touch, by Landlock.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Spec;
use super::mounts::TMP;

/// What every program needs to see: programs, libraries, certificates, name resolution, the kernel's own files.
const SYSTEM: [&str; 45] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    // Of /etc what programs look up, and nothing that holds a secret.
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/openssl",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/profile",
    "/etc/protocols",
    "/etc/python3",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/terminfo",
    "/etc/timezone",
    // Where /etc/resolv.conf leads to on hosts with a resolver service.
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/dev/fd",
];
const KERNEL: [&str; 2] = ["/proc", "/sys"];
const DEVICES: [&str; 7] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/ptmx",
    "/dev/pts",
];

/// Landlock, as much of it as the kernel has (<https://docs.kernel.org/userspace-api/landlock.html>): files outside the
/// lists are out of reach, and so are signals and abstract sockets to processes outside the sandbox. Tracing such a
/// process, which includes reading its `/proc/<pid>/environ`, is denied by being in a sandbox at all. Of TCP ports it may listen
/// on its own alone, so that nobody can sit on another instance's while that one is stopped.
pub fn confine(spec: &Spec) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V6;
    let read_execute = AccessFs::from_read(abi);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | AccessFs::IoctlDev;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(
            spec.ports
                .iter()
                .map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::BindTcp))),
        )?
        .add_rules(path_beneath_rules(SYSTEM, read_execute))?
        .add_rules(path_beneath_rules(&spec.readable, read_execute))?
        .add_rules(path_beneath_rules(KERNEL, read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules(&spec.writable, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(
            spec.private_tmp.then_some(TMP),
            AccessFs::from_all(abi),
        ))?
        .restrict_self()?;
    Ok(status.ruleset)
}
