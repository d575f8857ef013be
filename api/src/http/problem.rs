//! Errors outside GraphQL, as RFC 9457 has them: a code, a sentence, a request id.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use countersign_entities::{EnterError, StoreError, Why};
use serde_json::json;

use super::{RequestInfo, request_info::REQUEST_ID, security_headers};
use crate::code::Code;

/// What a caller is told where a request does not come to GraphQL.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    /// Why a bearer token is refused (RFC 6750, section 3.1).
    bearer: bool,
    /// Seconds after which to try again.
    retry_after: Option<u32>,
    /// A header that says what would be taken instead.
    header: Option<(HeaderName, &'static str)>,
    /// The request, and whether it is of https, where the middleware that knows is passed by.
    past: Option<(RequestInfo, bool)>,
}

impl Problem {
    /// A problem with a stable code and a sentence that says what to do.
    pub fn new(code: Code, detail: &str) -> Self {
        Self {
            code,
            detail: detail.to_owned(),
            bearer: false,
            retry_after: None,
            header: None,
            past: None,
        }
    }

    /// No credential, or one that opens nothing.
    pub fn unauthenticated(detail: &str) -> Self {
        Self {
            bearer: true,
            ..Self::new(Code::Unauthenticated, detail)
        }
    }

    /// No credential at all, which is no fault of a token (RFC 6750, section 3.1).
    pub fn no_credential(detail: &str) -> Self {
        Self::new(Code::Unauthenticated, detail)
    }

    /// The problem of a request whose answer passes by the middleware that names it and that writes the
    /// headers of every answer.
    #[must_use]
    pub fn of(self, info: RequestInfo, https: bool) -> Self {
        Self {
            past: Some((info, https)),
            ..self
        }
    }

    /// The caller has used up its quota.
    pub fn limited(seconds: u32) -> Self {
        let detail = format!("too much at once: try again in {seconds} s");
        Self {
            retry_after: Some(seconds),
            ..Self::new(Code::RateLimited, &detail)
        }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..self
        }
    }

    /// The same, with a header that says what would be taken instead.
    #[must_use]
    pub fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self {
            header: Some((name, value)),
            ..self
        }
    }

    /// Its stable code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Something that this product needs is away.
    pub fn unavailable(detail: &str) -> Self {
        Self::new(Code::ServiceUnavailable, detail)
    }

    /// A fault of ours. The cause is in the log.
    pub fn internal() -> Self {
        Self::new(
            Code::InternalServerError,
            "something failed on our side: name the request id to support",
        )
    }

    /// There is nothing at that address.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing at this address")
    }

    /// The method does not do this here; those of `Allow` do (RFC 9110, section 15.5.6).
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("the method is not for this address: it takes {allow}");
        Self::new(Code::MethodNotAllowed, &detail).with(ALLOW, allow)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn body(&self, request: Option<&RequestInfo>) -> String {
        json!({
            // Relative to the product's own address (RFC 9457, section 3.1.1): the code's page.
            "type": format!("/errors/{}", self.code.slug()),
            "title": self.status().canonical_reason().unwrap_or("Error"),
            "status": self.code.status(),
            "code": self.code.name(),
            "detail": self.detail,
            "requestId": request.map(|info| info.request.to_string()),
        })
        .to_string()
    }

    /// The answer, with the request's id in its body.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        use actix_web::HttpMessage as _;
        let extensions = request.extensions();
        self.build(extensions.get::<RequestInfo>())
    }

    fn build(&self, info: Option<&RequestInfo>) -> HttpResponse {
        let status = self.status();
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .insert_header((CACHE_CONTROL, "no-store"));
        if let Some((info, https)) = &self.past {
            response.insert_header((REQUEST_ID, info.request.to_string()));
            for header in security_headers::headers(*https) {
                response.insert_header(header);
            }
        }
        if status == StatusCode::UNAUTHORIZED && !self.bearer {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if self.bearer {
            response.insert_header((WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""));
        }
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), *value));
        }
        if status == StatusCode::REQUEST_TIMEOUT {
            // The rest of the body would be taken for the next request.
            response.force_close();
        }
        let away = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(2);
        if let Some(seconds) = self.retry_after.or(away) {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.body(self.body(info))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// Without the request at hand; the middleware writes the request's id in.
    fn error_response(&self) -> HttpResponse {
        self.build(self.past.as_ref().map(|(info, _)| info))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database is away"
            );
            Self::unavailable("the database is away for a moment: try again")
        } else {
            tracing::error!(error = &error as &dyn std::error::Error, "a store failed");
            Self::internal()
        }
    }
}

impl From<EnterError> for Problem {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Unauthenticated(why) => {
                tracing::info!(?why, "a credential was refused");
                Self::unauthenticated(match why {
                    Why::Unknown => "sign in, or use a token that is valid",
                    Why::Ended | Why::Expired => {
                        "the session or token has ended: sign in, or make a new token"
                    }
                    Why::NoMembership => "you are not a member of this tenant: choose another one",
                    Why::Changed => {
                        "what you may do was changed while the request ran: send it again"
                    }
                })
            }
            EnterError::NoTenant => Self::new(
                Code::NoTenant,
                "choose a tenant first; whoever belongs to none asks to be added",
            ),
            EnterError::Unavailable(error) | EnterError::Store(error) => error.into(),
        }
    }
}
