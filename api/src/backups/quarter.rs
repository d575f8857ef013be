//! Which key a day's backups are encrypted to.

use chrono::{Days, NaiveDate};
use thiserror::Error;

use crate::config::BackupKey;

/// Days that a key is good for: those of the longest quarter.
const QUARTER: u64 = 92;
/// Days before a key's last one from which on the next key must be listed.
const NOTICE: i64 = 14;

/// What to do about every fault of the keys.
pub const ADVICE: &str = "make a pair by `countersign backup key --out FILE`, list its public key in `backups.keys` \
     with its first day, and keep FILE away from the server";

/// Why there is no key to encrypt a backup to, or soon will be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// None is listed.
    #[error("there is no key of backups: `backups.keys` lists none")]
    None,
    /// The first has not begun.
    #[error("there is no key of backups yet: the first of `backups.keys` begins on {0}")]
    NotYet(NaiveDate),
    /// The newest is past its quarter.
    #[error("the newest key of backups, since {since}, was good for a quarter, until {until}")]
    Past {
        /// Its first day.
        since: NaiveDate,
        /// Its last.
        until: NaiveDate,
    },
    /// It was used for a quarter under another `since`.
    #[error(
        "backups are encrypted to this key since {first}, which was for a quarter, until {until}: another \
         `since` makes it no other key"
    )]
    Used {
        /// When it was used first.
        first: NaiveDate,
        /// Its last day.
        until: NaiveDate,
    },
    /// The newest ends soon, and none follows it.
    #[error(
        "the key of backups since {since} is good until {until}, and none of `backups.keys` follows it by then"
    )]
    Ending {
        /// Its first day.
        since: NaiveDate,
        /// Its last.
        until: NaiveDate,
    },
}

impl BackupKey {
    /// The day on which it is not good any more.
    fn end(&self) -> NaiveDate {
        end(self.since)
    }

    /// The last day on which it is good.
    fn until(&self) -> NaiveDate {
        until(self.since)
    }
}

/// The day after the quarter that begins on that day.
fn end(first: NaiveDate) -> NaiveDate {
    let end = first.checked_add_days(Days::new(QUARTER));
    end.unwrap_or(NaiveDate::MAX)
}

/// The last day of it.
fn until(first: NaiveDate) -> NaiveDate {
    end(first).pred_opt().unwrap_or(first)
}

/// Whether a key is good on that day of which the log has the first backup, whatever the configuration says of it.
pub fn fresh(first: Option<NaiveDate>, day: NaiveDate) -> Result<(), KeyFault> {
    match first {
        Some(first) if day >= end(first) => Err(KeyFault::Used {
            first,
            until: until(first),
        }),
        _ => Ok(()),
    }
}

/// The key of that day: the newest that has begun, where it is not past its quarter.
pub fn current(keys: &[BackupKey], day: NaiveDate) -> Result<&BackupKey, KeyFault> {
    let begun = keys.iter().filter(|key| key.since <= day);
    let Some(newest) = begun.max_by_key(|key| key.since) else {
        let first = keys.iter().map(|key| key.since).min();
        return Err(first.map_or(KeyFault::None, KeyFault::NotYet));
    };
    if day < newest.end() {
        Ok(newest)
    } else {
        Err(KeyFault::Past {
            since: newest.since,
            until: newest.until(),
        })
    }
}

/// Whether there is a key on that day, and will be one when it ends.
pub fn outlook(keys: &[BackupKey], day: NaiveDate) -> Result<(), KeyFault> {
    let key = current(keys, day)?;
    let mut next = keys.iter().filter(|next| next.since > key.since);
    let is_followed = next.any(|next| next.since <= key.end());
    let left = (key.until() - day).num_days();
    if left >= NOTICE || is_followed {
        Ok(())
    } else {
        Err(KeyFault::Ending {
            since: key.since,
            until: key.until(),
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};

    use super::{KeyFault, current, fresh, outlook};
    use crate::{backups::Pair, config::BackupKey};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn keys<const N: usize>(since: [&str; N]) -> Vec<BackupKey> {
        let key = |since| BackupKey {
            recipient: Pair::generate().recipient(),
            since: day(since),
        };
        since.map(key).into()
    }

    #[test]
    fn a_key_is_good_for_a_quarter_and_the_next_takes_over_by_the_day() {
        let keys = keys(["2027-01-01", "2026-10-01", "2027-05-01"]);
        let since = |day_: &str| current(&keys, day(day_)).map(|key| key.since);
        assert_eq!(
            since("2026-09-30"),
            Err(KeyFault::NotYet(day("2026-10-01")))
        );
        assert_eq!(since("2026-10-01"), Ok(day("2026-10-01")));
        assert_eq!(since("2026-12-31"), Ok(day("2026-10-01")));
        assert_eq!(since("2027-01-01"), Ok(day("2027-01-01")));
        assert_eq!(since("2027-04-02"), Ok(day("2027-01-01")));
        let past = KeyFault::Past {
            since: day("2027-01-01"),
            until: day("2027-04-02"),
        };
        assert_eq!(since("2027-04-03"), Err(past));
        assert_eq!(since("2027-05-01"), Ok(day("2027-05-01")));
        assert_eq!(current(&[], day("2026-10-01")), Err(KeyFault::None));
    }

    #[test]
    fn every_quarter_of_the_calendar_is_covered_by_its_first_day() {
        let keys = keys([
            "2027-01-01",
            "2027-04-01",
            "2027-07-01",
            "2027-10-01",
            "2028-01-01",
        ]);
        for n in 0..365 {
            let day = day("2027-01-01").checked_add_days(Days::new(n)).unwrap();
            assert!(current(&keys, day).is_ok(), "{day}");
            assert_eq!(outlook(&keys, day), Ok(()), "{day}");
        }
    }

    #[test]
    fn a_key_is_as_old_as_its_first_backup() {
        let first = Some(day("2026-10-01"));
        assert_eq!(fresh(None, day("2026-12-31")), Ok(()));
        assert_eq!(fresh(first, day("2026-12-31")), Ok(()));
        let used = KeyFault::Used {
            first: day("2026-10-01"),
            until: day("2026-12-31"),
        };
        assert_eq!(fresh(first, day("2027-01-01")), Err(used));
    }

    #[test]
    fn what_is_missing_is_told_a_fortnight_ahead() {
        let one = keys(["2026-10-01"]);
        assert_eq!(outlook(&one, day("2026-12-17")), Ok(()));
        let ending = KeyFault::Ending {
            since: day("2026-10-01"),
            until: day("2026-12-31"),
        };
        assert_eq!(outlook(&one, day("2026-12-18")), Err(ending));
        let followed = keys(["2026-10-01", "2027-01-01"]);
        assert_eq!(outlook(&followed, day("2026-12-18")), Ok(()));
        let late = keys(["2026-10-01", "2027-01-02"]);
        assert_eq!(outlook(&late, day("2026-12-18")), Err(ending));
    }
}
