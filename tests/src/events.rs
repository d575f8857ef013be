//! Reading server-sent events, as a program that listens does.

use std::time::Duration;

use serde_json::Value;

/// How long a test waits for an event.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a stream sends, and when it ends.
#[derive(Debug)]
pub struct Events {
    response: reqwest::Response,
    read: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An answer.
    Next(Value),
    /// There will be no more.
    Complete,
}

impl Events {
    /// Reads the events of an answer.
    pub const fn of(response: reqwest::Response) -> Self {
        Self {
            response,
            read: String::new(),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Waits until the server has said that it listens.
    pub async fn opened(&mut self) {
        assert_eq!(self.status(), 200);
        let first = self.part().await;
        assert_eq!(first.as_deref(), Some(":"));
    }

    /// The next event; `None` where the connection was closed.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let part = self.part().await?;
            let mut lines = part.lines();
            match lines.next() {
                Some("event: next") => {
                    let data = lines.next().and_then(|line| line.strip_prefix("data: "));
                    let json = data.and_then(|data| serde_json::from_str(data).ok());
                    return Some(Event::Next(json.unwrap_or_else(|| panic!("{part}"))));
                }
                Some("event: complete") => return Some(Event::Complete),
                // Only to say that the stream is there.
                Some(":") => {}
                _ => panic!("not an event: {part}"),
            }
        }
    }

    /// The next event, which is an answer.
    pub async fn answer(&mut self) -> Value {
        match self.next().await {
            Some(Event::Next(answer)) => answer,
            other => panic!("no answer but {other:?}"),
        }
    }

    async fn part(&mut self) -> Option<String> {
        loop {
            if let Some((part, rest)) = self.read.split_once("\n\n") {
                let (part, rest) = (part.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(part);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("nothing is sent"));
            let chunk = chunk.unwrap_or_else(|error| panic!("the stream broke: {error}"))?;
            self.read.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}
