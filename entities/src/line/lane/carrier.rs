//! What a connection that requests share has to send and to bring, and the task that does.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt, io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use super::{
    super::{socket::Transport, vigil::Vigil},
    fault::Fault,
    messages::{self, Incoming, Name, Reply, Unused},
};

/// How much is read at a time.
const READ: usize = 16 * 1024;

/// What travels on a connection.
#[derive(Debug)]
pub(super) struct Traffic {
    state: Mutex<State>,
    /// Locked before the state, where both are. `None` once nothing is carried any more.
    way: Mutex<Option<Way>>,
    unused: Unused,
}

#[derive(Debug)]
struct State {
    /// What is to be sent.
    out: BytesMut,
    /// What is to come, in the order in which it was sent.
    flights: VecDeque<Flight>,
    /// When something came last, or there was nothing to come.
    moved: Instant,
    standing: Standing,
    carrier: Option<Waker>,
    /// How many names were given out.
    names: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// Nothing more is sent, and it closes when all has come.
    Leaving,
    Closed,
}

#[derive(Debug)]
struct Flight {
    incoming: Incoming,
    landed: oneshot::Sender<Result<Reply, Fault>>,
}

impl Traffic {
    /// Of a new connection, which a task of its own carries from now on, and another one watches.
    pub(super) fn new(transport: Box<dyn Transport>, vigil: Vigil) -> Arc<Self> {
        let state = State {
            out: BytesMut::new(),
            flights: VecDeque::new(),
            moved: Instant::now(),
            standing: Standing::Open,
            carrier: None,
            names: 0,
        };
        let way = Way {
            transport,
            writing: BytesMut::new(),
            reading: BytesMut::new(),
            chunk: vec![0; READ].into(),
        };
        let traffic = Arc::new(Self {
            state: Mutex::new(state),
            way: Mutex::new(Some(way)),
            unused: Unused::default(),
        });
        tokio::spawn(Carrier(Arc::clone(&traffic)));
        tokio::spawn(watch(Arc::downgrade(&traffic), vigil));
        traffic
    }

