//! The calls of resource-service.

use super::Http;
use crate::{answer::Answer, tokens::Tokens};
use serde_json::json;

impl Http {
    /// `GET /whoami`
    pub async fn whoami(&self, tokens: &Tokens) -> Answer {
        self.whoami_as(&tokens.access).await
    }

    /// `GET /whoami` with any text as the access token.
    pub async fn whoami_as(&self, token: &str) -> Answer {
        self.get("/whoami").bearer(token).send().await
    }

    /// `GET /books`
    pub async fn books(&self, tokens: &Tokens) -> Answer {
        self.get("/books").bearer(&tokens.access).send().await
    }

    /// `GET /books/{id}`
    pub async fn book(&self, tokens: &Tokens, id: &str) -> Answer {
        self.get(&format!("/books/{id}")).bearer(&tokens.access).send().await
    }

    /// `POST /books`
    pub async fn add_book(&self, tokens: &Tokens, title: &str) -> Answer {
        self.post("/books").bearer(&tokens.access).json(&json!({ "title": title })).send().await
    }

    /// `POST /books/{id}/chapters`
    pub async fn append(&self, tokens: &Tokens, book: &str, title: &str, text: &str) -> Answer {
        let body = json!({ "title": title, "text": text });
        self.post(&format!("/books/{book}/chapters")).bearer(&tokens.access).json(&body).send().await
    }

    /// `GET /verify`, with a query such as `?scope=books:write`.
    pub async fn verify(&self, tokens: &Tokens, query: &str) -> Answer {
        self.get(&format!("/verify{query}")).bearer(&tokens.access).send().await
    }
}
