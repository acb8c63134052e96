//! Waiting for what must happen.

use std::future::Future;
use std::time::Duration;

/// Long after everything that a scenario waits for, on a slow machine too: Creel itself gives a start of upstream two minutes.
const HANG: Duration = Duration::from_secs(240);

/// Waits for `future`.
///
/// # Panics
/// With the name of `what` was waited for, where it hangs.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANG, future).await {
        Ok(value) => value,
        Err(_) => panic!("{} seconds have passed, and still no {what}", HANG.as_secs()),
    }
}

/// Asks again and again until `ask` gives something: for conditions that tell nobody when they come true.
///
/// # Panics
/// Like [`within`].
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    within(what, async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}
