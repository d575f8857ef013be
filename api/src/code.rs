//! Every code that an error may carry: one table for answers, their HTTP status, and their pages.
//!
//! A code is stable; its sentence may change. Each has a page at `/errors/<code>`, and all of them
//! stand in `api/errors.md`, both made from this table.

use std::fmt::Write;

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $meaning:literal, $advice:literal;)*) => {
        /// The code of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As callers compare it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status of an answer that is this error and nothing else.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What a caller does about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

codes! {
    BadRequest = "BAD_REQUEST", 400,
        "The HTTP request is not of the form that is wanted.",
        "Read the sentence beside the code, mend the request, and send it again.";
    BadUserInput = "BAD_USER_INPUT", 400,
        "An argument or a variable has a value that can not be.",
        "Mend the value at `path`. Faults of a mutation's input come as `userErrors` instead.";
    GraphqlParseFailed = "GRAPHQL_PARSE_FAILED", 400,
        "The document is not GraphQL.",
        "Mend the text where the sentence says.";
    GraphqlValidationFailed = "GRAPHQL_VALIDATION_FAILED", 400,
        "The document does not fit the schema, or its variables do not fit the document.",
        "Check the document against the published schema.";
    DocumentLimitExceeded = "DOCUMENT_LIMIT_EXCEEDED", 400,
        "The document is larger than one request may be; the sentence names the limit.",
        "Ask in several requests.";
    DocumentNotFound = "DOCUMENT_NOT_FOUND", 404,
        "No published document has that id.",
        "A page that was loaded before the server changed reloads itself; a program publishes its documents with the operator first.";
    DocumentRequired = "DOCUMENT_REQUIRED", 403,
        "This caller may send published documents only: a browser session without the explorer capability, or a token that was issued so.",
        "Send `documentId` (`sha256:` and 64 digits) instead of `query`.";
    DepthLimitExceeded = "DEPTH_LIMIT_EXCEEDED", 400,
        "The document nests deeper than one request may.",
        "Ask for the inner rows by their ids, in a request of their own.";
    CostLimitExceeded = "COST_LIMIT_EXCEEDED", 400,
        "The operation would cost more than one request may; the sentence has both numbers.",
        "Ask for fewer rows or fields, and page with `after`. Counting and searching look at many rows, and cost what the schema says beside them.";
    TimeLimitExceeded = "TIME_LIMIT_EXCEEDED", 400,
        "The query ran longer than one request may; the sentence has the limit. Nothing of it is answered.",
        "Ask for fewer rows or fields, and page with `after`.";
    IdempotencyKeyMissing = "IDEMPOTENCY_KEY_MISSING", 400,
        "The mutation would do its work twice if it were sent twice, and came without a key.",
        "Send a header `Idempotency-Key` with a value of its own for each thing to be done, such as a UUID, and the same value when trying again.";
    SessionMismatch = "SESSION_MISMATCH", 400,
        "The link to sign out is not of this session.",
        "Sign out from the product's own page.";
    InvalidLogoutToken = "INVALID_LOGOUT_TOKEN", 400,
        "The provider's logout token does not verify.",
        "Check the provider's issuer, keys and clock.";
    Unauthenticated = "UNAUTHENTICATED", 401,
        "There is no credential, or it opens nothing: unknown, expired, revoked, or of a person who is no member of the tenant any more.",
        "Sign in again, or use a token that is valid. The first refusal of each credential is recorded, as far as the quota of its address reaches.";
    SignInRefused = "SIGN_IN_REFUSED", 401,
        "The sign-in did not come to a good end.",
        "Start again from the sign-in page.";
    Forbidden = "FORBIDDEN", 403,
        "A policy refuses this. Whoever may know it finds the rule in `extensions.rule`.",
        "Ask an administrator of the tenant for the capability, or use a token with the scope.";
    StepUpRequired = "STEP_UP_REQUIRED", 403,
        "The caller may do this, and only in a session with a second factor, as the sign-in provider vouches for it by `acr` or `amr`.",
        "Sign out, and sign in again with a second factor: a one-time code, a passkey, a hardware key.";
    ExportHidesRows = "EXPORT_HIDES_ROWS", 403,
        "A policy hides a field or some rows of the audit log from this caller. An export has whole rows, and all that were asked for, or is not made.",
        "Ask somebody who reads the whole log for the export.";
    TlsRequired = "TLS_REQUIRED", 403,
        "The request came by plain HTTP over a network, or through a proxy that does not say that its caller used https.",
        "Use the address that begins with `https://`, and make new whatever token was sent without. An operator whose proxy speaks TLS names it in `http.trusted_proxies`, and has it send `X-Forwarded-Proto: https`.";
    ForgedRequest = "FORGED_REQUEST", 403,
        "A request with the session cookie did not come from the product's own page.",
        "Programs use a token instead of a cookie.";
    NoTenant = "NO_TENANT", 403,
        "The session has chosen no tenant yet.",
        "Choose one; whoever belongs to none asks to be added.";
    IntrospectionDisabled = "INTROSPECTION_DISABLED", 403,
        "The schema is not shown to this caller.",
        "Ask for the explorer capability, or read the published schema.";
    NotFound = "NOT_FOUND", 404,
        "There is nothing there, or nothing that this caller may see: the two are not told apart.",
        "Check the id. A request that names one unknown id is refused whole.";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405,
        "The method does not do this here: mutations go by POST, and other addresses have methods of their own.",
        "Use the method that the `Allow` header names.";
    NotAcceptable = "NOT_ACCEPTABLE", 406,
        "The caller accepts none of the forms that there are.",
        "Accept `application/graphql-response+json` or `application/json`.";
    RequestTimeout = "REQUEST_TIMEOUT", 408,
        "The body of the request did not come to its end in time.",
        "Send the request again, its body at once.";
    IdempotencyKeyInUse = "IDEMPOTENCY_KEY_IN_USE", 409,
        "A request with the same `Idempotency-Key` is under way.",
        "Wait for its answer, or try again after the seconds in `Retry-After`.";
    IdempotencyResultGone = "IDEMPOTENCY_RESULT_GONE", 409,
        "The mutation was done under this key, and its answer can not be repeated: it held a secret that is shown once, was lost in a crash, was emptied when the tenant's key was destroyed, or is not for what the caller may do now.",
        "Read what the mutation has made. Do not send it under another key.";
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422,
        "The `Idempotency-Key` belongs to another request of the last 24 hours.",
        "Use a key of its own for each thing to be done.";
    TenantSwitched = "TENANT_SWITCHED", 412,
        "The request says by `Countersign-Tenant` which tenant it is meant for, and its credential works in another: the session was switched, as in another tab. Nothing was done.",
        "Reload the page, or switch back; a program uses the token of the tenant that it means.";
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", 413,
        "The body has more bytes than are read here.",
        "Send less; a statement file may have 8 MiB.";
    KeyDestroyed = "KEY_DESTROYED", 409,
        "The key that this tenant's secrets and personal data are sealed under was destroyed: what it sealed is unreadable for ever, and nothing more is sealed.",
        "Ask the operator, who gives the tenant a new key by `countersign keys rotate` where it is to go on.";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415,
        "The body is of a kind that is not read here.",
        "Send `application/json` in UTF-8.";
    RateLimited = "RATE_LIMITED", 429,
        "The caller has used up its quota, of the policy that the header `RateLimit` names, or has as much under way at once as it may.",
        "Try again after the seconds in `Retry-After`, and keep within `RateLimit-Policy`.";
    PoliciesRefused = "POLICIES_REFUSED", 422,
        "Policies that were to serve do not pass a check; those that served go on. Told on the operator's port only.",
        "Do what the sentence says, and reload again.";
    InternalServerError = "INTERNAL_SERVER_ERROR", 500,
        "Something failed on the server's side.",
        "Name the request id to support: the cause is in the operator's log under it.";
    ServiceUnavailable = "SERVICE_UNAVAILABLE", 503,
        "Something that the product needs is away for a moment. Nothing was half done.",
        "Try again after the seconds in `Retry-After`.";
}

impl Code {
    /// The last part of the address of its page.
    pub fn slug(self) -> String {
        self.name().to_lowercase().replace('_', "-")
    }

    /// The code of that page.
    pub fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.slug() == slug)
    }
}

/// The reference of all codes, in Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# Error codes\n\nGenerated from `api/src/code.rs` by `cargo generate`. A code is stable, its sentence is not. In GraphQL it is\n\
         `errors[].extensions.code`, outside of it the member `code` of an RFC 9457 problem; the request id stands beside\n\
         it, in the header `X-Request-Id`, in the operator's log and in the audit log. What can not be read as a request\n\
         (two `Host` headers, an address of 64 KiB, headers of 128 KiB) has no code and no id: it is answered by status\n\
         400, 408 or 431 alone, and the connection ends.\n",
    );
    for code in Code::ALL {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n## {}\n\nHTTP status {} where it is the whole answer.\n\n{}\n\n**What to do.** {}\n",
            code.name(),
            code.status(),
            code.meaning(),
            code.advice()
        );
    }
    text
}
