//! GraphQL over HTTP.
//!
//! Our own, because the stock integration runs mutations on GET, takes `text/plain`, ignores
//! `Accept` and always answers 200. Status codes follow the published `graphql-http` audit: a
//! client that accepts `application/graphql-response+json` gets 4xx for a request that is refused
//! before it runs; one that knows `application/json` only gets 200 with errors, and 4xx where the
//! HTTP request itself is at fault.

mod body;

use actix_cors::Cors;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    web,
};
use countersign_entities::{Credential, IdempotencyKey, RequestFacts};
use url::Url;

use self::body::Body;
use super::{
    RequestInfo,
    body::{Object, read},
    credential::{credential, not_entered},
    event_stream, limited,
    meant_for::{TENANT, meant_for},
    media::{self, Media},
    other_methods,
    problem::Problem,
};
use crate::{
    code::Code,
    config::StatusCodes,
    graphql::{Answer, GraphqlRequest, Method, Response},
    server::State,
};

/// Seconds after which a client may try again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The key under which a mutation may be sent again.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Says since when a field that was asked for is deprecated (RFC 9745).
pub(super) const DEPRECATION: &str = "deprecation";
/// Says until when it is there (RFC 8594).
pub(super) const SUNSET: &str = "sunset";

/// Says what a request was made of, to those who may know (Server Timing).
const SERVER_TIMING: &str = "server-timing";

/// Of an answer with data and errors, in the newest draft.
const PARTIAL_SUCCESS: u16 = 294;

/// Says that an answer is a repeated one.
const REPLAYED: &str = "idempotency-replayed";

/// Adds `/graphql`.
pub fn configure(config: &mut web::ServiceConfig, origins: &[Url]) {
    config.service(
        web::resource("/graphql")
            .wrap(cors(origins))
            .route(web::get().to(get))
            .route(web::post().to(post))
            .default_service(other_methods("GET, POST")),
    );
}

async fn post(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
) -> Result<HttpResponse, Problem> {
    let media = Media::negotiate(&request).ok_or_else(not_acceptable)?;
    if !media::is_json(&request) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "send the request as `application/json`",
        ));
    }
    // The credential comes before the body.
    let mut facts = info.facts(&state);
    let credential = credential(&request, &facts, &state).await?;
    facts.idempotency_key = idempotency_key(&request)?;
    let body = read(&request, payload, state.graphql.limits().body_bytes_max).await?;
    // A body takes as long as its line does: whoever has sent it is let in at the time at which it is there.
    facts.at = state.database.clock().now();
    let Object(body) = serde_json::from_slice::<Object<Body>>(&body)
        .map_err(|_| bad_request("the body is not a JSON object with a `query`"))?;
    let mut graphql = body
        .into_request(media == Media::EventStream)
        .map_err(bad_request)?;
    graphql.meant_for = meant_for(&request)?;
    run(
        &request,
        &state,
        &facts,
        credential,
        Method::Post,
        graphql,
        media,
    )
    .await
}

async fn run(
    request: &HttpRequest,
    state: &web::Data<State>,
    facts: &RequestFacts,
    credential: Credential,
    method: Method,
    graphql: GraphqlRequest,
    media: Media,
) -> Result<HttpResponse, Problem> {
    // In a place of its own: what the server wraps around a handler moves it several times.
    let ran = Box::pin(state.graphql.run(&credential, facts, method, graphql));
    let (answer, standing) = ran.await;
    if let Some(standing) = standing {
        limited::tell(request, standing);
        state.seen_tokens.admit(&credential);
    }
    if let Answer::NotEntered(error) = answer {
        return Err(not_entered(request, facts, state, &credential, *error).await);
    }
    let retry_after = standing.and_then(|standing| standing.retry_after);
    let statuses = Statuses {
        media,
        codes: state.config.graphql.status_codes,
    };
    respond(state, answer, statuses, retry_after)
}

/// Pages of the origins that the operator names may call with a token. A cookie is never let through,
/// whoever asks, and without a named origin no page of another site is answered at all.
fn cors(origins: &[Url]) -> Cors {
    let headers = [
        AUTHORIZATION.as_str(),
        ACCEPT.as_str(),
        CONTENT_TYPE.as_str(),
        IDEMPOTENCY_KEY,
        TENANT,
    ];
    let told = [
        "x-request-id",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        REPLAYED,
        DEPRECATION,
        SUNSET,
    ];
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers(headers)
        .expose_headers(told)
        .block_on_origin_mismatch(false)
        .max_age(3_600);
    origins.iter().fold(cors, |cors, origin| {
        cors.allowed_origin(&origin.origin().ascii_serialization())
    })
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(bad_request("send one `Idempotency-Key`, and not several"));
    }
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    key.map(Some).ok_or_else(|| {
        bad_request("`Idempotency-Key` is 1 to 255 visible characters of ASCII, without spaces")
    })
}

