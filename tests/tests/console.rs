//! The console and the webchat page in real Chromium, with a container engine and Railway at hand: `web/e2e` walks through them, and
//! leaves screenshots.
//!
//! A binary of its own, so that it runs when no other does: the walk keeps to an address that other fleets on the machine could take.

use creel_testkit::docker::engine;
use creel_testkit::identity::{CLIENT_ID, CLIENT_SECRET, Identity};
use creel_testkit::ports;
use creel_tests::binary::{creel, repository};
use creel_tests::railway::Railway;
use creel_tests::scripts::path;
use creel_tests::up::{ADMIN_TOKEN, Up};
use serde_json::json;

const IMAGE: &str = "creel-native:test";

#[tokio::test]
async fn a_walk_through_every_page() {
    let (engine, railway) = (engine(), Railway::new(env!("CARGO_BIN_EXE_railway")));
    engine.native_image(repository(), creel(), IMAGE).await;
    let identity = Identity::start().await;
    identity.ask();
    let port = ports::range();
    let settings = format!(
        "[users.oidc]\nname = \"Corp SSO\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nemail_domains = [\"example.com\"]\n\
         redirect_url = \"http://localhost:{port}/api/auth/oidc/callback\"\n",
        identity.issuer()
    );
    let up = railway.of(Up::builder().console(port).settings(&settings));
    let up = up
        .env("CREEL_OIDC_CLIENT_SECRET", CLIENT_SECRET)
        .env("DOCKER_HOST", &engine.host())
        .start()
        .await;
    up.put("/api/images/native", &json!({"image": IMAGE})).await.ok();
    let walk = tokio::process::Command::new("npm")
        .args(["--prefix", "web", "run", "--silent", "e2e"])
        .current_dir(repository())
        .env("PATH", path())
        .env("CREEL_URL", up.url())
        .env("CREEL_LLM", up.llm_url())
        .env("DOCKER_HOST", engine.host())
        .env("CREEL_USER", "admin")
        // An API token signs in as a password does.
        .env("CREEL_PASSWORD", ADMIN_TOKEN)
        .env("ARTIFACTS", repository().join("tests/artifacts/console"))
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(
        walk.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&walk.stdout),
        String::from_utf8_lossy(&walk.stderr)
    );
    assert_eq!(railway.recorder.violations(), [""; 0]);
}
