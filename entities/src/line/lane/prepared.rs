//! What a shared connection keeps prepared.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{super::PREPARED_MAX, messages::Ready};

/// Statements by their texts, of which those go that were not asked for the longest: whoever varies what
/// they ask for would otherwise fill the memory of PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    by_text: HashMap<String, Kept>,
    /// How often was asked.
    asked: u64,
}

#[derive(Debug)]
struct Kept {
    ready: Arc<Ready>,
    /// When it was asked for last.
    asked: u64,
}

impl Prepared {
    pub(super) fn get(&mut self, sql: &str) -> Option<Arc<Ready>> {
        let kept = self.by_text.get_mut(sql)?;
        self.asked = self.asked.wrapping_add(1);
        kept.asked = self.asked;
        Some(Arc::clone(&kept.ready))
    }

    pub(super) fn keep(&mut self, sql: &str, ready: Arc<Ready>) {
        if self.by_text.len() >= PREPARED_MAX {
            let oldest = self.by_text.iter().min_by_key(|(_, kept)| kept.asked);
            if let Some(oldest) = oldest.map(|(sql, _)| sql.clone()) {
                self.by_text.remove(&oldest);
            }
        }
        self.asked = self.asked.wrapping_add(1);
        let asked = self.asked;
        self.by_text.insert(sql.to_owned(), Kept { ready, asked });
    }
}
