//! Signing in at an identity provider, and every way in which one can lie.

use creel_testkit::identity::{Algorithm, CLIENT_ID, CLIENT_SECRET, Identity, Wrong};
use creel_tests::http::{Answer, Call};
use creel_tests::person::Person;
use creel_tests::up::Up;
use reqwest::Method;
use serde_json::json;

const COMPANY: &str = "https://creel.example.com/api/auth/oidc/callback";

struct Company {
    identity: Identity,
    up: Up,
}

impl Company {
    async fn new(create_users: bool) -> Self {
        let identity = Identity::start().await;
        let builder = Up::builder();
        // A home is made by its first start.
        let builder = builder.start().await.kill().await;
        let file = builder.home().join("oidc-secret");
        std::fs::write(&file, format!("{CLIENT_SECRET}\n")).unwrap();
        let text = format!(
            "[users.oidc]\nname = \"Corp\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret_file = \"oidc-secret\"\n\
             redirect_url = \"{COMPANY}\"\nemail_domains = [\"Example.com\"]\ncreate_users = {create_users}\n",
            identity.issuer()
        );
        std::fs::write(builder.home().join("creel.toml"), text).unwrap();
        Self {
            identity,
            up: builder.start().await,
        }
    }

    fn get(&self, path: &str) -> Call {
        self.up.get(path).without_token()
    }

    /// Goes to the provider, as far as its answer; gives that and the cookie of the way.
    async fn go(&self) -> (String, String) {
        let start = self.get("/api/auth/oidc/start?return=/me/usage").await;
        assert_eq!(start.status, 302, "{start:?}");
        let cookie = start
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        let to = start.header("location").to_owned();
        assert!(
            !to.contains(cookie.split_once('=').unwrap().1),
            "the secret stays in the browser"
        );
        let there = Call::new(&creel_tests::http::client(), Method::GET, &to, "")
            .without_token()
            .await;
        assert_eq!(there.status, 302, "{there:?}");
        let back = there.header("location");
        let path = back
            .strip_prefix("https://creel.example.com")
            .expect("it comes back to us");
        (path.to_owned(), cookie)
    }

    /// The whole way, and where it ends.
    async fn sign_in(&self) -> Answer {
        let (path, cookie) = self.go().await;
        self.get(&path).header("cookie", &cookie).await
    }

    async fn refused(&self, what: &str) -> String {
        let answer = self.sign_in().await;
        assert_eq!(answer.status, 302, "{what}: {answer:?}");
        assert!(!all_cookies(&answer).contains("creel_user="), "{what}: {answer:?}");
        let place = answer.header("location").to_owned();
        let code = place.strip_prefix("/me/sign-in?error=");
        code.unwrap_or_else(|| panic!("{what}: {place}")).to_owned()
    }
}

fn all_cookies(answer: &Answer) -> String {
    let all = answer.headers.get_all("set-cookie").iter();
    all.filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn who_the_provider_vouches_for_is_signed_in() {
    let company = Company::new(false).await;
    let methods = company.get("/api/auth/methods").await.ok();
    assert_eq!(
        methods["oidc"],
        json!({"name": "Corp", "start": "/api/auth/oidc/start"})
    );
    assert_eq!(company.refused("there is no such user").await, "oidc_refused");

    company.up.post("/api/users", &json!({"id": "ann@example.com"})).await;
    for algorithm in [None, Some(Algorithm::Es256), Some(Algorithm::Rs256)] {
        if let Some(algorithm) = algorithm {
            company.identity.rotate(algorithm);
        }
        let answer = company.sign_in().await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (302, "/me/usage"),
            "{answer:?}"
        );
        let cookies = all_cookies(&answer);
        let cookie = cookies
            .lines()
            .find(|cookie| cookie.starts_with("creel_user="))
            .expect("a login");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        let cookie = cookie.split(';').next().unwrap_or_default();
        let me = company.get("/api/me").header("cookie", cookie).await.ok();
        assert_eq!(me["user"]["id"], "ann@example.com");
    }

    company.identity.person("sub-2", "ann@example.com");
    assert_eq!(
        company.refused("the address is another person's now").await,
        "oidc_refused"
    );
    company.identity.person("sub-1", "ann@example.org");
    assert_eq!(company.refused("who has left").await, "oidc_refused");
    company.identity.person("sub-1", "ann@example.com");
    let path = "/api/users/ann%40example.com";
    company
        .up
        .call(Method::PATCH, path)
        .json(&json!({"status": "disabled"}))
        .await
        .ok();
    assert_eq!(company.refused("disabled").await, "oidc_refused");
    let said = company.up.log().so_far();
    assert!(!said.contains(CLIENT_SECRET), "{said}");
}

