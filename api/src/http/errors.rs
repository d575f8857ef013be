//! A page for each error code, which problems name as their `type`.

use std::fmt::Write;

use actix_web::{HttpResponse, http::header::CONTENT_TYPE, middleware::from_fn, web};

use super::{limited, other_methods, problem::Problem};
use crate::code::Code;

/// Adds the pages.
pub fn configure(config: &mut web::ServiceConfig) {
    let pages = web::resource("/errors")
        .wrap(from_fn(limited::public))
        .route(web::get().to(index))
        .route(web::head().to(index))
        .default_service(other_methods("GET, HEAD"));
    let page = web::resource("/errors/{code}")
        .wrap(from_fn(limited::public))
        .route(web::get().to(one))
        .route(web::head().to(one))
        .default_service(other_methods("GET, HEAD"));
    config.service(pages).service(page);
}

async fn index() -> HttpResponse {
    let mut list = String::new();
    for code in Code::ALL {
        let (slug, name, meaning) = (code.slug(), code.name(), code.meaning());
        // Writing to a string does not fail.
        let _ = write!(
            list,
            "<dt><a href=\"/errors/{slug}\">{name}</a></dt><dd>{meaning}</dd>"
        );
    }
    page("Error codes", &format!("<dl>{list}</dl>"))
}

async fn one(slug: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code = Code::of_slug(&slug).ok_or_else(Problem::not_found)?;
    let (status, meaning, advice) = (code.status(), code.meaning(), code.advice());
    let body = format!(
        "<p>{meaning}</p><p><strong>What to do.</strong> {advice}</p>\
         <p>HTTP status {status} where it is the whole answer. The request id beside it, also in the \
         header <code>X-Request-Id</code>, is what support asks for.</p>\
         <p><a href=\"/errors\">All codes</a></p>"
    );
    Ok(page(code.name(), &body))
}

/// The texts are the table's own and have nothing to escape.
fn page(title: &str, body: &str) -> HttpResponse {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    );
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(text)
}
