//! Opening a connection that requests share. `tokio-postgres` secures the transport and signs in, as
//! for every other connection; then the bare stream is taken back from it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Config,
    config::Host,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    super::{
        connect::Address,
        opening::{begin_session, takes_no_writes},
        socket::{self, Transport},
        vigil::Vigil,
    },
    fault::Fault,
};
use crate::error::{Cause, StoreError};

/// Opens connections to one server.
pub(crate) struct Opener {
    config: Config,
    tls: MakeRustlsConnect,
    /// Sent on each connection first.
    session: Option<String>,
    patience: Duration,
    /// How long the connections' answers are waited for.
    pub(super) vigil: Vigil,
}

impl Opener {
    /// An opener that waits for `patience`, and sends `session` first. What is then asked for is given up
    /// as `vigil` says.
    pub(crate) fn new(
        address: &SecretString,
        patience: Duration,
        session: Option<&str>,
        vigil: Vigil,
    ) -> Result<Self, StoreError> {
        let (config, tls) = Address::parse(address)?.connecting()?;
        Ok(Self {
            config,
            tls,
            session: session.map(str::to_owned),
            patience,
            vigil,
        })
    }

    /// A connection on which the session has begun.
    pub(super) async fn open(&self) -> Result<Box<dyn Transport>, StoreError> {
        let Ok(opened) = tokio::time::timeout(self.patience, self.first_that_opens()).await else {
            let what = "the database does not answer";
            return Err(StoreError::Unavailable(Cause::new(what)));
        };
        opened
    }

    /// The hosts are tried in their order.
    async fn first_that_opens(&self) -> Result<Box<dyn Transport>, StoreError> {
        let ports = self.config.get_ports();
        let mut last = StoreError::from(Fault::Lost("the database url has no host".to_owned()));
        for (n, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            match self.open_at(host, port).await {
                Ok(transport) => return Ok(transport),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn open_at(&self, host: &Host, port: u16) -> Result<Box<dyn Transport>, StoreError> {
        let socket = socket::connect(host, port, self.vigil.limit()).await;
        let bare = Kept::new(socket.map_err(|error| Fault::Lost(error.to_string()))?);
        let secured = Kept::default();
        let mut tls = self.tls.clone();
        let Ok(tls) = MakeTlsConnect::<Kept>::make_tls_connect(&mut tls, socket::name(host));
        let tls = Keeping {
            tls,
            secured: secured.clone(),
        };
        let (client, connection) = self.config.connect_raw(bare.clone(), tls).await?;
        let is_read_only = tokio::select! {
            begun = begin_session(&client, self.session.as_deref()) => begun?,
            ended = connection => {
                ended?;
                return Err(Fault::Lost("the database hung up".to_owned()).into());
            }
        };
        if is_read_only {
            return Err(takes_no_writes());
        }
        let transport = secured.take().or_else(|| bare.take());
        transport.ok_or_else(|| StoreError::inconsistent("a connection has no transport"))
    }
}

/// A transport that can be taken back from whoever was given it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<Box<dyn Transport>>>>);

impl Kept {
    fn new(transport: Box<dyn Transport>) -> Self {
        Self(Arc::new(Mutex::new(Some(transport))))
    }

    fn take(&self) -> Option<Box<dyn Transport>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<R>(
        &self,
        poll: impl FnOnce(Pin<&mut Box<dyn Transport>>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_mut() {
            Some(transport) => poll(Pin::new(transport)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Kept {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|transport| transport.poll_read(context, into))
    }
}

impl AsyncWrite for Kept {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|transport| transport.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|transport| transport.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|transport| transport.poll_shutdown(context))
    }
}

/// Secures a transport as `tls` does, and keeps it in `secured`.
struct Keeping<T> {
    tls: T,
    secured: Kept,
}

impl<T> TlsConnect<Kept> for Keeping<T>
where
    T: TlsConnect<Kept, Future: Send + 'static, Stream: Send + 'static> + Send + 'static,
{
    type Stream = Secured;
    type Error = T::Error;
    type Future = BoxFuture<'static, Result<Secured, T::Error>>;

    fn connect(self, stream: Kept) -> Self::Future {
        let Self { tls, secured } = self;
        let connecting = tls.connect(stream);
        Box::pin(async move {
            let stream = connecting.await?;
            // What signing in is bound to (RFC 5929) is said by the stream, before it is kept.
            let binding = stream.channel_binding();
            let stream: Box<dyn Transport> = Box::new(stream);
            *secured.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
            Ok(Secured {
                kept: secured,
                binding: Mutex::new(Some(binding)),
            })
        })
    }
}

/// A secured transport that is kept.
struct Secured {
    kept: Kept,
    /// Asked for once, while signing in.
    binding: Mutex<Option<ChannelBinding>>,
}

impl TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        let mut binding = self.binding.lock().unwrap_or_else(PoisonError::into_inner);
        binding.take().unwrap_or_else(ChannelBinding::none)
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.kept).poll_read(context, into)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.kept).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.kept).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.kept).poll_shutdown(context)
    }
}
