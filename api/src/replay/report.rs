//! What a replay found.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, SecondsFormat, Utc};
use countersign_domain::id::RequestId;
use countersign_policies::replay::Who;
use serde_json::{Value, json};

/// Something that would be decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// For whom.
    pub who: Who,
    /// Which way.
    pub verb: Verb,
    /// The action: `Transaction.amount`.
    pub action: String,
    /// On which rows, in words; `None` where on all.
    pub rows: Option<String>,
    /// Whether the rows that the requests named are such today. Otherwise the requests would see, or miss,
    /// such rows where they reach any.
    pub is_of_today: bool,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// It was refused, and would be allowed.
    Gains,
    /// It was allowed, and would be refused.
    Loses,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Gains => "gains",
            Self::Loses => "loses",
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who, verb, action, ..
        } = self;
        write!(f, "{who} {} {action}", verb.name())?;
        match (&self.rows, self.is_of_today) {
            (None, _) => Ok(()),
            (Some(rows), false) => write!(f, " on {rows}"),
            (Some(rows), true) => write!(f, " on {rows}, as those that were named are today"),
        }
    }
}

/// In how many requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub requests: u64,
    /// When first.
    pub first: DateTime<Utc>,
    /// When last.
    pub last: DateTime<Utc>,
    /// The first of them.
    pub sample: RequestId,
}

/// What a replay found. Each row is of one of its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Before this instant.
    pub to: DateTime<Utc>,
    /// Tenants whose log was read.
    pub tenants: u64,
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose request was decided again.
    pub replayed: u64,
    /// Decisions that were made by both sets of policies.
    pub decisions: u64,
    /// What would be decided otherwise.
    pub changes: BTreeMap<Changed, Tally>,
    /// Rows of a request that another row has told of.
    pub told_already: u64,
    /// Rows of what no policy decides: sign-ins, limits, the operator's commands.
    pub beside_policies: u64,
    /// Rows of before rows told for whom and about what their request was decided.
    pub before: u64,
    /// Rows by the SHA-256 of policies that are not at hand.
    pub other_policies: BTreeMap<String, u64>,
    /// Rows that the policies which decided them do not understand.
    pub unreadable: u64,
    /// Decisions about rows of the books that are there no more.
    pub gone: u64,
    /// Rows that say something else than the policies that decided them, and the first such request.
    pub contradicting: (u64, Option<RequestId>),
}

impl Report {
    pub(super) const fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Self {
            from,
            to,
            tenants: 0,
            rows: 0,
            replayed: 0,
            decisions: 0,
            changes: BTreeMap::new(),
            told_already: 0,
            beside_policies: 0,
            before: 0,
            other_policies: BTreeMap::new(),
            unreadable: 0,
            gone: 0,
            contradicting: (0, None),
        }
    }

    pub(super) fn count(&mut self, changed: Changed, at: DateTime<Utc>, request: RequestId) {
        let tally = self.changes.entry(changed).or_insert_with(|| Tally {
            requests: 0,
            first: at,
            last: at,
            sample: request,
        });
        tally.requests = tally.requests.saturating_add(1);
        tally.first = tally.first.min(at);
        tally.last = tally.last.max(at);
    }

    pub(super) const fn contradicted(&mut self, request: RequestId) {
        let (count, first) = self.contradicting;
        let first = match first {
            None => Some(request),
            known => known,
        };
        self.contradicting = (count.saturating_add(1), first);
    }

    /// Rows, and decisions, that could not be made again.
    pub fn not_replayable(&self) -> u64 {
        let others = self.other_policies.values().copied();
        let all = [self.before, self.unreadable, self.gone]
            .into_iter()
            .chain(others);
        all.fold(0, u64::saturating_add)
    }

    /// As lines for the eye; how long it took is not in it.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.changes.iter().map(line).collect();
        if lines.is_empty() {
            lines.push("nothing would have been decided otherwise".to_owned());
        }
        for (count, why) in [
            (
                self.before,
                "from before rows tell for whom and about what they were decided",
            ),
            (self.unreadable, "whose policies do not understand them"),
            (self.gone, "about rows of the books that are there no more"),
        ] {
            if count > 0 {
                lines.push(format!("not replayable: {count} {why}"));
            }
        }
        for (hash, count) in &self.other_policies {
            lines.push(format!(
                "not replayable: {count} decided by the policies {hash}: name them by --old"
            ));
        }
        if let (count, Some(first)) = self.contradicting {
            lines.push(format!(
                "{count} rows say something else than the policies that decided them, such as of {first}: \
                 `countersign ledger verify` tells whether they were changed"
            ));
        }
        lines.push(format!(
            "{} rows of {} tenants from {} to {}: {} decided again, {} decisions compared; {} not replayable; {} of \
             requests that were told of already, {} of what no policy decides",
            self.rows,
            self.tenants,
            instant(self.from),
            instant(self.to),
            self.replayed,
            self.decisions,
            self.not_replayable(),
            self.told_already,
            self.beside_policies,
        ));
        lines
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let changes = self.changes.iter().map(|(changed, tally)| {
            json!({
                "who": changed.who.to_string(),
                "verb": changed.verb.name(),
                "action": changed.action,
                "rows": changed.rows,
                "isOfToday": changed.is_of_today,
                "requests": tally.requests,
                "first": instant(tally.first),
                "last": instant(tally.last),
                "sample": tally.sample,
            })
        });
        json!({
            "from": instant(self.from),
            "to": instant(self.to),
            "tenants": self.tenants,
            "rows": self.rows,
            "replayed": self.replayed,
            "decisions": self.decisions,
            "changes": changes.collect::<Vec<_>>(),
            "toldAlready": self.told_already,
            "besidePolicies": self.beside_policies,
            "notReplayable": {
                "before": self.before,
                "otherPolicies": self.other_policies,
                "unreadable": self.unreadable,
                "gone": self.gone,
            },
            "contradicting": self.contradicting.0,
        })
    }
}

fn line((changed, tally): (&Changed, &Tally)) -> String {
    let requests = if tally.requests == 1 {
        "request"
    } else {
        "requests"
    };
    format!(
        "{changed}: {} {requests}, {} to {}, such as {}",
        tally.requests,
        instant(tally.first),
        instant(tally.last),
        tally.sample
    )
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
