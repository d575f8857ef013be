//! Callers that go on whatever they are answered, and remember what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_domain::access::Scope;
use countersign_tests::{Browser, Reply, Token};
use serde_json::json;

pub(super) const CREATE: &str = "mutation($name: String!) { createCategory(input: { name: $name }) \
     { category { id } userErrors { code } } }";
const READ: &str = "{ categories(first: 1) { nodes { name } } }";

/// How long a key that is in use is asked for again: a killed server's transaction ends when PostgreSQL
/// notices, and the answer to one that was committed counts as on its way for a minute.
const IN_USE: Duration = Duration::from_secs(1);
/// Nobody waits longer for an end.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a caller was told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The ids of requests that were answered, and the events of theirs.
    pub(super) requests: Vec<(String, &'static str)>,
    /// What was made, by its name, which is its idempotency key.
    pub(super) made: Vec<String>,
    /// What may have been made: its key is in use.
    pub(super) pending: Vec<String>,
    /// Attempts without an answer, or with a fault.
    pub(super) faults: usize,
}

/// Tells callers when to stop, and is told of faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Going {
    over: Arc<AtomicBool>,
    pub(super) faults: Arc<AtomicUsize>,
    pub(super) answers: Arc<AtomicUsize>,
}

impl Going {
    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Waits until one of its counts has grown by that much.
    pub(super) async fn until(count: &AtomicUsize, more: usize) {
        let wanted = count.load(Ordering::Acquire) + more;
        let deadline = Instant::now() + PATIENCE;
        while count.load(Ordering::Acquire) < wanted {
            assert!(Instant::now() < deadline, "nothing comes of it");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A token that may do what callers do.
pub(super) async fn token(owner: &Browser) -> Token {
    owner
        .token(&[Scope::BasicRead, Scope::CategoriesCreate])
        .await
}

/// Reads and makes in turn until told to stop.
pub(super) async fn call_on(token: Token, n: usize, going: Going) -> Heard {
    let mut heard = Heard::default();
    for turn in n.. {
        if going.over.load(Ordering::Acquire) {
            break;
        }
        if turn % 2 == 0 {
            let reply = token.attempt(READ, json!({}), None).await;
            match reply {
                Some(reply) if reply.data()["categories"]["nodes"].is_array() => {
                    heard.answered(&reply, "books.read", &going);
                }
                other => heard.missed(other, &going).await,
            }
        } else {
            make(&token, format!("{n}-{turn}"), &mut heard, &going).await;
        }
    }
    heard
}

/// Makes a category, under the same key however often that takes.
async fn make(token: &Token, name: String, heard: &mut Heard, going: &Going) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "`{name}` is never made");
        let reply = token.attempt(CREATE, json!({ "name": name }), Some(&name));
        let reply = reply.await;
        if let Some(reply) = &reply {
            if reply.data()["createCategory"]["category"]["id"].is_string() {
                if !reply.headers.contains_key("idempotency-replayed") {
                    heard.answered(reply, "category.created", going);
                }
                return heard.made.push(name);
            }
            match reply.error_code() {
                Some("IDEMPOTENCY_RESULT_GONE") => return heard.made.push(name),
                Some("IDEMPOTENCY_KEY_IN_USE") if began.elapsed() > IN_USE => {
                    return heard.pending.push(name);
                }
                Some("IDEMPOTENCY_KEY_IN_USE") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                _ => {}
            }
        }
        heard.missed(reply, going).await;
    }
}

impl Heard {
    fn answered(&mut self, reply: &Reply, event: &'static str, going: &Going) {
        let id = reply.headers["x-request-id"].to_str().unwrap().to_owned();
        self.requests.push((id, event));
        going.answers.fetch_add(1, Ordering::AcqRel);
    }

    /// Whoever is answered at all is told to come again, and nothing of what is inside.
    async fn missed(&mut self, reply: Option<Reply>, going: &Going) {
        if let Some(reply) = reply.filter(|reply| !reply.body.is_null()) {
            let told = reply.body.to_string().to_lowercase();
            assert_eq!(reply.error_code(), Some("SERVICE_UNAVAILABLE"), "{told}");
            for root in ["createCategory", "categories"] {
                assert!(reply.data()[root].is_null(), "{told}");
            }
            for inside in ["postgres", "sqlx", "connection", "disk", "could not"] {
                assert!(!told.contains(inside), "`{inside}` is nobody's: {told}");
            }
        }
        self.faults += 1;
        going.faults.fetch_add(1, Ordering::AcqRel);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