    /// Sends what `say` writes, which ends with a `Sync`, whole and behind what was sent before; and
    /// waits for what comes of it.
    pub(super) async fn send(
        &self,
        incoming: Incoming,
        say: impl FnOnce(&mut BytesMut) -> Result<(), Fault>,
    ) -> Result<Reply, Fault> {
        let (landed, lands) = oneshot::channel();
        let carrier = {
            let mut state = self.lock();
            if state.standing != Standing::Open {
                return Err(closed());
            }
            // Whoever ran one of them has sent that already.
            for name in self.unused() {
                messages::forget(&name, &mut state.out)?;
            }
            let before = state.out.len();
            if let Err(fault) = say(&mut state.out) {
                state.out.truncate(before);
                return Err(fault);
            }
            let is_idle = state.flights.is_empty();
            if is_idle {
                state.moved = Instant::now();
            }
            state.flights.push_back(Flight { incoming, landed });
            match &state.carrier {
                Some(carrier) if !is_idle => {
                    carrier.wake_by_ref();
                    None
                }
                carrier => carrier.clone(),
            }
        };
        // A server that waits begins at once, and not when all others of this thread have had their turn.
        if let Some(carrier) = carrier {
            self.send_now(&carrier);
        }
        lands.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Sends what there is to send, or has it sent by the carrier, who is told as well of what hinders that.
    fn send_now(&self, carrier: &Waker) {
        let sent = match self.way.try_lock() {
            Ok(mut way) => way
                .as_mut()
                .map(|way| way.send(self, &mut Context::from_waker(carrier))),
            Err(_) => None,
        };
        if !matches!(sent, Some(Poll::Ready(Ok(())) | Poll::Pending)) {
            carrier.wake_by_ref();
        }
    }

    /// A name for a statement, which this connection has not given out before.
    pub(super) fn name(&self) -> Name {
        let mut state = self.lock();
        state.names = state.names.wrapping_add(1);
        Name {
            text: format!("s{}", state.names),
            unused: Arc::clone(&self.unused),
        }
    }

    fn unused(&self) -> Vec<String> {
        mem::take(&mut *self.unused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much has not come back.
    pub(super) fn on_the_way(&self) -> usize {
        self.lock().flights.len()
    }

    /// For how long nothing has come, while something is on its way.
    pub(super) fn stands_for(&self) -> Duration {
        let state = self.lock();
        if state.flights.is_empty() {
            Duration::ZERO
        } else {
            state.moved.elapsed()
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().standing == Standing::Open
    }

    /// Closes the connection when what is on its way has come.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if state.standing != Standing::Open {
            return;
        }
        messages::leave(&mut state.out);
        state.standing = Standing::Leaving;
        if let Some(carrier) = &state.carrier {
            carrier.wake_by_ref();
        }
    }

    /// Closes the connection now: what is on its way does not come.
    fn give_up(&self) {
        let carrier = self.lock().carrier.take();
        self.close(&Fault::Lost("the database does not answer".to_owned()));
        if let Some(carrier) = carrier {
            carrier.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more comes.
    fn close(&self, fault: &Fault) {
        let flights = {
            let mut state = self.lock();
            state.standing = Standing::Closed;
            state.carrier = None;
            state.out.clear();
            mem::take(&mut state.flights)
        };
        for flight in flights {
            // Whoever hung up does not wait for it.
            let _ = flight.landed.send(flight.incoming.fail(fault.clone()));
        }
    }
}

async fn watch(traffic: Weak<Traffic>, vigil: Vigil) {
    let is_dead = vigil.watch(|| {
        let traffic = traffic.upgrade()?;
        let is_closed = traffic.lock().standing == Standing::Closed;
        (!is_closed).then(|| traffic.stands_for())
    });
    if is_dead.await
        && let Some(traffic) = traffic.upgrade()
    {
        traffic.give_up();
    }
}

fn closed() -> Fault {
    Fault::Lost("the connection is closed".to_owned())
}

/// The way that it travels on.
struct Way {
    transport: Box<dyn Transport>,
    writing: BytesMut,
    reading: BytesMut,
    chunk: Box<[u8]>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Way")
    }
}

/// Sends and brings, as long as the connection is there.
struct Carrier(Arc<Traffic>);

impl Future for Carrier {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let traffic = &*self.0;
        let mut way = traffic.way.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(way) = &mut *way else {
            return Poll::Ready(());
        };
        // Before anything is looked for: whoever sends from now on wakes this.
        let is_leaving = {
            let mut state = traffic.lock();
            if state.standing == Standing::Closed {
                return Poll::Ready(());
            }
            match &mut state.carrier {
                Some(carrier) => carrier.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            state.standing == Standing::Leaving
        };
        let sent = way.send(traffic, context);
        let brought = way.bring(traffic, context);
        let fault = match (sent, brought) {
            (Poll::Ready(Err(fault)), _) | (_, Poll::Ready(fault)) => fault,
            (Poll::Ready(Ok(())), Poll::Pending) if is_leaving && traffic.on_the_way() == 0 => {
                closed()
            }
            _ => return Poll::Pending,
        };
        traffic.close(&fault);
        Poll::Ready(())
    }
}

impl Way {
    /// Sends all that there is to send.
    fn send(&mut self, traffic: &Traffic, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        loop {
            if self.writing.is_empty() {
                mem::swap(&mut traffic.lock().out, &mut self.writing);
            }
            if self.writing.is_empty() {
                return Pin::new(&mut self.transport)
                    .poll_flush(context)
                    .map_err(|error| lost(&error));
            }
            let written = Pin::new(&mut self.transport).poll_write(context, &self.writing);
            match ready!(written).map_err(|error| lost(&error))? {
                0 => return Poll::Ready(Err(closed())),
                written => self.writing.advance(written),
            }
        }
    }

    /// Brings all that there is to bring. It ends with the connection.
    fn bring(&mut self, traffic: &Traffic, context: &mut Context<'_>) -> Poll<Fault> {
        loop {
            let mut chunk = ReadBuf::new(&mut self.chunk);
            let read = Pin::new(&mut self.transport).poll_read(context, &mut chunk);
            match ready!(read) {
                Ok(()) if chunk.filled().is_empty() => return Poll::Ready(closed()),
                Ok(()) => self.reading.extend_from_slice(chunk.filled()),
                Err(error) => return Poll::Ready(lost(&error)),
            }
            if let Err(fault) = self.hand_out(traffic) {
                return Poll::Ready(fault);
            }
        }
    }

    /// Hands out the messages that are there whole.
    fn hand_out(&mut self, traffic: &Traffic) -> Result<(), Fault> {
        let mut state = traffic.lock();
        while let Some((is_row, length)) = messages::head(&self.reading)? {
            if self.reading.len() < length {
                break;
            }
            let Some(flight) = state.flights.front_mut() else {
                // Nobody asked: a notice, or that the server stops.
                let mut idle = Incoming::answers(std::iter::empty());
                idle.take(&mut self.reading.split_to(length))?;
                continue;
            };
            if is_row {
                let body = self.reading.get(messages::HEAD..length);
                flight.incoming.row(body.unwrap_or_default())?;
                self.reading.advance(length);
                continue;
            }
            let came = flight.incoming.take(&mut self.reading.split_to(length))?;
            if let Some(reply) = came
                && let Some(flight) = state.flights.pop_front()
            {
                state.moved = Instant::now();
                let _ = flight.landed.send(reply);
            }
        }
        Ok(())
    }
}

impl Drop for Carrier {
    /// Where the runtime stops before the connection does.
    fn drop(&mut self) {
        self.0.close(&closed());
        *self.0.way.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn lost(error: &io::Error) -> Fault {
    Fault::Lost(error.to_string())
}
