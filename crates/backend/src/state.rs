//! What all requests share.

use std::sync::Arc;
use std::time::Instant;

use creel_fleet::Fleet;
use creel_http::{BodyLimit, Throttle};
use creel_records::Records;
use tokio_util::sync::CancellationToken;

use crate::activity::Activity;
use crate::auth::PasswordTurns;
use crate::everyone::{Everyone, Nudge};
use crate::llm::LlmSetup;
use crate::signin::SignIn;
use crate::signin::oidc::Oidc;

/// Bytes of a request; the largest thing sent is a configuration or a chat with images.
const MAX_BODY: usize = 20 * 1024 * 1024;

pub struct Backend {
    pub(crate) fleet: Fleet,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) activity: Activity,
    pub(crate) throttle: Throttle,
    pub(crate) password_turns: PasswordTurns,
    pub(crate) sign_in: SignIn,
    pub(crate) everyone: Everyone,
    /// Told of changes of users.
    pub(crate) nudge: Nudge,
    /// Held by whoever looks up the console's token for a user, until it is made where there is none.
    pub(crate) console_tokens: tokio::sync::Mutex<()>,
    pub(crate) started: Instant,
    /// What `provider` of the system status says: which model providers instances are handed.
    pub(crate) providers: Vec<String>,
    pub(crate) llm: LlmSetup,
    /// Ends the streams that would never end by themselves.
    pub(crate) stop: CancellationToken,
}

impl Backend {
    /// `providers` names the model providers whose keys instances are given.
    pub fn new(
        fleet: Fleet,
        records: Arc<dyn Records>,
        providers: Vec<String>,
        llm: LlmSetup,
        everyone: Everyone,
        oidc: Option<Oidc>,
    ) -> Arc<Self> {
        let activity = Activity::new(records.clone());
        Arc::new(Self {
            sign_in: SignIn::new(records.clone(), llm.sealer.clone(), oidc),
            everyone,
            nudge: Nudge::default(),
            console_tokens: tokio::sync::Mutex::default(),
            fleet,
            records,
            activity,
            throttle: Throttle::default(),
            password_turns: PasswordTurns::default(),
            started: Instant::now(),
            providers,
            llm,
            stop: CancellationToken::new(),
        })
    }
}

impl BodyLimit for Backend {
    fn max_body_bytes(&self) -> usize {
        MAX_BODY
    }
}
