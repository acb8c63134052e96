//! From a token to a caller: whose it is, whether they have room, and what is theirs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use creel_config::{ConfigError, GatewayConfig, MultiTenant, Secret};
use creel_http::{Problem, Throttle};
use creel_session::{SessionId, UserId};
use sha2::{Digest as _, Sha256};

use super::Tenants;
use super::directory::Lookup;
use super::schedule::{Bounds, Slot};
use super::store::Stored;
use super::tenant::{Loaded, Tenant};
use super::usage::{Held, Seat};
use super::wire::TokenHash;
use super::workspaces::Made;
use crate::caller::Caller;
use crate::profile::Profile;
use crate::state::Setup;

const RETRY: Duration = Duration::from_secs(1);
/// How virtual keys of the LLM Gateway begin.
const VIRTUAL_KEY: &str = "sk-creel-";

impl Tenants {
    /// Finds the caller of a request whose body has at most `body_bytes`, or says why there is none.
    pub async fn admit(
        &self,
        setup: &Arc<Setup>,
        bearer: Option<&str>,
        body_bytes: usize,
        peer: IpAddr,
        throttle: &Throttle,
    ) -> Result<Caller, Problem> {
        let Some(settings) = &setup.config.multi_tenant else {
            return Err(Problem::internal());
        };
        let (user, token) = self.user_of(bearer, peer, throttle)?;
        let most = settings.max_cached_users as usize;
        let seat = self.cache.seat(&user, body_bytes, &settings.quotas, most, &self.stop)?;
        seat.tenant
            .usage
            .rate(setup.config.gateway.limits.requests_per_minute)?;
        let profile = self.profile(&seat.tenant, setup, settings).await?;
        let stop = seat.tenant.stop_of(&token);
        // It may have been revoked, or the user disabled, while the profile was made.
        self.user_of(bearer, peer, throttle)?;
        Ok(Caller {
            user,
            profile,
            stop,
            seat: Some(Arc::new(seat)),
        })
    }

    fn user_of(&self, bearer: Option<&str>, peer: IpAddr, throttle: &Throttle) -> Result<(UserId, TokenHash), Problem> {
        let Some(bearer) = bearer else {
            return Err(Problem::unauthorized(
                "send your gateway token as `Authorization: Bearer gt_…`",
            ));
        };
        let token: TokenHash = Sha256::digest(bearer).into();
        let found = self.directory().lookup(&token, self.clock.now());
        match found {
            // Nobody guesses a token that was given out, so whoever has one gets in from a locked-out address too.
            Lookup::Active(user) => Ok((user, token)),
            Lookup::Disabled => {
                let detail = "your access is switched off; ask whoever runs this service";
                Err(Problem::new(StatusCode::FORBIDDEN, "user_disabled", detail))
            }
            Lookup::Expired => Err(Problem::unauthorized("your gateway token has expired; get a new one")),
            Lookup::Unknown if !self.is_known() => {
                let detail = "the users of this service are not known yet; try again";
                Err(Problem::unavailable("users_not_synced", detail).after(RETRY))
            }
            Lookup::Unknown => {
                if let Some(remaining) = throttle.locked_out(peer) {
                    let detail = "too many wrong tokens from this address";
                    return Err(Problem::too_many("too_many_failures", detail, remaining));
                }
                throttle.failed(peer);
                Err(Problem::unauthorized(
                    "this is nobody's gateway token; it may have been replaced",
                ))
            }
        }
    }

    /// What is the user's, loaded where it is not, or not any more as it should be.
    async fn profile(
        &self,
        tenant: &Arc<Tenant>,
        setup: &Arc<Setup>,
        settings: &MultiTenant,
    ) -> Result<Arc<Profile>, Problem> {
        let loaded = match tenant.current(setup) {
            Some(loaded) => loaded,
            None => {
                let _first = tenant.loading.lock().await;
                match tenant.current(setup) {
                    Some(loaded) => loaded,
                    None => self.load(tenant, setup, settings).await?,
                }
            }
        };
        loaded.profile.clone().map_err(|problem| {
            let detail = format!("your configuration cannot be used: {problem}");
            Problem::new(StatusCode::CONFLICT, "broken_configuration", detail)
        })
    }

    async fn load(
        &self,
        tenant: &Arc<Tenant>,
        setup: &Arc<Setup>,
        settings: &MultiTenant,
    ) -> Result<Arc<Loaded>, Problem> {
        let change = tenant.changes();
        let stored = self.store.user(&tenant.id).await.map_err(|error| {
            tracing::error!(user = %tenant.id, %error, "a user's configuration cannot be read");
            Problem::internal()
        })?;
        let created_at = stored.as_ref().map_or(0, |stored| stored.created_at);
        let before = match self.prepare(tenant, settings, created_at).await? {
            // Tool servers that run in the directory of somebody who is gone are not taken over.
            Made::Anew => None,
            Made::Before => tenant.before(),
        };
        let profile = match stored {
            Some(Stored {
                config: Ok(text),
                model_key,
                ..
            }) => self
                .make_profile(tenant, setup, settings, (&text, model_key.as_ref()), before.as_deref())
                .map_err(|error| error.to_string()),
            Some(Stored {
                config: Err(refused), ..
            }) => Err(refused),
            // Deleted this very moment: the next request will be told.
            None => Err("there is none".to_owned()),
        };
        if let Err(problem) = &profile {
            tracing::warn!(user = %tenant.id, problem, "a user's configuration cannot be used; the user is told");
        }
        let loaded = Arc::new(Loaded {
            global: setup.clone(),
            profile,
        });
        tenant.put(loaded.clone(), change);
        Ok(loaded)
    }

