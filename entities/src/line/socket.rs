//! The way to the server, for lines and lanes.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_postgres::config::Host;

/// After how long of silence the system asks whether the host is there, how often, and how many times.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(10), Duration::from_secs(5), 3);

/// Bytes to and from a server.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Connects. The system closes the connection where nobody takes what is sent for `patience`.
pub(super) async fn connect(
    host: &Host,
    port: u16,
    patience: Duration,
) -> io::Result<Box<dyn Transport>> {
    match host {
        Host::Tcp(name) => tcp(name, port, patience).await,
        Host::Unix(folder) => unix(folder, port).await,
    }
}

/// Whom the certificate must name.
pub(super) fn name(host: &Host) -> &str {
    match host {
        Host::Tcp(name) => name,
        Host::Unix(_) => "",
    }
}

async fn tcp(name: &str, port: u16, patience: Duration) -> io::Result<Box<dyn Transport>> {
    let stream = TcpStream::connect((name, port)).await?;
    stream.set_nodelay(true)?;
    let (idle, interval, retries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle);
    let keepalive = keepalive.with_interval(interval).with_retries(retries);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(patience))?;
    Ok(Box::new(stream))
}

async fn unix(folder: &Path, port: u16) -> io::Result<Box<dyn Transport>> {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    Ok(Box::new(UnixStream::connect(path).await?))
}

/// A transport that never came about: whoever uses it is told why.
pub(super) struct Unreached(pub(super) Option<io::Error>);

impl Unreached {
    fn why(&mut self) -> io::Error {
        let why = self.0.take();
        why.unwrap_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Unreached {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.why()))
    }
}

impl AsyncWrite for Unreached {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(self.why()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// 0 where nothing is waited for, or else one more than how often was looked since something was sent and
/// nothing came. Where several things were sent and one came, no more is waited for, as far as can be felt.
#[derive(Debug, Default)]
pub(super) struct Pulse(AtomicU32);

impl Pulse {
    /// Looks. How many whole spaces of time between looks nothing has come that was asked for.
    pub(super) fn look(&self) -> u32 {
        let before = self.0.load(Ordering::Relaxed);
        if before > 0 {
            let (next, order) = (before.saturating_add(1), Ordering::Relaxed);
            // Where it differs something has come, or was sent, in this moment.
            let _ = self.0.compare_exchange(before, next, order, order);
        }
        before.saturating_sub(1)
    }

    fn sent(&self) {
        if self.0.load(Ordering::Relaxed) == 0 {
            self.0.store(1, Ordering::Relaxed);
        }
    }

    fn came(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A transport whose pulse is taken.
pub(super) struct Felt {
    pub(super) transport: Box<dyn Transport>,
    pub(super) pulse: Arc<Pulse>,
}

impl AsyncRead for Felt {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.transport).poll_read(context, into);
        if read.is_ready() {
            self.pulse.came();
        }
        read
    }
}

impl AsyncWrite for Felt {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pulse.sent();
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}
