//! Every path of the API, and who may go through it: the document that describes them says which there are, so that none is forgotten.

use std::collections::HashSet;

use creel_tests::http::{Answer, Call};
use creel_tests::person::{PASSWORD, Person};
use creel_tests::tenants::SERVICE_TOKEN;
use creel_tests::up::{ADMIN_TOKEN, Up};
use reqwest::Method;
use serde_json::json;

/// Whose a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Door {
    Open,
    Administrators,
    Users,
    Gateways,
}

impl Door {
    fn of(path: &str) -> Self {
        let plain = path.strip_prefix("/api/v1").unwrap_or(path);
        match plain {
            "/openclaw/gateway/configs" => Self::Gateways,
            "/api/login" | "/api/logout" | "/api/session" | "/api/openapi.json" | "/api/health" => Self::Open,
            _ if plain.starts_with("/api/auth/") => Self::Open,
            _ if plain.starts_with("/openclaw/") || plain == "/api/me" || plain.starts_with("/api/me/") => Self::Users,
            _ => Self::Administrators,
        }
    }
}

/// What a browser has after a sign-in.
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(answer: &Answer) -> Self {
        let set = answer.header("set-cookie");
        for term in ["Path=/", "HttpOnly", "SameSite=Strict"] {
            assert!(set.split("; ").any(|one| one == term), "{set}");
        }
        Self {
            cookie: set.split(';').next().unwrap_or_default().to_owned(),
            csrf: answer.ok()["csrf"].as_str().expect("a text").to_owned(),
        }
    }

    fn sends(&self, call: Call) -> Call {
        call.without_token().header("cookie", &self.cookie)
    }
}

struct House {
    up: Up,
    alice: Person,
    administrator: Browser,
    user: Browser,
    routes: Vec<(Door, Method, String)>,
}

impl House {
    async fn new() -> Self {
        let up = Up::builder().env("OPENCLAW_SERVICE_TOKEN", SERVICE_TOKEN).start().await;
        let alice = Person::new(&up, "alice").await;
        let login = json!({"username": "admin", "password": ADMIN_TOKEN});
        let administrator = Browser::of(&up.post("/api/login", &login).without_token().await);
        let login = json!({"id": "alice", "password": PASSWORD, "cookie": true});
        let user = Browser::of(&up.post("/api/auth/login", &login).without_token().await);
        let document = up.get("/api/openapi.json").await.ok();
        let mut routes = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            let shown = path
                .replace("{id}", "x")
                .replace("{name}", "x")
                .replace("{action}", "start");
            let shown = shown
                .replace("{session}", "x")
                .replace("{model}", "x")
                .replace("{code}", "USD")
                .replace("{runtime}", "native")
                .replace("{path}", "native/openclaw.json");
            assert!(!shown.contains('{'), "a parameter that is new here: {path}");
            for method in methods.as_object().expect("methods").keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                routes.push((Door::of(path), method, shown.clone()));
            }
        }
        let doors: HashSet<Door> = routes.iter().map(|(door, ..)| *door).collect();
        assert_eq!(doors.len(), 4, "{doors:?}");
        Self {
            up,
            alice,
            administrator,
            user,
            routes,
        }
    }
}

#[tokio::test]
async fn nobody_goes_through_anothers_door() {
    let House {
        up,
        alice,
        administrator,
        user,
        routes,
    } = House::new().await;
    for (door, method, path) in routes.iter().filter(|(door, ..)| *door != Door::Open) {
        let call = || up.call(method.clone(), path);
        let mut strangers = vec![call().without_token()];
        if *door != Door::Administrators {
            strangers.extend([administrator.sends(call()), call()]);
        }
        if *door != Door::Users {
            strangers.extend([user.sends(call()), call().with_token(&alice.access)]);
        }
        if *door != Door::Gateways {
            strangers.push(call().with_token(SERVICE_TOKEN));
        }
        for stranger in strangers {
            let (status, code) = stranger.await.problem();
            // Tokens that open nothing are counted, and after some of them the address hears no more than that.
            let told = (status, code.as_str());
            assert!(
                matches!(told, (401, "unauthorized") | (429, "too_many_failures")),
                "{method} {path}: {told:?}"
            );
        }
    }
    up.get("/api/users/alice").await.ok();
    alice.get(&up, "/api/me").await.ok();
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let House {
        up,
        administrator,
        user,
        routes,
        ..
    } = House::new().await;
    let mut tried = 0;
    for (door, method, path) in routes.iter().filter(|(_, method, _)| method != Method::GET) {
        let browsers = match (door, path.as_str()) {
            (Door::Administrators, _) | (_, "/api/logout") => vec![&administrator],
            (Door::Users, _) | (_, "/api/auth/logout") => vec![&user],
            _ => continue,
        };
        for browser in browsers {
            for forged in ["", "0", &browser.csrf[1..]] {
                let call = browser
                    .sends(up.call(method.clone(), path))
                    .header("x-csrf-token", forged);
                assert_eq!(call.await.problem(), (403, "forbidden".to_owned()), "{method} {path}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
    administrator.sends(up.get("/api/users/alice")).await.ok();
    user.sends(up.get("/api/me")).await.ok();
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_in() {
    let up = Up::start().await;
    Person::new(&up, "mallory").await;
    let bodies = [
        (
            "/api/auth/login",
            json!({"id": "mallory", "password": PASSWORD, "cookie": true}),
        ),
        ("/api/login", json!({"username": "admin", "password": PASSWORD})),
    ];
    for (path, body) in bodies {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
        ] {
            let form = creel_tests::http::client().post(format!("{}{path}", up.url()));
            let form = form.header("content-type", kind).body(body.to_string());
            let refused = form.send().await.expect("an answer");
            assert_eq!(refused.status(), 415, "{path} {kind}");
            assert!(!refused.headers().contains_key("set-cookie"));
        }
    }
}

#[tokio::test]
async fn a_login_over_tls_is_not_sent_without() {
    let up = Up::start().await;
    Person::new(&up, "alice").await;
    let as_user = json!({"id": "alice", "password": PASSWORD, "cookie": true});
    let as_administrator = json!({"username": "admin", "password": ADMIN_TOKEN});
    for (path, body) in [("/api/auth/login", as_user), ("/api/login", as_administrator)] {
        let call = || up.post(path, &body).without_token();
        let plain = call().await;
        let secure = call().header("x-forwarded-proto", "https").await;
        let is_secure = |answer: &Answer| answer.header("set-cookie").ends_with("; Secure");
        assert!(!is_secure(&plain) && is_secure(&secure), "{path}: {plain:?} {secure:?}");
    }
}
