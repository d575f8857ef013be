//! Media types: which one an answer has, by what the caller accepts, and which ones bodies may have.

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, CONTENT_TYPE},
};

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
        let Some(accept) = Accept::of(request) else {
            return Some(Self::Json);
        };
        // Of those that are liked alike by name the newer one, else the one that is named last. Under a
        // range, the one that whoever does not say gets.
        let offered = [
            (Self::EventStream, "text/event-stream", 0),
            (Self::Response, "application/graphql-response+json", 1),
            (Self::Json, "application/json", 2),
        ];
        let liked = offered.into_iter().filter_map(|(media, name, rank)| {
            let range = accept.range(name)?;
            let by_name = range.specificity == EXACT;
            let newer = by_name && media == Self::Response;
            let key = (range.quality, range.specificity, newer, range.place, rank);
            (range.quality > 0).then_some((key, media))
        });
        liked.max_by_key(|(key, _)| *key).map(|(_, media)| media)
    }
}

/// The specificity of a range that is a type by its name.
const EXACT: u8 = 2;

/// What `Accept` says, where there is one (RFC 9110, section 12.5.1).
#[derive(Debug)]
pub struct Accept(String);

/// One of its ranges.
#[derive(Debug, Clone, Copy)]
struct Range {
    specificity: u8,
    place: usize,
    /// In thousandths.
    quality: u32,
}

impl Accept {
    /// That of a request; several headers are one list.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let values = request.headers().get_all(ACCEPT);
        let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| Self(values.join(",")))
    }

    /// Whether an answer may have that type.
    pub fn takes(&self, media: &str) -> bool {
        self.range(media).is_some_and(|range| range.quality > 0)
    }

    /// Whether that type, or its kind, is asked for by name.
    pub fn names(&self, media: &str) -> bool {
        let range = self.range(media);
        range.is_some_and(|range| range.quality > 0 && range.specificity > 0)
    }

    /// The most specific range that has that type: it is the one that counts.
    fn range(&self, media: &str) -> Option<Range> {
        let ranges = self.0.split(',').enumerate();
        let fitting = ranges.filter_map(|(place, range)| {
            let mut parts = range.split(';').map(str::trim);
            let specificity = specificity(parts.next()?, media)?;
            let mut quality = 1000;
            for part in parts {
                if let Some((name, value)) = part.split_once('=')
                    && name.trim().eq_ignore_ascii_case("q")
                {
                    quality = quality_in_thousandths(value.trim())?;
                }
            }
            Some(Range {
                specificity,
                place,
                quality,
            })
        });
        fitting.max_by_key(|range| range.specificity)
    }
}

/// How closely a range names a type, where it has it at all.
fn specificity(range: &str, media: &str) -> Option<u8> {
    if range.eq_ignore_ascii_case(media) {
        return Some(EXACT);
    }
    if range == "*/*" {
        return Some(0);
    }
    let (kind, _) = media.split_once('/')?;
    let of_kind = range.strip_suffix("/*")?;
    of_kind.eq_ignore_ascii_case(kind).then_some(1)
}

/// Whether a body is JSON in UTF-8, by its `Content-Type`.
pub fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE);
    let Some(value) = value.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|part| match part.split_once('=') {
            // A value may stand in quotes (RFC 9110, section 5.6.6).
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn each_type_has_the_quality_of_the_range_that_names_it_most_closely() {
        use Media::{EventStream, Json, Response};
        for (accept, expected) in [
            ("application/json;q=0, */*", Some(Response)),
            ("*/*, application/json;Q=0", Some(Response)),
            (
                "application/json;Q=0.1, application/graphql-response+json;q=0.2",
                Some(Response),
            ),
            ("application/json ; q = 0", None),
            (
                "application/json;q=0.1, application/graphql-response+json ; q = 0",
                Some(Json),
            ),
            (
                "application/json;q=0.5, application/*;q=0.9",
                Some(Response),
            ),
            (
                "application/json, application/graphql-response+json",
                Some(Response),
            ),
            (
                "application/graphql-response+json;q=0.9, application/json",
                Some(Json),
            ),
            ("application/json, text/event-stream", Some(EventStream)),
            ("text/event-stream, application/json", Some(Json)),
            ("text/event-stream, */*", Some(EventStream)),
            ("text/*", Some(EventStream)),
            ("application/*", Some(Json)),
            ("*/*", Some(Json)),
            ("image/png", None),
            ("*/*;q=0", None),
            ("", None),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT, accept));
            let found = Media::negotiate(&request.to_http_request());
            assert_eq!(found, expected, "{accept}");
        }
        let silent = TestRequest::default().to_http_request();
        assert_eq!(Media::negotiate(&silent), Some(Json));
    }
}
