//! Answers as server-sent events, in the form of `graphql-sse` (distinct connections mode): an event
//! `next` for each answer, and `complete` after the last.

use std::convert::Infallible;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    rt,
    web::{self, Bytes},
};
use futures::stream;
use tokio::sync::{mpsc, oneshot};

use super::{
    graphql::{DEPRECATION, SUNSET},
    meant_for::TENANT,
    media::Media,
};
use crate::{
    graphql::{EventStream, Frame},
    server::State,
};

/// Tells proxies of nginx's kind to hold nothing back.
const ACCEL_BUFFERING: &str = "x-accel-buffering";

/// Sends what a subscription tells, for as long as somebody reads.
pub fn follow(state: web::Data<State>, events: EventStream) -> HttpResponse {
    let tenant = events.tenant().to_string();
    let deprecation = events.deprecation();
    let (asks, asked) = mpsc::channel(1);
    rt::spawn(async move { events.run(&state.graphql, asked).await });
    let frames = stream::unfold(asks, |asks| async move {
        let (ask, frame) = oneshot::channel();
        asks.send(ask).await.ok()?;
        let frame = frame.await.ok()?;
        Some((Ok::<_, Infallible>(bytes(&frame)), asks))
    });
    let mut http = HttpResponse::Ok();
    if let Some(deprecation) = deprecation {
        http.insert_header((DEPRECATION, deprecation.header()))
            .insert_header((SUNSET, deprecation.sunset_header()));
    }
    head(http.insert_header((TENANT, tenant))).streaming(frames)
}

/// Sends one answer, and that there will be no more.
pub fn once(http: &mut HttpResponseBuilder, answer: Vec<u8>) -> HttpResponse {
    let both = [Frame::Next(answer), Frame::Complete].map(|frame| bytes(&frame));
    head(http).body(both.concat())
}

fn head(http: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    http.insert_header((CONTENT_TYPE, Media::EventStream.name()))
        .insert_header((CACHE_CONTROL, "no-store"))
        // Compressed, events would wait for one another.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header((ACCEL_BUFFERING, "no"))
}

/// A frame as it is written. JSON has no line breaks, so that one line of data holds it.
fn bytes(frame: &Frame) -> Bytes {
    match frame {
        Frame::Next(answer) => [b"event: next\ndata: ", answer.as_slice(), b"\n\n"]
            .concat()
            .into(),
        Frame::Silence => Bytes::from_static(b":\n\n"),
        Frame::Complete => Bytes::from_static(b"event: complete\ndata:\n\n"),
    }
}