#[tokio::test]
async fn a_provider_that_lies_or_fails_signs_nobody_in() {
    let company = Company::new(true).await;
    for (wrong, code) in [
        (Wrong::Nonce, "oidc_failed"),
        (Wrong::Audience, "oidc_failed"),
        (Wrong::Issuer, "oidc_failed"),
        (Wrong::Expired, "oidc_failed"),
        (Wrong::Future, "oidc_failed"),
        (Wrong::UnknownKey, "oidc_failed"),
        (Wrong::AlgNone, "oidc_failed"),
        (Wrong::AlgHmac, "oidc_failed"),
        (Wrong::Signature, "oidc_failed"),
        (Wrong::Broken, "oidc_failed"),
        (Wrong::Garbage, "oidc_failed"),
        (Wrong::Silence, "oidc_failed"),
        (Wrong::Unverified, "oidc_refused"),
        (Wrong::Denied, "oidc_refused"),
    ] {
        company.identity.lie(wrong);
        assert_eq!(company.refused(&format!("{wrong:?}")).await, code, "{wrong:?}");
    }
    assert_eq!(
        company.up.get("/api/users").await.ok()["users"],
        json!([]),
        "nobody was made"
    );
    company.identity.lie(Wrong::Nothing);
    assert_eq!(company.sign_in().await.header("location"), "/me/usage");
    let users = company.up.get("/api/users").await.ok();
    assert_eq!(
        (&users["users"][0]["id"], &users["users"][1]),
        (&json!("ann@example.com"), &json!(null))
    );
    assert_eq!(users["users"][0]["has_password"], false);
}

#[tokio::test]
async fn a_provider_that_names_another_issuer_is_not_asked_on() {
    let company = Company::new(true).await;
    company.identity.lie(Wrong::Discovery);
    let start = company.get("/api/auth/oidc/start").await;
    assert_eq!(
        (start.status, start.header("location")),
        (302, "/me/sign-in?error=oidc_failed"),
        "{start:?}"
    );
    company.up.log().line_with("it names another issuer").await;
    company.identity.lie(Wrong::Nothing);
    assert_eq!(company.sign_in().await.header("location"), "/me/usage");
}

#[tokio::test]
async fn the_way_back_is_the_same_browsers_and_once() {
    let company = Company::new(true).await;
    let (path, cookie) = company.go().await;
    let place = async |call: Call| call.await.header("location").to_owned();
    let expired = "/me/sign-in?error=oidc_expired";
    assert_eq!(place(company.get(&path)).await, expired, "another browser");
    let (_, other) = company.go().await;
    assert_eq!(place(company.get(&path).header("cookie", &other)).await, expired);
    let forged = path.replace("state=", "state=x");
    assert_eq!(place(company.get(&forged).header("cookie", &cookie)).await, expired);
    assert_eq!(place(company.get(&path).header("cookie", &cookie)).await, "/me/usage");
    let again = place(company.get(&path).header("cookie", &cookie)).await;
    assert_eq!(again, "/me/sign-in?error=oidc_failed", "the code is spent");

    let plain = Up::start().await;
    Person::new(&plain, "alice").await;
    assert_eq!(
        plain.get("/api/auth/oidc/start").await.problem(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn settings_that_cannot_be_are_named_and_quote_no_secret() {
    let builder = Up::start().await.kill().await;
    let good = "issuer = \"https://sso.example.com\"\nclient_id = \"c\"\nredirect_url = \"https://c.example.com/api/auth/oidc/callback\"\n";
    for (text, said) in [
        (format!("{good}email_domains = []\n"), "users.oidc.email_domains"),
        (format!("{good}email_domains = [\"*\"]\n"), "users.oidc.email_domains"),
        (
            good.replace("https://sso", "http://sso") + "email_domains = [\"a.b\"]\n",
            "users.oidc.issuer",
        ),
        (
            good.replace("https://c.example.com", "http://127.0.0.1:8000") + "email_domains = [\"a.b\"]\n",
            "http://localhost",
        ),
        (
            good.replace("/callback", "/x") + "email_domains = [\"a.b\"]\n",
            "users.oidc.redirect_url",
        ),
        (
            format!("{good}email_domains = [\"a.b\"]\nclient_secret_file = \"nowhere\"\n"),
            "client_secret_file",
        ),
        (
            format!("{good}email_domains = [\"a.b\"]\nclient_secret = \"s3cret\"\n"),
            "client_secret",
        ),
    ] {
        std::fs::write(builder.home().join("creel.toml"), format!("[users.oidc]\n{text}")).unwrap();
        let (code, line) = builder.clone().refused().await;
        assert!(
            code == Some(2) && line.contains(said) && !line.contains("s3cret"),
            "{line}"
        );
    }
}
