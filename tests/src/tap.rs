//! A tap on the line to PostgreSQL: which statements the product sends, and in which round trips.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::database::cluster;

/// What a client asks before it says who it is: for TLS, and for GSSAPI. Neither is spoken here.
const BEFORE_START: [u32; 2] = [80_877_103, 80_877_104];
/// PostgreSQL's code for a statement that took longer than it may.
const CUT_OFF: &[u8] = b"C57014\0";
/// What every connection begins with.
const FIRST: [&str; 2] = ["SET ", "SHOW transaction_read_only"];

/// Stands between the product and PostgreSQL, and changes nothing but what [`Tap::cut`] is told to.
#[derive(Debug)]
pub struct Tap {
    port: u16,
    heard: Arc<Heard>,
}

/// What was sent: the texts of the statements that were run, and `;` as often as an answer was asked for.
/// In no order: which of two that travel together comes first is nobody's.
pub type Sent = Vec<String>;

#[derive(Debug)]
struct Heard {
    connections: Mutex<Vec<Connection>>,
    /// Parts of the texts with which connections end, each once and in this order.
    cuts: Mutex<VecDeque<&'static str>>,
    /// Told of whatever comes.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Connection {
    /// What is prepared, by its name.
    prepared: HashMap<Vec<u8>, String>,
    sent: Vec<String>,
    /// Answers that are on their way.
    owed: usize,
    in_transaction: bool,
    was_cut_off: bool,
}

