//! Headers that every answer has, save to what can not be read as a request: see [`super::app`].

use actix_web::{
    http::header::{
        CONTENT_SECURITY_POLICY, CROSS_ORIGIN_OPENER_POLICY, CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderName, HeaderValue, PERMISSIONS_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
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
pub fn headers(https: bool) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let fixed = [
        (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (
            PERMISSIONS_POLICY,
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ];
    let year = https.then_some((STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    let all = fixed.into_iter().chain(year);
    all.map(|(name, value)| (name, HeaderValue::from_static(value)))
}

/// Writes them into every answer.
pub fn security_headers(https: bool) -> DefaultHeaders {
    headers(https).fold(DefaultHeaders::new(), DefaultHeaders::add)
}
