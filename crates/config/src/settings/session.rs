//! `session`: what counts as one conversation.

use crate::ConfigError;
use crate::section::Section;

/// How messages of channels are sorted into sessions. Who asks over HTTP names the session.
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

const KEYS: &[&str] = &["dmScope"];

/// Known to upstream, and nothing done with them.
const IDLE: &[&str] = &[
    "scope",
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
        section.knows_also(KEYS, IDLE);
        if section.has("dmScope") {
            section.warn_key(
                "dmScope",
                "sorts the direct messages of channels, and the native gateway serves none (yet)",
            );
        }
        Ok(Self {
            dm_scope: section.one_of("dmScope", &DM_SCOPES)?.unwrap_or_default(),
        })
    }
}
