//! What of the last days' requests would be decided otherwise by other policies (AUT-5).
//!
//! The log is read page by page, and each kind of request is decided once. A row is believed where the
//! policies that decided it say again what it says; what can not be decided again is counted, and never
//! guessed.

mod report;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use countersign_domain::{
    audit::{Decided, Facts},
    id::{AnyId, RequestId, TenantId, UserId},
};
use countersign_entities::{AuditEntry, AuditFilter, Operator, RowToday, StoreError};
use countersign_policies::{
    effects::{Custodian, ExampleRow},
    replay::{Change, Kinds, NotReplayable, Recorded, Replay, Replayed},
};

pub use self::report::{Changed, Report, Tally, Verb};

/// The action of rows that tell of every field that a query asked for.
const READ: &str = "books.read";
/// The same of a subscription.
const LISTENS: &str = "stream.opened";
/// Tells of the end of what another row has.
const LISTENED: &str = "stream.closed";
/// A row that names so many may have been about more.
const TARGETS_MAX: usize = 20;
/// Rows of one request stand near each other.
const REQUESTS_MAX: usize = 65_536;

/// Which requests, and by whose word they are read.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Of these tenants.
    pub tenants: &'a [TenantId],
    /// At this instant or later.
    pub from: DateTime<Utc>,
    /// Before this instant.
    pub to: DateTime<Utc>,
    /// Who reads them, as each tenant's log will have it.
    pub by: &'a str,
}

/// Decides them again.
pub async fn run(
    operator: &Operator,
    asking: Asking<'_>,
    replay: &mut Replay,
) -> Result<Report, StoreError> {
    let mut report = Report::new(asking.from, asking.to);
    let filter = AuditFilter {
        from: Some(asking.from),
        to: Some(asking.to),
        ..AuditFilter::default()
    };
    for tenant in asking.tenants {
        let facts = Facts::new()
            .at("from", Some(asking.from))
            .at("to", Some(asking.to))
            .sha256("proposed", replay.proposed().sha256());
        operator.record_replay(*tenant, asking.by, facts).await?;
        let mut reading = Reading {
            tenant: *tenant,
            operator,
            replay: &mut *replay,
            requests: Requests::default(),
        };
        let mut after = 0;
        loop {
            let page = operator.ledger_page(*tenant, &filter, after).await?;
            let Some(last) = page.last() else { break };
            after = last.link.seq;
            reading.page(&page, &mut report).await?;
        }
        report.tenants = report.tenants.saturating_add(1);
    }
    Ok(report)
}

/// The log of one tenant.
struct Reading<'a> {
    tenant: TenantId,
    operator: &'a Operator,
    replay: &'a mut Replay,
    requests: Requests,
}

/// A row whose request would be decided otherwise.
struct Affected<'a> {
    row: &'a AuditEntry,
    replayed: Arc<Replayed>,
}

impl Reading<'_> {
    async fn page(&mut self, page: &[AuditEntry], report: &mut Report) -> Result<(), StoreError> {
        let affected: Vec<_> = page
            .iter()
            .filter_map(|row| self.decide(row, report))
            .collect();
        let named = affected.iter().flat_map(|one| {
            let changes = one.replayed.changes.iter();
            changes.filter_map(|change| named(one, change))
        });
        let named: HashSet<AnyId> = named.flatten().collect();
        let named: Vec<AnyId> = named.into_iter().collect();
        let today = self.operator.rows_today(self.tenant, &named).await?;
        for one in &affected {
            for change in &one.replayed.changes {
                tell(one, change, &today, report);
            }
        }
        Ok(())
    }

    /// Decides a row's request again; it is returned where something changes.
    fn decide<'r>(&mut self, row: &'r AuditEntry, report: &mut Report) -> Option<Affected<'r>> {
        let event = &row.event;
        report.rows = report.rows.saturating_add(1);
        let Some(policies) = event.policies else {
            report.beside_policies = report.beside_policies.saturating_add(1);
            return None;
        };
        if event.action == LISTENED || !self.requests.is_new(event.request) {
            report.told_already = report.told_already.saturating_add(1);
            return None;
        }
        let Some(decided) = Decided::of(&event.payload) else {
            report.before = report.before.saturating_add(1);
            return None;
        };
        let recorded = Recorded {
            policies,
            decided_for: &decided.decided_for,
            asked: &decided.asked,
        };
        let replayed = match self.replay.decide(recorded) {
            Ok(replayed) => replayed,
            Err(NotReplayable::OtherPolicies) => {
                let count = report.other_policies.entry(hex::encode(policies));
                let count = count.or_default();
                *count = count.saturating_add(1);
                return None;
            }
            Err(NotReplayable::Unreadable) => {
                report.unreadable = report.unreadable.saturating_add(1);
                return None;
            }
        };
        let tells_all = [READ, LISTENS].contains(&event.action.as_str());
        if tells_all && event.permission != replayed.permission {
            report.contradicted(event.request);
            return None;
        }
        report.replayed = report.replayed.saturating_add(1);
        report.decisions = report.decisions.saturating_add(replayed.decisions);
        (!replayed.changes.is_empty()).then_some(Affected { row, replayed })
    }
}

