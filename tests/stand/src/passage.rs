//! A passage to a server, in which connections may be forgotten, as by a firewall or by a host that vanishes:
//! they stay open, and nothing comes through any more.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// Listens on 127.0.0.1 for as long as the process lives.
#[derive(Debug)]
pub struct Passage {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How often connections were forgotten.
    forgotten: AtomicU32,
    /// Those that were, which nobody closes.
    held: Mutex<Vec<TcpStream>>,
}

impl Passage {
    /// Opens one to a port of this machine.
    pub fn open(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // Whoever could not be led on finds the connection closed.
                let _ = lead(&client, to, &all);
            }
        });
        Ok(Self { port, shared })
    }

    /// The port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Forgets the connections that are open. Those that are opened from now on are led through.
    pub fn forget(&self) {
        self.shared.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

fn lead(client: &TcpStream, to: u16, shared: &Arc<Shared>) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", to))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let since = shared.forgotten.load(Ordering::SeqCst);
    for (from, to) in [(client, &server), (&server, client)] {
        let (from, to, shared) = (from.try_clone()?, to.try_clone()?, Arc::clone(shared));
        thread::spawn(move || carry(from, to, since, &shared));
    }
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream, since: u32, shared: &Shared) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes);
        if shared.forgotten.load(Ordering::SeqCst) != since {
            let mut held = shared.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.extend([from, to]);
            return;
        }
        let some = read.ok().filter(|n| *n > 0).and_then(|n| bytes.get(..n));
        let Some(some) = some else {
            // The other side may be gone already.
            let _ = to.shutdown(Shutdown::Write);
            return;
        };
        if to.write_all(some).is_err() {
            return;
        }
    }
}
