use sentry::protocol::{Breadcrumb, Exception, Request, User};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tracing_subscriber::{Registry, layer::SubscriberExt};

use super::*;

const CANARY: &str = "canarybird";

/// A stand-in of Sentry: hands on the bodies of what is sent to it.
async fn sentry() -> (SecretString, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dsn = format!("http://key@{}/1", listener.local_addr().unwrap());
    let (got, envelopes) = mpsc::channel(10);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = Vec::new();
            let mut buffer = [0; 4_096];
            // One small request after the other: head and body come together or in two.
            while !String::from_utf8_lossy(&text).contains("\"event_id\"") {
                let n = stream.read(&mut buffer).await.unwrap();
                text.extend_from_slice(&buffer[..n]);
            }
            let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
            stream.write_all(answer.as_bytes()).await.unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            got.send(text).await.unwrap();
        }
    });
    (dsn.into(), envelopes)
}

#[tokio::test]
async fn a_report_says_what_failed_and_in_which_request_and_no_more() {
    let (dsn, mut envelopes) = sentry().await;
    let reports = Reports::new(&dsn, "test").unwrap();
    let subscriber = Registry::default().with(reports);
    tracing::subscriber::with_default(subscriber, || {
        let _span =
            tracing::info_span!("request", request_id = "req_1", merchant = CANARY).entered();
        tracing::warn!("not an error");
        tracing::error!(error = CANARY, amount = CANARY, "a store failed");
    });
    let envelope = envelopes.recv().await.unwrap();
    for part in [
        "a store failed",
        "req_1",
        "\"environment\":\"test\"",
        "/api/1/envelope/",
    ] {
        assert!(envelope.contains(part), "`{part}` in {envelope}");
    }
    assert!(!envelope.contains(CANARY), "{envelope}");
    assert!(!envelope.contains("not an error"), "{envelope}");
}

#[tokio::test]
async fn what_a_library_puts_into_an_event_is_left_behind() {
    let (dsn, mut envelopes) = sentry().await;
    let reports = Reports::new(&dsn, "test").unwrap();
    let canary = || Some(CANARY.to_owned());
    let mut event = Event {
        message: Some("kept".to_owned()),
        server_name: Some(CANARY.into()),
        transaction: canary(),
        culprit: canary(),
        user: Some(User {
            email: canary(),
            ip_address: Some("192.0.2.77".parse().unwrap()),
            ..User::default()
        }),
        request: Some(Request {
            data: canary(),
            cookies: canary(),
            headers: [("authorization".to_owned(), CANARY.to_owned())].into(),
            query_string: canary(),
            ..Request::default()
        }),
        breadcrumbs: vec![Breadcrumb {
            message: canary(),
            ..Breadcrumb::default()
        }]
        .into(),
        exception: vec![Exception {
            ty: CANARY.to_owned(),
            value: canary(),
            ..Exception::default()
        }]
        .into(),
        ..Event::default()
    };
    event.extra.insert("body".to_owned(), CANARY.into());
    event.tags.insert("email".to_owned(), CANARY.to_owned());
    event
        .tags
        .insert("request_id".to_owned(), "req_2".to_owned());
    reports.send(event);
    let envelope = envelopes.recv().await.unwrap();
    assert!(
        envelope.contains("kept") && envelope.contains("req_2"),
        "{envelope}"
    );
    assert!(
        !envelope.contains(CANARY) && !envelope.contains("192.0.2.77"),
        "{envelope}"
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let refused = Reports::new(&"https://nowhere".into(), "test");
    assert!(matches!(refused, Err(ReportsError::Dsn)));
}
