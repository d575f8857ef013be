//! What the product sends to Sentry and to a collector of traces, of all tests of the process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    thread,
};

use countersign::{
    config::{Sentry, Traces},
    telemetry::Exports,
};
use tokio::runtime::Runtime;

/// What one of them was sent.
#[derive(Debug, Clone, Default)]
struct Inbox(Arc<Mutex<Vec<u8>>>);

impl Inbox {
    /// A stand-in that takes whatever is posted to it, and the address that it listens on.
    fn open() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0")
            .unwrap_or_else(|error| panic!("no port to listen on: {error}"));
        let address = listener.local_addr().map(|address| address.to_string());
        let inbox = Self::default();
        let shared = inbox.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inbox = shared.clone();
                thread::spawn(move || inbox.take_all(stream));
            }
        });
        (inbox, address.unwrap_or_default())
    }

    /// Takes the requests of one connection, with their heads.
    fn take_all(&self, stream: TcpStream) -> Option<()> {
        let mut answers = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut length = 0;
            let mut request = Vec::new();
            loop {
                let start = request.len();
                if reader.read_until(b'\n', &mut request).ok()? == 0 {
                    return None;
                }
                let line = String::from_utf8_lossy(&request[start..]).to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().ok()?;
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            request.extend(body);
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(request);
            drop(kept);
            answers
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .ok()?;
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

struct Captured {
    /// Outlives the runtimes of the tests.
    _runtime: Runtime,
    exports: Exports,
    reports: Inbox,
    traces: Inbox,
}

static CAPTURED: LazyLock<Captured> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"));
    let (reports, sentry) = Inbox::open();
    let (traces, collector) = Inbox::open();
    let sentry = Sentry {
        dsn: Some(format!("http://key@{sentry}/1").into()),
        environment: "test".to_owned(),
    };
    let settings = Traces {
        endpoint: format!("http://{collector}").parse().ok(),
        percent: 100,
    };
    let entered = runtime.enter();
    let exports = Exports::new(&sentry, &settings)
        .unwrap_or_else(|error| panic!("nothing is exported: {error}"));
    drop(entered);
    Captured {
        _runtime: runtime,
        exports,
        reports,
        traces,
    }
});

/// What leaves beside the log.
pub(crate) fn capture() -> &'static Exports {
    &CAPTURED.exports
}

/// What Sentry was sent so far.
pub fn reports() -> String {
    CAPTURED.reports.text()
}

/// What the collector was sent so far: OTLP, in which texts stand as they are.
pub async fn traces() -> String {
    let exports = CAPTURED.exports.clone();
    let flushed = tokio::task::spawn_blocking(move || exports.flush()).await;
    assert!(flushed.is_ok(), "what waits was not sent");
    CAPTURED.traces.text()
}
