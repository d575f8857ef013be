//! Clients, by their kind.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::web;
use countersign::server::State;
use countersign_domain::{
    access::Scope,
    id::{ApiTokenId, MemberId, UserId},
};
use countersign_entities::{Credential, SessionSecret};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::events::Events;

/// What the server answered.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Reply {
    /// Reads an answer.
    pub async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap_or_default();
        Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// `data`.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The code of the first error, in GraphQL's form or a problem's.
    pub fn error_code(&self) -> Option<&str> {
        let graphql = self.body["errors"][0]["extensions"]["code"].as_str();
        graphql.or_else(|| self.body["code"].as_str())
    }

    /// `extensions.redactions`.
    pub fn redactions(&self) -> &Value {
        &self.body["extensions"]["redactions"]
    }
}

/// A signed-in browser that works in one tenant.
#[derive(Debug, Clone)]
pub struct Browser {
    pub(crate) state: web::Data<State>,
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) secret: String,
    /// Who is signed in.
    pub user: UserId,
    /// Their membership.
    pub member: MemberId,
}

impl Browser {
    /// What its cookie lets in, for whoever enters without HTTP.
    pub fn credential(&self) -> Credential {
        let secret = SessionSecret::parse(&self.secret);
        Credential::Session(secret.unwrap_or_else(|| panic!("the cookie is no secret")))
    }

    /// The value of the `Cookie` header.
    pub fn cookie(&self) -> String {
        format!("__Host-countersign={}", self.secret)
    }

    /// Sends a GraphQL request as the product's own page does: by the id of a published document,
    /// with an idempotency key of its own.
    pub async fn graphql(&self, query: &str, variables: Value) -> Reply {
        self.graphql_with(query, variables, &fresh_key()).await
    }

    /// The same with this idempotency key.
    pub async fn graphql_with(&self, query: &str, variables: Value, key: &str) -> Reply {
        let id = self.state.graphql.publish(query).to_string();
        let body = json!({ "documentId": id, "variables": variables });
        send(self.post(), body, key).await
    }

    /// Opens a stream as the product's own page does.
    pub async fn listen(&self, subscription: &str) -> Events {
        let id = self.state.graphql.publish(subscription).to_string();
        listen(self.post(), json!({ "documentId": id })).await
    }

    /// Sends a GraphQL request with a text of its own, as the explorer does.
    pub async fn graphql_text(&self, query: &str) -> Reply {
        send(self.post(), json!({ "query": query }), &fresh_key()).await
    }

    fn post(&self) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}/graphql", self.url))
            .header("cookie", self.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
    }

    /// Reads an address of the backend-for-frontend as the product's own page does.
    pub async fn get(&self, path: &str) -> Reply {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .header("cookie", self.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin");
        let response = request.send().await;
        Reply::of(response.unwrap_or_else(|error| panic!("the server does not answer: {error}")))
            .await
    }

    /// Sends JSON to an address of the backend-for-frontend as the product's own page does. The answer's
    /// body is yet to be read.
    pub async fn post_json(&self, path: &str, body: &str) -> reqwest::Response {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("cookie", self.cookie())
            .header("x-csrf", "1")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
            .body(body.to_owned());
        let response = request.send().await;
        response.unwrap_or_else(|error| panic!("the server does not answer: {error}"))
    }

    /// Makes an API token with these scopes.
    pub async fn token(&self, scopes: &[Scope]) -> Token {
        self.make_token(scopes, false).await
    }

    /// Revokes an API token.
    pub async fn revoke(&self, token: &Token) {
        let revoke =
            "mutation($id: ID!) { revokeApiToken(input: { apiTokenId: $id }) { apiToken { id } } }";
        let reply = self.graphql(revoke, json!({ "id": token.id })).await;
        let revoked = &reply.data()["revokeApiToken"]["apiToken"]["id"];
        assert!(revoked.is_string(), "{:?}", reply.body);
    }

    /// Makes an API token that may send published documents only.
    pub async fn documents_token(&self, scopes: &[Scope]) -> Token {
        self.make_token(scopes, true).await
    }

    async fn make_token(&self, scopes: &[Scope], documents_only: bool) -> Token {
        let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
        let reply = self
            .graphql(
                "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) \
                 { plainToken apiToken { id } userErrors { message } } }",
                json!({ "input": { "name": "test", "scopes": names, "documentsOnly": documents_only } }),
            )
            .await;
        let made = &reply.data()["createApiToken"];
        let id = made["apiToken"]["id"]
            .as_str()
            .and_then(|id| id.parse().ok());
        let plain = made["plainToken"].as_str();
        match (id, plain) {
            (Some(id), Some(plain)) => Token {
                http: self.http.clone(),
                url: self.url.clone(),
                plain: plain.to_owned(),
                id,
            },
            _ => panic!("no token: {:?}", reply.body),
        }
    }
}

/// A machine with an API token.
#[derive(Debug, Clone)]
pub struct Token {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    /// The token.
    pub plain: String,
    /// Its id.
    pub id: ApiTokenId,
}

impl Token {
    /// Sends a GraphQL request as a partner's program does.
    pub async fn graphql(&self, query: &str, variables: Value) -> Reply {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.plain);
        let body = json!({ "query": query, "variables": variables });
        send(request, body, &fresh_key()).await
    }

    /// The same token, shown to another server.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ..self.clone()
        }
    }

    /// Sends a GraphQL request to a server that may be away, under this idempotency key.
    pub async fn attempt(&self, query: &str, variables: Value, key: Option<&str>) -> Option<Reply> {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.plain)
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        Some(Reply::of(request.send().await.ok()?).await)
    }

    /// Sends JSON to an address of the product as a partner's program does.
    pub async fn post_json(&self, path: &str, body: &str) -> Reply {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.plain);
        let request = request.header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await;
        Reply::of(response.unwrap_or_else(|error| panic!("the server does not answer: {error}")))
            .await
    }

    /// Opens a stream as a partner's program does.
    pub async fn listen(&self, subscription: &str) -> Events {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.plain);
        listen(request, json!({ "query": subscription })).await
    }

    /// Sends a GraphQL request by a document's id.
    pub async fn document(&self, id: &str) -> Reply {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.plain);
        send(request, json!({ "documentId": id }), &fresh_key()).await
    }
}

async fn listen(request: reqwest::RequestBuilder, body: Value) -> Events {
    let request = request.header("accept", "text/event-stream").json(&body);
    let response = request.send().await;
    Events::of(response.unwrap_or_else(|error| panic!("the server does not answer: {error}")))
}

fn fresh_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn send(request: reqwest::RequestBuilder, body: Value, key: &str) -> Reply {
    let response = request
        .header("accept", "application/graphql-response+json")
        .header("idempotency-key", key)
        .json(&body)
        .send()
        .await;
    Reply::of(response.unwrap_or_else(|error| panic!("the server does not answer: {error}"))).await
}