impl Tap {
    /// Listens.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("no port to listen on: {error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let heard = Arc::new(Heard {
            connections: Mutex::default(),
            cuts: Mutex::default(),
            changed: watch::channel(()).0,
        });
        let all = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&all)));
            }
        });
        Self { port, heard }
    }

    /// A product's configuration, with its database behind this.
    pub fn configuration(&self, toml: &str) -> String {
        let (direct, tapped) = (cluster().port(), self.port);
        toml.replace(
            &format!("@127.0.0.1:{direct}/"),
            &format!("@127.0.0.1:{tapped}/"),
        )
    }

    /// Ends connections: the next one on which a statement with the first of these texts comes, which does not
    /// arrive, then one on which the second comes, and so on.
    pub fn cut(&self, texts: &[&'static str]) {
        *self.heard.cuts() = texts.iter().copied().collect();
    }

    /// How many of those are yet to come.
    pub fn to_be_cut(&self) -> usize {
        self.heard.cuts().len()
    }

    /// What was sent since this was asked, once every transaction is over and every answer has come.
    /// `None` where the machine was so busy that PostgreSQL cut a statement off, which the product sends
    /// again: that tells of the machine.
    pub async fn sent(&self) -> Option<Sent> {
        let mut changed = self.heard.changed.subscribe();
        let quiet = changed.wait_for(|()| self.heard.is_quiet());
        let quiet = tokio::time::timeout(Duration::from_secs(30), quiet).await;
        assert!(quiet.is_ok(), "a transaction does not end: {self:?}");
        let mut connections = self.heard.lock();
        let (mut sent, mut cut_off) = (Sent::new(), false);
        for connection in connections.iter_mut() {
            sent.append(&mut connection.sent);
            cut_off |= std::mem::take(&mut connection.was_cut_off);
        }
        drop(connections);
        sent.sort();
        (!cut_off).then_some(sent)
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_quiet(&self) -> bool {
        let connections = self.lock();
        let mut open = connections.iter();
        open.all(|connection| connection.owed == 0 && !connection.in_transaction)
    }

    fn cuts(&self) -> MutexGuard<'_, VecDeque<&'static str>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection ends here on which that text came.
    fn is_cut(&self, text: &str) -> bool {
        let mut cuts = self.cuts();
        let is_cut = cuts.front().is_some_and(|cut| text.contains(cut));
        if is_cut {
            cuts.pop_front();
        }
        is_cut
    }

    fn note<T>(&self, number: usize, note: impl FnOnce(&mut Connection) -> T) -> T {
        let noted = note(&mut self.lock()[number]);
        self.changed.send_replace(());
        noted
    }
}

impl Connection {
    /// The text that came.
    fn asked(&mut self, kind: u8, body: &[u8]) -> String {
        let mut words = body.split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default();
        match kind {
            b'P' => {
                let name = word().to_vec();
                let text = String::from_utf8_lossy(word()).into_owned();
                self.prepared.insert(name, text.clone());
                return text;
            }
            b'B' => {
                let (_, name) = (word(), word());
                let text = self.prepared.get(name).cloned();
                let text = text.unwrap_or_default();
                self.sent.push(text.clone());
                return text;
            }
            b'Q' => {
                let text = String::from_utf8_lossy(word()).into_owned();
                // What a connection begins with is not the request's that it was opened for.
                if !FIRST.iter().any(|first| text.starts_with(first)) {
                    self.sent.extend([text.clone(), ";".to_owned()]);
                }
                self.owed += 1;
                return text;
            }
            b'S' => {
                // Nothing was run where something was only prepared.
                if self.sent.last().is_some_and(|last| last != ";") {
                    self.sent.push(";".to_owned());
                }
                self.owed += 1;
            }
            _ => {}
        }
        String::new()
    }

    fn answered(&mut self, kind: u8, body: &[u8]) {
        match kind {
            b'Z' => {
                self.owed -= 1;
                self.in_transaction = body != b"I";
            }
            b'E' => {
                let cut_off = body.windows(CUT_OFF.len()).any(|part| part == CUT_OFF);
                self.was_cut_off |= cut_off;
            }
            _ => {}
        }
    }

    /// Nothing more comes of it.
    fn ended(&mut self) {
        self.owed = 0;
        self.in_transaction = false;
    }
}

async fn carry(client: TcpStream, heard: Arc<Heard>) -> Option<()> {
    let server = TcpStream::connect(("127.0.0.1", cluster().port()));
    let server = server.await.ok()?;
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let start = loop {
        let start = part(&mut from_client, 4).await?;
        let code = start.get(4..8)?.first_chunk()?;
        if !BEFORE_START.contains(&u32::from_be_bytes(*code)) {
            break start;
        }
        to_client.write_all(b"N").await.ok()?;
    };
    let number = {
        let mut connections = heard.lock();
        connections.push(Connection {
            owed: 1,
            ..Connection::default()
        });
        connections.len() - 1
    };
    to_server.write_all(&start).await.ok()?;
    let there = messages(from_client, to_server, |kind, body| {
        let text = heard.note(number, |connection| connection.asked(kind, body));
        !heard.is_cut(&text)
    });
    let back = messages(from_server, to_client, |kind, body| {
        heard.note(number, |connection| connection.answered(kind, body));
        true
    });
    futures::future::select(std::pin::pin!(there), std::pin::pin!(back)).await;
    heard.note(number, Connection::ended);
    Some(())
}

/// Hands messages on, each after it was noted: whoever is answered finds it noted. Where `note` says so, the
/// connection ends before.
async fn messages(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    note: impl Fn(u8, &[u8]) -> bool,
) -> Option<()> {
    loop {
        let mut kind = [0];
        from.read_exact(&mut kind).await.ok()?;
        let message = part(&mut from, 4).await?;
        if !note(kind[0], message.get(4..)?) {
            return None;
        }
        to.write_all(&[&kind[..], &message].concat()).await.ok()?;
    }
}

/// What begins with its length, which counts itself.
async fn part(from: &mut OwnedReadHalf, least: usize) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await.ok()?;
    let whole = usize::try_from(u32::from_be_bytes(length)).ok()?;
    let mut message = vec![0; whole.max(least)];
    message.get_mut(..4)?.copy_from_slice(&length);
    from.read_exact(message.get_mut(4..)?).await.ok()?;
    Some(message)
}