async fn get(
    request: HttpRequest,
    state: web::Data<State>,
    info: web::ReqData<RequestInfo>,
) -> Result<HttpResponse, Problem> {
    let media = Media::negotiate(&request).ok_or_else(not_acceptable)?;
    let facts = info.facts(&state);
    let credential = credential(&request, &facts, &state).await?;
    let body = Body::from_query(request.query_string()).map_err(bad_request)?;
    let mut graphql = body
        .into_request(media == Media::EventStream)
        .map_err(bad_request)?;
    graphql.meant_for = meant_for(&request)?;
    run(
        &request,
        &state,
        &facts,
        credential,
        Method::Get,
        graphql,
        media,
    )
    .await
}

/// What decides the status of an answer.
#[derive(Debug, Clone, Copy)]
struct Statuses {
    media: Media,
    codes: StatusCodes,
}

impl Statuses {
    /// Of a request that was refused before it ran. A client that knows `application/json` alone
    /// takes a 400 for a failure of the network, and reads errors from a 200.
    fn of_refusal(self, code: Code) -> StatusCode {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        match (self.media, self.codes, code) {
            (Media::Json, ..) if status == StatusCode::BAD_REQUEST => StatusCode::OK,
            (
                Media::Response,
                StatusCodes::Draft,
                Code::GraphqlValidationFailed | Code::BadUserInput,
            ) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => status,
        }
    }

    fn of_response(self, response: &Response) -> StatusCode {
        match (self.media, self.codes) {
            (Media::Response, StatusCodes::Published) if response.is_request_error() => {
                StatusCode::BAD_REQUEST
            }
            (Media::Response, StatusCodes::Draft) if response.is_request_error() => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            (Media::Response, StatusCodes::Draft) if response.is_partial() => {
                StatusCode::from_u16(PARTIAL_SUCCESS).unwrap_or(StatusCode::OK)
            }
            _ => StatusCode::OK,
        }
    }
}

fn respond(
    state: &web::Data<State>,
    answer: Answer,
    statuses: Statuses,
    retry_after: Option<u32>,
) -> Result<HttpResponse, Problem> {
    let media = statuses.media;
    let (status, response) = match answer {
        Answer::Replayed(body) => {
            let mut http = HttpResponse::Ok();
            http.insert_header((REPLAYED, "true"));
            return Ok(match media {
                Media::EventStream => event_stream::once(&mut http, body),
                Media::Response | Media::Json => http
                    .insert_header((CONTENT_TYPE, media.name()))
                    .insert_header((CACHE_CONTROL, "no-store"))
                    .body(body),
            });
        }
        Answer::NotEntered(error) => return Err((*error).into()),
        Answer::Streams(events) => return Ok(event_stream::follow(state.clone(), *events)),
        Answer::Refused(code, error) => {
            let response = Response::refused(vec![*error]);
            (statuses.of_refusal(code), response)
        }
        Answer::Ran(response) => (statuses.of_response(&response), *response),
    };
    let mut http = HttpResponse::build(status);
    if let Some(deprecation) = response.deprecation {
        http.insert_header((DEPRECATION, deprecation.header()))
            .insert_header((SUNSET, deprecation.sunset_header()));
    }
    if let Some(timing) = &response.timing {
        http.insert_header((SERVER_TIMING, timing.header()));
    }
    http.insert_header((CACHE_CONTROL, "no-store"));
    let soon = matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT
    );
    if let Some(seconds) = retry_after.or(soon.then_some(RETRY_AFTER_SECONDS)) {
        http.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        http.insert_header((ALLOW, "POST"));
    }
    let body = response.into_json();
    Ok(match media {
        // Whoever reads events looks for errors among them.
        Media::EventStream if !is_to_wait(status) => {
            event_stream::once(http.status(StatusCode::OK), body)
        }
        Media::EventStream => http.content_type(Media::Response.name()).body(body),
        Media::Response | Media::Json => http.content_type(media.name()).body(body),
    })
}

/// Whether the caller is to come again later. No stream begins then, and whoever stands between, and knows
/// nothing of events, sees it as well.
fn is_to_wait(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

fn bad_request(detail: &str) -> Problem {
    Problem::new(Code::BadRequest, detail)
}

fn not_acceptable() -> Problem {
    Problem::new(
        Code::NotAcceptable,
        "accept `application/graphql-response+json`, `application/json` or `text/event-stream`",
    )
}
