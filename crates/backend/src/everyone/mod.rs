//! The gateway that serves all users: where it is, and what the control plane asks it.
//!
//! It is named in `creel.toml` (`[users] gateway_url`), or it is an instance of the fleet that an administrator made it (`setup`). Only
//! that instance is handed the service token; its own configuration could not ask for it.

mod address;
mod nudge;
mod setup;

pub use address::{GatewayAddress, InvalidAddress};
pub use nudge::{Nudge, run as nudges};
pub use setup::{forget, make, show};

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use creel_fleet::{InstanceId, Secret, Status};
use creel_http::Problem;

use crate::chat::{Patience, RelayError, relay};
use crate::error::{fleet_problem, records_problem};
use crate::state::Backend;

/// What the backend knows of it from its start on.
pub struct Everyone {
    /// Opens its sync, and what administers it.
    pub service_token: Secret,
    /// Where it is, if that was said.
    pub address: Option<GatewayAddress>,
}

/// Where it is.
pub struct Place {
    pub addr: SocketAddr,
    /// What `Host` says.
    pub host: String,
}

/// The instance that serves all users, if one was made so and is there.
pub async fn instance(backend: &Backend) -> Result<Option<InstanceId>, Problem> {
    let marked = backend.records.users_gateway().await.map_err(records_problem)?;
    let id = marked.and_then(|id| InstanceId::new(&id).ok());
    Ok(id.filter(|id| backend.fleet.get(id).is_some()))
}

/// # Errors
/// 409 `no_gateway`, `not_running`; 502 where its name leads nowhere.
pub async fn find(backend: &Backend) -> Result<Place, Problem> {
    if let Some(address) = &backend.everyone.address {
        let addr = address.resolve().await.map_err(|error| {
            tracing::warn!(%address, error, "the gateway for users cannot be found");
            Problem::new(axum::http::StatusCode::BAD_GATEWAY, "unreachable", UNREACHABLE)
        })?;
        let host = address.authority().to_owned();
        return Ok(Place { addr, host });
    }
    let Some(id) = instance(backend).await? else {
        let detail = "there is no gateway for users yet; an administrator makes one with `creel user gateway`";
        return Err(Problem::conflict("no_gateway", detail));
    };
    // Woken if it sleeps.
    drop(backend.fleet.engage(&id).await.map_err(fleet_problem)?);
    let running = backend
        .fleet
        .get(&id)
        .is_some_and(|instance| instance.status == Status::Running);
    match backend.fleet.endpoint(&id).filter(|_| running) {
        Some(endpoint) => Ok(Place {
            addr: endpoint.addr,
            host: endpoint.addr.to_string(),
        }),
        None => Err(Problem::conflict(
            "not_running",
            "the gateway for users does not run; an administrator starts it",
        )),
    }
}

const UNREACHABLE: &str = "the gateway for users does not answer; its log says why";

impl Place {
    /// Sends a request with this token, and gives the answer as it comes.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: Vec<(&'static str, HeaderValue)>,
        body: Body,
    ) -> Result<Response, Problem> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| Problem::internal())?;
        bearer.set_sensitive(true);
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::AUTHORIZATION, bearer);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|_| Problem::internal())?;
        relay(self.addr, request, Patience::default()).await.map_err(|error| {
            tracing::warn!(address = %self.addr, %error, "the gateway for users");
            let status = match error {
                RelayError::Silent(_) => axum::http::StatusCode::GATEWAY_TIMEOUT,
                RelayError::Connect(..) | RelayError::Broken(_) => axum::http::StatusCode::BAD_GATEWAY,
            };
            Problem::new(status, "unreachable", UNREACHABLE)
        })
    }

    /// Lets it ask at once what changed, and waits until it has.
    pub async fn sync(&self, service_token: &Secret) -> Result<(), Problem> {
        let path = "/api/v1/multi-tenant/sync";
        let answer = self
            .ask(Method::POST, path, service_token.expose(), Vec::new(), Body::empty())
            .await?;
        if !answer.status().is_success() {
            tracing::warn!(address = %self.addr, status = %answer.status(), "the gateway for users did not sync");
        }
        Ok(())
    }
}
