//! The web app, built into the binary.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, VARY},
    },
    web,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::{media::Accept, problem::Problem, security_headers::EXPLORER_POLICY};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Assets;

/// The page of the explorer, whose editor needs a policy of its own.
const EXPLORER: &str = "explorer.html";

/// The media type of pages.
const PAGE: &str = "text/html";

/// Answers what nothing else does.
pub fn configure(config: &mut web::ServiceConfig) {
    config.default_service(web::to(serve));
}

async fn serve(request: HttpRequest) -> HttpResponse {
    let path = request.path().trim_start_matches('/');
    let is_ours = ["bff/", "graphql", "assets/"]
        .iter()
        .any(|prefix| path.starts_with(prefix));
    let file = Assets::get(path);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let problem = if is_ours && file.is_none() {
            Problem::not_found()
        } else {
            Problem::method_not_allowed("GET, HEAD")
        };
        return problem.respond(&request);
    }
    if let Some(file) = file {
        return asset(path, file);
    }
    let page = Assets::get("index.html");
    // The app's own addresses are not files: the page finds them.
    let page = page.filter(|_| !is_ours && wants_page(&request, path));
    let mut answer = match page {
        Some(page) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(page.data.into_owned()),
        None => Problem::not_found().respond(&request),
    };
    if !is_ours {
        let by = HeaderValue::from_static("Accept");
        answer.headers_mut().insert(VARY, by);
    }
    answer
}

/// The start page is for everybody who takes pages. Elsewhere the app's addresses look like any other,
/// and a page is for whoever asks for one: others are told that there is nothing.
fn wants_page(request: &HttpRequest, path: &str) -> bool {
    let accept = Accept::of(request);
    if path.is_empty() {
        return accept.is_none_or(|accept| accept.takes(PAGE));
    }
    accept.is_some_and(|accept| accept.names(PAGE))
}

fn asset(path: &str, file: EmbeddedFile) -> HttpResponse {
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
    http.body(file.data.into_owned())
}