/// The rows that a decision was about, where it was about rows that the request named; nothing where it
/// depends on no row, or on rows that nobody wrote down.
fn named(one: &Affected<'_>, change: &Change) -> Option<Vec<AnyId>> {
    let depends = change.gained.in_words().is_some() && change.lost.in_words().is_some();
    let kind = match change.resource.as_str() {
        // What was imported is named by its statements, which are as their accounts are.
        "Account" if change.action == "Mutation.importStatement" => "stm",
        "Account" => "acc",
        "Transaction" => "txn",
        "Statement" => "stm",
        "Import" => "imp",
        _ => return None,
    };
    let targets = &one.row.event.targets;
    let ids = targets.iter().filter_map(|id| AnyId::parse(id));
    let ids: Vec<_> = ids.filter(|id| id.kind == kind).collect();
    let looks_up = |root: &String| matches!(root.as_str(), "Query.node" | "Query.nodes");
    // Other fields of a query reach rows that it does not name.
    let is_about_them = change.action.starts_with("Mutation.")
        || (one.replayed.roots.iter().all(looks_up)
            && ids.len() == targets.len()
            && targets.len() < TARGETS_MAX);
    (depends && is_about_them && !ids.is_empty()).then_some(ids)
}

/// Counts a change, for the rows that it is about.
fn tell(
    one: &Affected<'_>,
    change: &Change,
    today: &HashMap<AnyId, RowToday>,
    report: &mut Report,
) {
    let event = &one.row.event;
    let who = one.replayed.who;
    let named = named(one, change);
    for (verb, kinds) in [(Verb::Gains, change.gained), (Verb::Loses, change.lost)] {
        if kinds.is_none() {
            continue;
        }
        let mut changed = Changed {
            who,
            verb,
            action: change.action.clone(),
            rows: kinds.in_words(),
            is_of_today: false,
        };
        if let Some(ids) = &named {
            let asker: Option<UserId> = event.actor_id.parse().ok();
            match of_today(ids, today, asker, kinds) {
                Some(true) => changed.is_of_today = true,
                Some(false) => continue,
                None => {
                    report.gone = report.gone.saturating_add(1);
                    continue;
                }
            }
        }
        report.count(changed, event.occurred_at, event.request);
    }
}

/// Whether one of the rows is of those kinds today; nothing where none of them is, and one is no more.
fn of_today(
    ids: &[AnyId],
    today: &HashMap<AnyId, RowToday>,
    asker: Option<UserId>,
    kinds: Kinds,
) -> Option<bool> {
    let is_of = |row: &RowToday| {
        kinds.has(ExampleRow {
            is_own: true,
            is_plain: false,
            personal: row.personal,
            custodian: match row.custodian {
                None => Custodian::Nobody,
                Some(user) if Some(user) == asker => Custodian::Themselves,
                Some(_) => Custodian::Other,
            },
        })
    };
    let rows: Vec<_> = ids.iter().map(|id| today.get(id)).collect();
    if rows.iter().flatten().any(|row| is_of(row)) {
        return Some(true);
    }
    rows.iter().all(Option::is_some).then_some(false)
}

/// The requests that were met last.
#[derive(Default)]
struct Requests {
    met: HashSet<RequestId>,
    order: VecDeque<RequestId>,
}

impl Requests {
    fn is_new(&mut self, request: RequestId) -> bool {
        let is_new = self.met.insert(request);
        if is_new {
            self.order.push_back(request);
        }
        if self.order.len() > REQUESTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.met.remove(&oldest);
        }
        is_new
    }
}
