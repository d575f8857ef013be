//! How bodies are read: within a time, up to a length, as one JSON object.

use std::{fmt, future::Future, marker::PhantomData, time::Duration};

use actix_web::{
    Error, FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH},
    web::Bytes,
};
use futures::{Stream, StreamExt, future::LocalBoxFuture};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::error::Category;
use tokio::time::timeout;

use super::problem::Problem;
use crate::code::Code;

/// How long a caller may take for a small body.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much more comes in a second at least, by a slow line.
const BYTES_PER_SECOND: u64 = 64 * 1024;

/// Reads a body of at most so many bytes. One that says by itself that it is longer is not begun.
pub async fn read<S>(
    request: &HttpRequest,
    payload: S,
    bytes_max: usize,
) -> Result<Vec<u8>, Problem>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    if !is_plain(request) {
        let detail = "send the body as it is: no `Content-Encoding` is read here";
        let problem = Problem::new(Code::UnsupportedMediaType, detail);
        return Err(problem.with(ACCEPT_ENCODING, "identity"));
    }
    let told = request.headers().get(CONTENT_LENGTH);
    let told = told.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    if told.is_some_and(|told| told > most) {
        return Err(too_large(bytes_max));
    }
    within(patience(told.unwrap_or(most)), collect(payload, bytes_max)).await
}

/// How long so many bytes may take.
const fn patience(bytes: u64) -> Duration {
    PATIENCE.saturating_add(Duration::from_secs(bytes / BYTES_PER_SECOND))
}

/// Whether the body stands as it is (RFC 9110, section 8.4).
fn is_plain(request: &HttpRequest) -> bool {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    codings.all(|value| {
        let mut names = value.as_bytes().split(|byte| *byte == b',');
        names.all(|name| {
            let name = name.trim_ascii();
            name.is_empty() || name.eq_ignore_ascii_case(b"identity")
        })
    })
}

async fn collect<S>(mut payload: S, bytes_max: usize) -> Result<Vec<u8>, Problem>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let ended = |_| Problem::new(Code::BadRequest, "the body ended before its time");
        let chunk = chunk.map_err(ended)?;
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A caller who sends a byte now and then would keep what waits for the rest.
async fn within<T, E: From<Problem>>(
    patience: Duration,
    reading: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(patience, reading).await.unwrap_or_else(|_| {
        let detail = "the body did not come to its end in time";
        Err(Problem::new(Code::RequestTimeout, detail).into())
    })
}

/// A body has more bytes than are read.
pub(super) fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body has more than {bytes_max} bytes");
    Problem::new(Code::PayloadTooLarge, &detail)
}

/// What is taken from a body, and must have come within the time.
#[derive(Debug)]
pub struct InTime<T>(pub T);

impl<T: FromRequest + 'static> FromRequest for InTime<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = T::from_request(request, payload);
        Box::pin(within(PATIENCE, async {
            reading.await.map(Self).map_err(Into::into)
        }))
    }
}

/// What stands as a JSON object. What serde derives takes an array for one, with the members in the
/// order in which they happen to be declared.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// What is wrong with JSON, and where: neither a word of the caller's, nor one of ours.
pub(super) fn fault(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "is not the object that is wanted here",
        Category::Eof => "ends before its JSON does",
        Category::Syntax | Category::Io => "is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    format!("the body {what} (line {line}, column {column})")
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[test]
    fn a_long_body_has_the_time_that_a_slow_line_takes() {
        assert_eq!(patience(0), Duration::from_secs(30));
        assert_eq!(patience(12 * 1024 * 1024), Duration::from_secs(222));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let started = stream::once(async { Ok(Bytes::from_static(b"{")) });
        let payload = Box::pin(started.chain(stream::pending()));
        let read = within(Duration::from_millis(10), collect(payload, 100)).await;
        let problem = read.unwrap_err().to_string();
        assert!(problem.starts_with("REQUEST_TIMEOUT"), "{problem}");
    }
}
