//! Stand-ins of outside services, on this machine: providers that credentials are for, key services, an object
//! store, and what a platform gives to what runs on it.

mod bucket;
mod kms;
mod platform;
mod signed;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use serde_json::json;

pub use bucket::{Bucket, Object};
pub use kms::{Kms, Mood};
pub use platform::Platform;
pub use signed::Keys;

/// The stand-in of OpenAI and Stripe.
#[derive(Debug)]
pub struct Outside {
    url: String,
    seen: Seen,
    handle: ServerHandle,
}

type Seen = Arc<Mutex<Vec<String>>>;

/// What is accepted.
#[derive(Clone)]
struct Accepts {
    key: String,
    seen: Seen,
}

impl Outside {
    /// Starts it; it accepts that one key.
    pub fn start(key: &str) -> Self {
        let seen = Seen::default();
        let accepts = Accepts {
            key: format!("Bearer {key}"),
            seen: Arc::clone(&seen),
        };
        let (url, handle) = serve(move |config| {
            config
                .app_data(web::Data::new(accepts.clone()))
                .route("/v1/models", web::get().to(models))
                .route("/v1/account", web::get().to(account));
        });
        Self { url, seen, handle }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The `Authorization` headers that it was shown.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Serves on a free port of this machine.
fn serve(
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> (String, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener
        .local_addr()
        .unwrap_or_else(|error| panic!("{error}"));
    let server = HttpServer::new(move || App::new().configure(configure.clone()))
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap_or_else(|error| panic!("{error}"))
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    (format!("http://{address}/"), handle)
}

fn is_let_in(request: &HttpRequest, accepts: &Accepts) -> bool {
    let header = request.headers().get("authorization");
    let header = header.and_then(|value| value.to_str().ok());
    let header = header.unwrap_or_default().to_owned();
    let is_let_in = header == accepts.key;
    let mut seen = accepts.seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.push(header);
    is_let_in
}

async fn models(request: HttpRequest, accepts: web::Data<Accepts>) -> HttpResponse {
    if is_let_in(&request, &accepts) {
        let model = json!({ "id": "gpt-x", "object": "model", "owned_by": "openai" });
        return HttpResponse::Ok().json(json!({ "object": "list", "data": [model] }));
    }
    let error = json!({ "message": "Incorrect API key provided", "type": "invalid_request_error",
        "param": null, "code": "invalid_api_key" });
    HttpResponse::Unauthorized().json(json!({ "error": error }))
}

async fn account(request: HttpRequest, accepts: web::Data<Accepts>) -> HttpResponse {
    if is_let_in(&request, &accepts) {
        return HttpResponse::Ok().json(json!({ "id": "acct_1", "object": "account" }));
    }
    let error = json!({ "message": "Invalid API Key provided", "type": "invalid_request_error" });
    HttpResponse::Unauthorized().json(json!({ "error": error }))
}
