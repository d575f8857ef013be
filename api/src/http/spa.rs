//! The web app, built into the binary.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    web,
};
use rust_embed::RustEmbed;

use super::{problem::Problem, security_headers::EXPLORER_POLICY};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Assets;

/// The page of the explorer, whose editor needs a policy of its own.
const EXPLORER: &str = "explorer.html";

/// Answers what nothing else does.
pub fn configure(config: &mut web::ServiceConfig) {
    config.default_service(web::to(serve));
}

async fn serve(request: HttpRequest) -> HttpResponse {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::not_found().respond(&request);
    }
    let path = request.path().trim_start_matches('/');
    if let Some(file) = Assets::get(path) {
        // Files under `assets/` have their hash in their name; the others change in place.
        let lasting = path.starts_with("assets/");
        let cache = if lasting {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let mut http = HttpResponse::Ok();
        http.insert_header((CONTENT_TYPE, file.metadata.mimetype()))
            .insert_header((CACHE_CONTROL, cache));
        if path == EXPLORER {
            http.insert_header((CONTENT_SECURITY_POLICY, EXPLORER_POLICY));
        }
        return http.body(file.data.into_owned());
    }
    let wants_page = request
        .headers()
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let is_ours = ["bff/", "graphql", "assets/"]
        .iter()
        .any(|prefix| path.starts_with(prefix));
    match Assets::get("index.html") {
        // The app's own addresses are not files: the page finds them.
        Some(page) if wants_page && !is_ours => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(page.data.into_owned()),
        _ => Problem::not_found().respond(&request),
    }
}
