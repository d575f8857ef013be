//! The media types of GraphQL over HTTP.

use actix_web::{HttpRequest, http::header::ACCEPT};

/// The answer's media type, by the caller's `Accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/graphql-response+json`: the status tells.
    Response,
    /// `application/json`, for clients of before.
    Json,
    /// `text/event-stream`, for subscriptions.
    EventStream,
}

impl Media {
    /// As the header has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Response => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::EventStream => "text/event-stream",
        }
    }

    /// What the caller prefers of what there is; `None` where it takes neither. A caller that does
    /// not say gets `application/json`, as the specification has it until 2025.
    pub fn negotiate(request: &HttpRequest) -> Option<Self> {
        let accept: Vec<_> = request
            .headers()
            .get_all(ACCEPT)
            .filter_map(|value| value.to_str().ok())
            .collect();
        if accept.is_empty() {
            return Some(Self::Json);
        }
        let accept = accept.join(",");
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next()?.to_ascii_lowercase();
            let mut quality = 1000;
            for part in parts {
                if let Some(q) = part.strip_prefix("q=") {
                    quality = quality_in_thousandths(q)?;
                }
            }
            let (media, specificity) = match name.as_str() {
                "application/graphql-response+json" => (Self::Response, 2),
                "application/json" => (Self::Json, 2),
                "text/event-stream" => (Self::EventStream, 2),
                "application/*" | "*/*" => (Self::Json, 1),
                _ => return None,
            };
            (quality > 0).then_some((quality, specificity, media == Self::Response, media))
        });
        ranges
            .max_by_key(|(quality, specificity, newer, _)| (*quality, *specificity, *newer))
            .map(|r| r.3)
    }
}

/// A quality value (RFC 9110, section 12.4.2) without a float.
fn quality_in_thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    Some(
        whole
            .saturating_mul(1000)
            .saturating_add(fraction)
            .min(1000),
    )
}
