//! The console and the webchat page in real Chromium: `web/e2e` walks through them, and leaves screenshots.
//!
//! A binary of its own, so that it runs when no other does: the walk keeps to an address that other fleets on the machine could take.

use creel_testkit::identity::{CLIENT_ID, CLIENT_SECRET, Identity};
use creel_testkit::ports;
use creel_tests::binary::repository;
use creel_tests::scripts::path;
use creel_tests::up::{ADMIN_TOKEN, Up};

#[tokio::test]
async fn a_walk_through_every_page() {
    let identity = Identity::start().await;
    identity.ask();
    let port = ports::range();
    let settings = format!(
        "[users.oidc]\nname = \"Corp SSO\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nemail_domains = [\"example.com\"]\n\
         redirect_url = \"http://localhost:{port}/api/auth/oidc/callback\"\n",
        identity.issuer()
    );
    let up = Up::builder().console(port).settings(&settings);
    let up = up.env("CREEL_OIDC_CLIENT_SECRET", CLIENT_SECRET).start().await;
    let walk = tokio::process::Command::new("npm")
        .args(["--prefix", "web", "run", "--silent", "e2e"])
        .current_dir(repository())
        .env("PATH", path())
        .env("CREEL_URL", up.url())
        .env("CREEL_LLM", up.llm_url())
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
}
