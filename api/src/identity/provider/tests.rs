//! What a provider may answer, and what is not taken from it.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// A provider that answers each path by `answer(base, path)`: a status line and a body. Returns
/// its address.
pub(in crate::identity) async fn serve<F>(answer: F) -> String
where
    F: Fn(&str, &str) -> (&'static str, String) + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let own = base.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&request);
            let path = text.split(' ').nth(1).unwrap_or_default();
            let (status, body) = answer(&own, path);
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n");
            // Whoever has heard enough hangs up.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body.as_bytes()).await;
        }
    });
    base
}

/// A discovery document of the provider at `base`.
pub(in crate::identity) fn document(base: &str) -> Value {
    json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    })
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

/// Discovers a provider whose document has these `changes`; what went wrong.
async fn discovered(changes: Value) -> Result<(), String> {
    let base = serve(move |base, _| {
        let mut document = document(base);
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        ("200 OK", document.to_string())
    })
    .await;
    let provider = Provider::new(base).unwrap();
    let found = provider.discovery(at()).await;
    found.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_provider_is_who_it_says_and_is_reached_safely() {
    assert_eq!(discovered(json!({})).await, Ok(()));
    assert_eq!(
        discovered(json!({ "token_endpoint": "https://issuer.example/token" })).await,
        Ok(())
    );
    for (changes, reason) in [
        (
            json!({ "issuer": "https://evil.example" }),
            "its issuer is `https://evil.example`",
        ),
        (
            json!({ "token_endpoint": "http://issuer.example/token" }),
            "is plain HTTP",
        ),
        (
            json!({ "jwks_uri": "http://issuer.example/keys" }),
            "is plain HTTP",
        ),
        (
            json!({ "end_session_endpoint": "http://issuer.example/end" }),
            "is plain HTTP",
        ),
        (json!({ "jwks_uri": "not an address" }), "relative URL"),
    ] {
        let refused = discovered(changes.clone()).await.unwrap_err();
        assert!(refused.contains(reason), "{changes}: {refused}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_endless_answer_not_heard_out() {
    let elsewhere = serve(|base, _| ("200 OK", document(base).to_string())).await;
    let redirect: &'static str =
        Box::leak(format!("302 Found\r\nlocation: {elsewhere}").into_boxed_str());
    for (status, body, reason) in [
        (redirect, String::new(), "says 302"),
        (
            "200 OK",
            " ".repeat(ANSWER_BYTES_MAX + 1),
            "larger than 262144 bytes",
        ),
        ("500 Internal Server Error", String::new(), "says 500"),
    ] {
        let base = serve(move |_, _| (status, body.clone())).await;
        let provider = Provider::new(base).unwrap();
        let refused = provider.discovery(at()).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{status}: {refused}");
    }
}
