//! Headers that every answer has.

use actix_web::{
    http::header::{
        CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
        STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    middleware::DefaultHeaders,
};

/// Nothing from elsewhere, nothing inline, no frames.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'self'";

/// The explorer's page: its editor writes styles of its own, and works in workers. Scripts come from
/// here alone, as everywhere.
pub const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The headers, with transport security where the product is called by https.
pub fn security_headers(https: bool) -> DefaultHeaders {
    let fixed = |name: &'static str| HeaderName::from_static(name);
    let headers = DefaultHeaders::new()
        .add((
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(CONTENT_POLICY),
        ))
        .add((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .add((X_FRAME_OPTIONS, HeaderValue::from_static("DENY")))
        .add((REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .add((
            fixed("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ))
        .add((
            fixed("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ))
        .add((
            fixed("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
        ));
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.add((STRICT_TRANSPORT_SECURITY, year))
    } else {
        headers
    }
}
