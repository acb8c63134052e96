//! A user of a control plane, as they sign in themselves.

use reqwest::Method;
use serde_json::{Value, json};

use crate::http::{Answer, Call};
use crate::up::Up;

pub const PASSWORD: &str = "correct horse";

/// Someone who has a password, and is signed in as a program.
pub struct Person {
    pub id: String,
    pub access: String,
    pub refresh: String,
}

impl Person {
    /// A new user, signed in.
    ///
    /// # Panics
    /// If there is one of this id already.
    pub async fn new(up: &Up, id: &str) -> Self {
        let made = up.post("/api/users", &json!({"id": id, "password": PASSWORD})).await;
        assert_eq!(made.status, 201, "{made:?}");
        Self::signs_in(up, id).await
    }

    /// # Panics
    /// If they are not let in.
    pub async fn signs_in(up: &Up, id: &str) -> Self {
        Self::of(&log_in(up, id, PASSWORD).await.ok())
    }

    /// Who an answer is for.
    ///
    /// # Panics
    /// If there are no tokens in it.
    pub fn of(answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&answer["user"]["id"]),
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
        }
    }

    pub fn call(&self, up: &Up, method: Method, path: &str) -> Call {
        up.call(method, path).with_token(&self.access)
    }

    pub fn get(&self, up: &Up, path: &str) -> Call {
        self.call(up, Method::GET, path)
    }

    pub fn post(&self, up: &Up, path: &str, body: &Value) -> Call {
        self.call(up, Method::POST, path).json(body)
    }

    /// Status and code of who they are told that they are not.
    pub async fn refused(&self, up: &Up) -> (u16, String) {
        self.get(up, "/api/me").await.problem()
    }
}

pub async fn log_in(up: &Up, id: &str, password: &str) -> Answer {
    let body = json!({"id": id, "password": password});
    up.post("/api/auth/login", &body).without_token().await
}

pub async fn refresh(up: &Up, token: &str) -> Answer {
    let body = json!({"refresh_token": token});
    up.post("/api/auth/refresh", &body).without_token().await
}
