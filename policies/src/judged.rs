//! What rules said of a row in hand.

use std::ptr;

use arrayvec::ArrayVec;

use crate::decision::{Conditions, RowRule};

/// The most different conditions whose answers are kept. Those of one type of row are fewer; what comes
/// after is asked again.
const KEPT: usize = 4;

/// What rules said of one row, so that those that ask the same of it are asked once: kinds of data have
/// rules of their own, of which most ask the same.
#[derive(Debug, Default)]
pub struct Judged<'a>(ArrayVec<Said<'a>, KEPT>);

#[derive(Debug)]
struct Said<'a> {
    /// Those that are equal are the same one: looked at first, because it is quickly seen.
    conditions: &'a Conditions,
    rule: &'a RowRule,
    is_admitted: bool,
}

impl<'a> Judged<'a> {
    /// Whether the rule admits the row: by what one like it said, or by `ask`.
    pub fn admits(&mut self, rule: &'a RowRule, ask: impl FnOnce() -> bool) -> bool {
        let conditions = rule.conditions();
        let alike = self.0.iter().find(|said| {
            ptr::eq(said.conditions, conditions) && said.rule.is_of_the_same_actor(rule)
        });
        if let Some(said) = alike {
            return said.is_admitted;
        }
        let is_admitted = ask();
        // No loss where there is no place left.
        let _ = self.0.try_push(Said {
            conditions,
            rule,
            is_admitted,
        });
        is_admitted
    }
}