    async fn prepare(&self, tenant: &Arc<Tenant>, settings: &MultiTenant, created_at: i64) -> Result<Made, Problem> {
        let (workspaces, template) = (self.workspaces.clone(), settings.template_path.clone());
        let (tenant, due) = (tenant.clone(), tenant.usage.is_due());
        let prepared = tokio::task::spawn_blocking(move || {
            let made = workspaces.prepare(&tenant.id, created_at, &template);
            if due {
                tenant.usage.measured(workspaces.measure(&tenant.id));
            }
            made.inspect(|made| {
                if *made == Made::Anew {
                    tracing::info!(user = %tenant.id, "workspace made");
                }
            })
            .inspect_err(|error| tracing::error!(user = %tenant.id, %error, "the user's workspace cannot be made"))
        });
        match prepared.await {
            Ok(Ok(made)) => Ok(made),
            _ => Err(Problem::unavailable(
                "no_workspace",
                "your workspace cannot be made; the operator's log says why",
            )
            .after(RETRY)),
        }
    }

    fn make_profile(
        &self,
        tenant: &Tenant,
        setup: &Setup,
        settings: &MultiTenant,
        (text, model_key): (&str, Option<&Secret>),
        before: Option<&Profile>,
    ) -> Result<Arc<Profile>, ConfigError> {
        let mut config = settings
            .base
            .with_user(&setup.config, text, &*self.environment, settings.user_endpoints)?;
        if let Some(key) = model_key {
            charge_to(&mut config, &setup.config, key);
        }
        let workspace = self.workspaces.path(&tenant.id);
        for (agent, entry) in &mut config.agents.entries {
            // Whatever the global file says: a user's agents have the user's files.
            entry.workspace = Some(workspace.join("agents").join(agent_directory(agent)));
        }
        Ok(Arc::new(Profile::new(&config, workspace, before)))
    }

    /// Waits until the user's turn may run.
    pub async fn slot(&self, seat: &Seat, setup: &Setup) -> Option<Slot> {
        let quotas = &setup.config.multi_tenant.as_ref()?.quotas;
        let bounds = Bounds {
            each: quotas.turns as usize,
            total: quotas.total_turns as usize,
        };
        Some(self.schedule.enter(&seat.tenant.id, bounds).await)
    }

    /// Whether a turn of this user may begin, in a session of so many bytes; and takes memory for those.
    pub fn has_room(&self, seat: &Seat, session_bytes: u64, setup: &Setup) -> Result<Option<Held>, Problem> {
        let Some(settings) = &setup.config.multi_tenant else {
            return Ok(None);
        };
        let most = settings.quotas.session_bytes;
        if session_bytes >= most {
            let detail = format!("this session has {session_bytes} bytes of {most}; begin another one");
            return Err(Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "session_too_long",
                detail,
            ));
        }
        let usage = &seat.tenant.usage;
        if usage.is_due() {
            let (workspaces, tenant) = (self.workspaces.clone(), seat.tenant.clone());
            tokio::task::spawn_blocking(move || tenant.usage.measured(workspaces.measure(&tenant.id)));
        }
        usage.has_room(&settings.quotas)?;
        self.hold(seat, session_bytes, setup)
    }

    /// Takes memory of the user's share for a transcript of so many bytes.
    pub fn hold(&self, seat: &Seat, bytes: u64, setup: &Setup) -> Result<Option<Held>, Problem> {
        let settings = setup.config.multi_tenant.as_ref();
        let held = settings.map(|settings| seat.hold(bytes, &settings.quotas));
        held.transpose()
    }
}

/// Where the gateway would ask with a virtual key of its own, the user's is in its place: their calls are charged to them. A provider's own key,
/// and the providers that the user names, stay as they are.
fn charge_to(config: &mut GatewayConfig, global: &GatewayConfig, key: &Secret) {
    for (name, provider) in &mut config.models.providers {
        let is_virtual = |own: &Secret| own.expose().starts_with(VIRTUAL_KEY);
        let metered = global
            .models
            .providers
            .get(name)
            .and_then(|provider| provider.api_key.as_ref());
        if metered.is_some_and(is_virtual) {
            provider.api_key = Some(key.clone());
        }
    }
}

/// An agent's name as a directory's. What is no id becomes one.
fn agent_directory(name: &str) -> String {
    match SessionId::new(name) {
        Ok(id) => id.file_name(),
        Err(_) => {
            let digest = Sha256::digest(name);
            format!("%{}", hex::encode(&digest[..16]))
        }
    }
}
