//! `session`: what counts as one conversation.

use crate::ConfigError;
use crate::section::Section;

/// How messages are sorted into sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionConfig {
    pub dm_scope: DmScope,
}

/// Which direct messages share a session (upstream: docs/gateway/config-agents/sessions).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmScope {
    /// All of them.
    #[default]
    Main,
    /// Those of one sender, whatever the channel.
    PerPeer,
    /// Those of one sender on one channel.
    PerChannelPeer,
    /// Those of one sender to one account of one channel.
    PerAccountChannelPeer,
}

/// The words of the file and of `DM_SCOPE`.
pub(crate) const DM_SCOPES: [(&str, DmScope); 4] = [
    ("main", DmScope::Main),
    ("per-peer", DmScope::PerPeer),
    ("per-channel-peer", DmScope::PerChannelPeer),
    ("per-account-channel-peer", DmScope::PerAccountChannelPeer),
];

const KEYS: &[&str] = &[
    "scope",
    "dmScope",
    "groupScope",
    "notifyOnCreate",
    "identityLinks",
    "resetTriggers",
    "reset",
    "resetByType",
    "resetByChannel",
    "store",
    "mainKey",
    "sendPolicy",
    "threadBindings",
    "sharing",
    "maintenance",
];

impl SessionConfig {
    pub(crate) fn read(section: &Section) -> Result<Self, ConfigError> {
        section.knows(KEYS);
        Ok(Self {
            dm_scope: section.one_of("dmScope", &DM_SCOPES)?.unwrap_or_default(),
        })
    }
}
