//! The backend's server.

use std::sync::Arc;
use std::time::Duration;

use creel_http::Connections;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::everyone;
use crate::routes::router;
use crate::state::Backend;

/// Open requests get this long once the backend is told to stop.
const CLOSING: Duration = Duration::from_secs(3);
/// Open connections: a console holds one for its events and one for each log it shows.
const CONNECTIONS: usize = 1024;
/// For the head of a request, and for an idle connection to send its next one.
const IDLE: Duration = Duration::from_secs(60);

impl Connections for Backend {
    fn limit(&self) -> usize {
        CONNECTIONS
    }

    fn idle_timeout(&self) -> Duration {
        IDLE
    }
}

/// Serves the API and the console on `listener` until `stop`.
pub async fn serve(listener: TcpListener, backend: Arc<Backend>, stop: CancellationToken) {
    let server = creel_http::serve(listener, router(&backend), backend.clone(), stop.clone());
    let deadline = async {
        stop.cancelled().await;
        backend.stop.cancel();
        tokio::time::sleep(CLOSING).await;
    };
    let together = async {
        tokio::join!(server, everyone::nudges(backend.clone()));
    };
    tokio::select! {
        () = together => {}
        () = deadline => {}
    }
}
