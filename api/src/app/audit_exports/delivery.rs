//! An export on its way to whoever reads it.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use countersign_policies::Engine;
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use super::{Export, ExportError};

/// The most bytes of one step: reading on is seen at each.
const STEP: usize = 32 << 10;
/// After how long the rest of what was written is given on only to who may still have it.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Gives an export out step by step, and ends it where nobody takes the next one: what asks for the next
/// step asks no more once a reader has stopped, so that the time is kept beside it.
#[derive(Debug)]
pub struct Delivery {
    /// Nothing, once it was ended.
    held: Arc<Mutex<Option<Held>>>,
    moved: watch::Sender<()>,
}

#[derive(Debug)]
struct Held {
    export: Export,
    /// What was written last, and how much of it was given.
    piece: Vec<u8>,
    given: usize,
    /// When its reader was last let in.
    let_in: Instant,
}

impl Delivery {
    /// Of an export whose reader may wait for so long between two steps.
    pub fn new(export: Export, patience: Duration) -> Self {
        let held = Held {
            export,
            piece: Vec::new(),
            given: 0,
            let_in: Instant::now(),
        };
        let held = Arc::new(Mutex::new(Some(held)));
        let (moved, moves) = watch::channel(());
        tokio::spawn(end_when_still(Arc::downgrade(&held), moves, patience));
        Self { held, moved }
    }

    /// The next bytes; `None` after the last. Where it fails it is over.
    pub async fn next(&mut self, engine: &Engine) -> Result<Option<Vec<u8>>, ExportError> {
        let step = self.step(engine).await;
        self.moved.send_replace(());
        step
    }

    async fn step(&mut self, engine: &Engine) -> Result<Option<Vec<u8>>, ExportError> {
        let mut held = self.held.lock().await;
        let held = held.as_mut().ok_or(ExportError::Stalled)?;
        if held.given >= held.piece.len() {
            held.let_in = Instant::now();
            match held.export.next(engine).await? {
                Some(piece) => (held.piece, held.given) = (piece, 0),
                None => return Ok(None),
            }
        } else if held.let_in.elapsed() > LOOK_AGAIN {
            held.export.confirm(engine).await?;
            held.let_in = Instant::now();
        }
        let rest = held.piece.iter().skip(held.given).take(STEP);
        let step: Vec<u8> = rest.copied().collect();
        held.given = held.given.saturating_add(step.len());
        Ok(Some(step))
    }
}

/// Ends the export after a while in which no step was taken. One that is being written is not waited for by
/// its reader.
async fn end_when_still(
    held: Weak<Mutex<Option<Held>>>,
    mut moves: watch::Receiver<()>,
    patience: Duration,
) {
    loop {
        match timeout(patience, moves.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                let Some(held) = held.upgrade() else { return };
                let Ok(mut held) = held.try_lock() else {
                    continue;
                };
                if let Some(mut held) = held.take() {
                    held.export.stall().await;
                }
                return;
            }
        }
    }
}
