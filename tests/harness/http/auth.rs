//! The calls of auth-service.

use super::{Http, Request};
use crate::{
    answer::Answer,
    tokens::{Tokens, Transport},
};
use reqwest::header::COOKIE;
use serde_json::{Value, json};

impl Http {
    /// `POST /auth/register`
    pub async fn register(&self, email: &str, password: &str) -> Answer {
        self.post("/auth/register").json(&json!({ "email": email, "password": password })).send().await
    }

    /// `POST /auth/login`
    pub async fn login(&self, email: &str, password: &str, transport: Transport) -> Answer {
        self.login_request(email, password, transport).send().await
    }

    /// `POST /auth/login`, to be changed before it is sent.
    pub fn login_request(&self, email: &str, password: &str, transport: Transport) -> Request {
        let body = json!({ "email": email, "password": password, "transport": transport.name() });
        self.post("/auth/login").json(&body)
    }

    /// `POST /auth/refresh`, as a client with these tokens does it.
    pub async fn refresh(&self, tokens: &Tokens) -> Answer {
        self.refresh_request(tokens).send().await
    }

    /// `POST /auth/refresh`, which must succeed.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn refreshed(&self, tokens: &Tokens) -> Tokens {
        self.refresh(tokens).await.tokens()
    }

    /// `POST /auth/refresh`, to be changed before it is sent.
    pub fn refresh_request(&self, tokens: &Tokens) -> Request {
        with_refresh_token(self.post("/auth/refresh"), tokens)
    }

    /// `GET /auth/csrf`
    pub async fn csrf(&self, tokens: &Tokens) -> Answer {
        self.get("/auth/csrf").header(COOKIE.as_str(), &tokens.cookie_header()).send().await
    }

    /// `POST /auth/logout`
    pub async fn logout(&self, tokens: &Tokens) -> Answer {
        with_refresh_token(self.post("/auth/logout"), tokens).send().await
    }

    /// `POST /auth/logout-all`
    pub async fn logout_all(&self, tokens: &Tokens) -> Answer {
        self.post("/auth/logout-all").bearer(&tokens.access).send().await
    }

    /// `GET /auth/me`
    pub async fn me(&self, tokens: &Tokens) -> Answer {
        self.get("/auth/me").bearer(&tokens.access).send().await
    }

    /// `DELETE /auth/me`
    pub async fn delete_account(&self, tokens: &Tokens, password: &str) -> Answer {
        self.request("DELETE", "/auth/me").bearer(&tokens.access).json(&json!({ "password": password })).send().await
    }

    /// `POST /auth/password`
    pub async fn change_password(&self, tokens: &Tokens, current: &str, new: &str) -> Answer {
        let body = json!({ "current": current, "new": new });
        self.post("/auth/password").bearer(&tokens.access).json(&body).send().await
    }

    /// `GET /auth/sessions`
    pub async fn sessions(&self, tokens: &Tokens) -> Answer {
        self.get("/auth/sessions").bearer(&tokens.access).send().await
    }

    /// `DELETE /auth/sessions/{id}`
    pub async fn end_session(&self, tokens: &Tokens, id: &str) -> Answer {
        self.request("DELETE", &format!("/auth/sessions/{id}")).bearer(&tokens.access).send().await
    }

    /// `GET /admin/users`, with a query such as `?limit=10`.
    pub async fn users(&self, admin: &Tokens, query: &str) -> Answer {
        self.get(&format!("/admin/users{query}")).bearer(&admin.access).send().await
    }

    /// `POST /admin/users`
    pub async fn create_user(&self, admin: &Tokens, user: &Value) -> Answer {
        self.post("/admin/users").bearer(&admin.access).json(user).send().await
    }

    /// `PATCH /admin/users/{id}`
    pub async fn change_user(&self, admin: &Tokens, id: &str, change: &Value) -> Answer {
        self.request("PATCH", &format!("/admin/users/{id}")).bearer(&admin.access).json(change).send().await
    }

    /// `DELETE /admin/users/{id}/sessions`
    pub async fn end_sessions_of(&self, admin: &Tokens, id: &str) -> Answer {
        self.request("DELETE", &format!("/admin/users/{id}/sessions")).bearer(&admin.access).send().await
    }

    /// `DELETE /admin/users/{id}`
    pub async fn delete_user(&self, admin: &Tokens, id: &str) -> Answer {
        self.request("DELETE", &format!("/admin/users/{id}")).bearer(&admin.access).send().await
    }

    /// `GET /.well-known/jwks.json`
    pub async fn key_set(&self) -> Answer {
        self.get("/.well-known/jwks.json").send().await
    }
}

fn with_refresh_token(request: Request, tokens: &Tokens) -> Request {
    if tokens.cookie.is_some() {
        return request.header(COOKIE.as_str(), &tokens.cookie_header()).header("x-csrf-token", &tokens.csrf);
    }
    request.json(&json!({ "refresh_token": tokens.refresh }))
}
