//! The load, in a process of its own: connections that each send the next request when the answer
//! to the last one was read to its end.

mod wire;

use std::{
    borrow::Cow,
    io::Read,
    process::{Command, Stdio},
    rc::Rc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::LocalSet;

use self::wire::Wire;
use crate::{cpu, queries::NUMBER};

/// A request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Exchange {
    pub(crate) path: String,
    pub(crate) header: String,
    pub(crate) value: String,
    /// A header whose value is new for each request.
    pub(crate) numbered: Option<String>,
    pub(crate) body: String,
}

/// What is to be driven.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) port: u16,
    pub(crate) connections: usize,
    pub(crate) millis: u64,
    /// What numbers in bodies count from.
    pub(crate) from: usize,
    pub(crate) exchanges: Vec<Exchange>,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Driven {
    /// Answers that were good.
    pub(crate) done: u64,
    /// Answers that were none, or not what was asked for.
    pub(crate) failed: u64,
    /// The first bad answer.
    pub(crate) fault: Option<String>,
    pub(crate) micros: u64,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
    /// Processor time that the driver itself used.
    pub(crate) own_micros: Option<u64>,
}

/// Has another process drive it.
pub(crate) fn drive(load: &Load) -> anyhow::Result<Driven> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("drive")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let input = child.stdin.take().context("the driver has no input")?;
    serde_json::to_writer(input, load)?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the driver failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The driver's own process.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let load: Load = serde_json::from_str(&input)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let driven = runtime.block_on(LocalSet::new().run_until(all(Rc::new(load))))?;
    serde_json::to_writer(std::io::stdout(), &driven)?;
    Ok(())
}

async fn all(load: Rc<Load>) -> anyhow::Result<Driven> {
    let next = Rc::new(AtomicUsize::new(load.from));
    let started = Instant::now();
    let until = started + Duration::from_millis(load.millis);
    let tasks = (0..load.connections).map(|_| {
        let (load, next) = (Rc::clone(&load), Rc::clone(&next));
        tokio::task::spawn_local(async move { connection(&load, &next, until).await })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut times = Vec::new();
    let mut driven = Driven::default();
    for task in tasks {
        let (own, fault) = task.await?;
        times.extend(own);
        if fault.is_some() {
            driven.failed = driven.failed.saturating_add(1);
            driven.fault = driven.fault.or(fault);
        }
    }
    times.sort_unstable();
    let place = |percent: usize| {
        let at = times.len().saturating_mul(percent) / 100;
        times.get(at).copied().unwrap_or_default()
    };
    driven.done = u64::try_from(times.len())?;
    driven.micros = u64::try_from(started.elapsed().as_micros())?;
    driven.p50_micros = place(50);
    driven.p99_micros = place(99);
    driven.own_micros = cpu::micros(std::process::id());
    Ok(driven)
}

/// Sends until the time is over, and stops at the first fault.
async fn connection(load: &Load, next: &AtomicUsize, until: Instant) -> (Vec<u64>, Option<String>) {
    let mut times = Vec::new();
    let fault = exchange(load, next, until, &mut times).await.err();
    (times, fault.map(|error| format!("{error:#}")))
}

async fn exchange(
    load: &Load,
    next: &AtomicUsize,
    until: Instant,
    times: &mut Vec<u64>,
) -> anyhow::Result<()> {
    let mut wire = Wire::connect(load.port).await?;
    let mut request = Vec::new();
    while Instant::now() < until {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let turn = n.checked_rem(load.exchanges.len()).unwrap_or_default();
        let exchange = load.exchanges.get(turn).context("nothing to send")?;
        request.clear();
        exchange.say(n, &mut request);
        let sent = Instant::now();
        let answer = wire.ask(&request).await?;
        let good = (200..300).contains(&answer.status) && !contains(answer.body, b"\"errors\":[{");
        ensure!(
            good,
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(answer.body.get(..300).unwrap_or(answer.body))
        );
        times.push(u64::try_from(sent.elapsed().as_micros())?);
    }
    Ok(())
}

impl Exchange {
    /// Writes the request that is the `n`th of all.
    fn say(&self, n: usize, out: &mut Vec<u8>) {
        let numbered = self.body.contains(NUMBER).then(|| format!("{n:08}"));
        let body = match &numbered {
            Some(number) => Cow::Owned(self.body.replace(NUMBER, number)),
            None => Cow::Borrowed(&self.body),
        };
        let Self {
            path,
            header,
            value,
            ..
        } = self;
        out.extend_from_slice(
            format!(
                "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
                 accept: application/json\r\n{header}: {value}\r\n"
            )
            .as_bytes(),
        );
        if let Some(name) = &self.numbered {
            out.extend_from_slice(format!("{name}: bench-{n}\r\n").as_bytes());
        }
        out.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
}

/// Errors stand at either end of an answer.
fn contains(body: &[u8], needle: &[u8]) -> bool {
    let head = body.get(..64).unwrap_or(body);
    let tail = body.get(body.len().saturating_sub(400)..).unwrap_or(body);
    let within = |part: &[u8]| part.windows(needle.len()).any(|window| window == needle);
    within(head) || within(tail)
}
