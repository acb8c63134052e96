//! The backend's server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::routes::router;
use crate::state::Backend;

/// Open requests get this long once the backend is told to stop.
const CLOSING: Duration = Duration::from_secs(3);

/// Serves the API and the console on `listener` until `stop`.
pub async fn serve(listener: TcpListener, backend: Arc<Backend>, stop: CancellationToken) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // An event must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
    });
    let service = router(&backend).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = stop.clone();
    let streams = backend.stop.clone();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        stopping.cancelled().await;
        streams.cancel();
    });
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(CLOSING).await;
    };
    tokio::select! {
        result = server => result,
        () = deadline => Ok(()),
    }
}
