//! Requests that carry the session cookie must come from this product's own pages (IDN-7).
//!
//! Two layers, of which either would do: a header that a foreign page can not send without being
//! asked first (CORS preflight, which is never granted), and Fetch Metadata, which browsers set and
//! pages can not.

use actix_web::{HttpRequest, http::header::ORIGIN};
use url::Url;

use super::problem::Problem;
use crate::code::Code;

/// The header that this product's pages send.
const CSRF: &str = "x-csrf";

/// Refuses a request that another site may have sent.
pub fn check(request: &HttpRequest, public_url: &Url) -> Result<(), Problem> {
    let headers = request.headers();
    let refused = |detail: &str| Err(Problem::new(Code::ForgedRequest, detail));
    if headers.get(CSRF).is_none_or(|value| value != "1") {
        return refused("send the header `X-CSRF: 1` with the session cookie");
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        if site != "same-origin" {
            return refused("the request comes from another site");
        }
        return Ok(());
    }
    // Without Fetch Metadata, the origin tells, where the browser sends one.
    match headers.get(ORIGIN).map(|origin| origin.to_str()) {
        // Browsers leave the origin out of their own site's safe requests only.
        None if request.method().is_safe() => Ok(()),
        None => refused("the browser tells neither `Sec-Fetch-Site` nor `Origin`"),
        Some(Ok(origin)) if origin == public_url.origin().ascii_serialization() => Ok(()),
        Some(_) => refused("the request comes from another origin"),
    }
}
