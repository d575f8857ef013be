//! Recorded requests, decided again: by the policies that decided them, and by others that are proposed.
//!
//! A row of the audit log says for whom and about which actions its request was decided, and by which
//! policies. Policies can tell no more rows apart than [`ExampleRow::ALL`] has, so that two decisions which
//! agree on all of them are the same, however they are written.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use countersign_domain::{
    access::Role,
    audit::{Asked, DecidedFor, Holds},
    principal::{Actor, Principal},
};

use crate::{
    ActionId, Decision, Decisions, Engine,
    action::OF_EVERY_REQUEST,
    effects::{self, ExampleRow},
    rights,
};

/// The types whose fields are asked for by requests themselves.
const ROOTS: [&str; 3] = ["Query.", "Mutation.", "Subscription."];
/// The most that is kept: of so many shapes of principals and requests.
const KEPT_MAX: usize = 65_536;

/// On which of [`ExampleRow::ALL`], one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kinds(u16);

impl Kinds {
    /// Every kind of row.
    const ALL: Self = Self((1 << ExampleRow::ALL.len()) - 1);

    fn of(decision: Option<&Decision>) -> Self {
        match decision {
            None | Some(Decision::Deny(_)) => Self::default(),
            Some(Decision::Allow(_)) => Self::ALL,
            Some(Decision::Row(rule)) => {
                let places = ExampleRow::ALL.iter().enumerate();
                let met = places.filter(|(_, row)| rule.decide(*row).is_ok());
                Self(met.fold(0, |bits, (at, _)| bits | 1 << at))
            }
        }
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether rows of the kind of that example are among them.
    pub fn has(self, example: ExampleRow) -> bool {
        let mut places = ExampleRow::ALL.iter().enumerate();
        places.any(|(at, row)| {
            (row.personal, row.custodian) == (example.personal, example.custodian)
                && self.0 & 1 << at != 0
        })
    }

    /// In words; `None` where it is every kind.
    pub fn in_words(self) -> Option<String> {
        rights::rows_in_words(self.0)
    }
}

/// An action that is decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The action: `Transaction.amount`.
    pub action: String,
    /// The type of its resource.
    pub resource: String,
    /// On which kinds of rows it would be allowed, and was not.
    pub gained: Kinds,
    /// On which it was allowed, and would not be.
    pub lost: Kinds,
}

/// What came of deciding one kind of request again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// For whom.
    pub who: Who,
    /// How many actions were decided by both.
    pub decisions: u64,
    /// The actions that the request asked for itself: `Query.accounts`.
    pub roots: Vec<String>,
    /// What the log has of the decision about those, where it tells of all of them: by the policies that decided.
    pub permission: String,
    /// What is decided otherwise.
    pub changes: Vec<Change>,
}

/// Whom changes are told of: a role, or any machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// People of that role, built in or standing on it.
    Role(Role),
    /// Machines.
    Machine,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role(role) => role.name(),
            Self::Machine => "machine",
        })
    }
}

/// Why a recorded request is not decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReplayable {
    /// The policies that decided it are not at hand.
    OtherPolicies,
    /// What the row says of it can not be understood by them.
    Unreadable,
}

/// What a row of the log says of a request that policies decided.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// SHA-256 of the policies.
    pub policies: [u8; 32],
    /// For whom, as the row has it.
    pub decided_for: &'a str,
    /// About what, as the row has it.
    pub asked: &'a str,
}

type Kept = Result<Arc<Replayed>, NotReplayable>;

/// Decides requests again.
#[derive(Debug)]
pub struct Replay {
    /// What decided, by their hashes.
    deciding: BTreeMap<[u8; 32], Engine>,
    proposed: Engine,
    /// What came of each kind of request, by the policies that decided it, for whom, about what.
    kept: HashMap<([u8; 32], String, String), Kept>,
}

impl Replay {
    /// Of requests that any of these decided.
    pub fn new(deciding: impl IntoIterator<Item = Engine>, proposed: Engine) -> Self {
        let deciding = deciding.into_iter();
        Self {
            deciding: deciding.map(|engine| (*engine.sha256(), engine)).collect(),
            proposed,
            kept: HashMap::new(),
        }
    }

    /// What is proposed.
    pub const fn proposed(&self) -> &Engine {
        &self.proposed
    }

    /// Decides a request again, or says why it can not be.
    pub fn decide(&mut self, row: Recorded<'_>) -> Kept {
        let key = (
            row.policies,
            row.decided_for.to_owned(),
            row.asked.to_owned(),
        );
        if let Some(kept) = self.kept.get(&key) {
            return kept.clone();
        }
        let made = self.make(row).map(Arc::new);
        if self.kept.len() >= KEPT_MAX {
            self.kept.clear();
        }
        self.kept.insert(key, made.clone());
        made
    }

    fn make(&self, row: Recorded<'_>) -> Result<Replayed, NotReplayable> {
        let deciding = self.deciding.get(&row.policies);
        let deciding = deciding.ok_or(NotReplayable::OtherPolicies)?;
        let decided_for = DecidedFor::parse(row.decided_for).ok_or(NotReplayable::Unreadable)?;
        let numbers = Asked::numbers(row.asked).ok_or(NotReplayable::Unreadable)?;
        let mut actions: Vec<ActionId> = numbers.into_iter().map(ActionId).collect();
        if actions
            .iter()
            .any(|id| deciding.action_name(*id).is_empty())
        {
            return Err(NotReplayable::Unreadable);
        }
        let always = OF_EVERY_REQUEST.iter();
        let always = always.filter_map(|name| deciding.action(name));
        actions.extend(always);
        let actor = actor(&decided_for);
        let before = deciding.decide(&actor, &actions);
        let names = actions.iter().map(|id| deciding.action_name(*id));
        let same: Vec<_> = names.map(|name| self.proposed.action(name)).collect();
        let asked: Vec<ActionId> = same.iter().flatten().copied().collect();
        let after = self.proposed.decide(&actor, &asked);
        let pairs = actions.iter().zip(&same);
        let changes = pairs.filter_map(|(id, new)| change(deciding, *id, &before, *new, &after));
        let roots = roots(deciding, &actions);
        let named = roots.iter().map(|(name, id)| (name.as_str(), *id));
        Ok(Replayed {
            who: who(&decided_for),
            decisions: u64::try_from(actions.len()).unwrap_or(u64::MAX),
            permission: before.resolved(named).text().to_owned(),
            roots: roots.into_iter().map(|(name, _)| name).collect(),
            changes: changes.collect(),
        })
    }
}

/// How an action is decided otherwise, where it is. What the proposed policies do not know nobody may.
fn change(
    deciding: &Engine,
    id: ActionId,
    before: &Decisions,
    new: Option<ActionId>,
    after: &Decisions,
) -> Option<Change> {
    let old = Kinds::of(Some(before.get(id)));
    let new = Kinds::of(new.map(|new| after.get(new)));
    (old != new).then(|| Change {
        action: deciding.action_name(id).to_owned(),
        resource: deciding.resource_of(id).to_owned(),
        gained: new.without(old),
        lost: old.without(new),
    })
}

/// Sorted by name, like the numbers.
fn roots(engine: &Engine, actions: &[ActionId]) -> Vec<(String, ActionId)> {
    let named = actions.iter().map(|id| (engine.action_name(*id), *id));
    let roots = named.filter(|(name, _)| ROOTS.iter().any(|root| name.starts_with(root)));
    roots.map(|(name, id)| (name.to_owned(), id)).collect()
}

const fn who(decided_for: &DecidedFor) -> Who {
    match decided_for.holds {
        Holds::Person { role, .. } => Who::Role(role),
        Holds::Machine(_) => Who::Machine,
    }
}

/// Somebody who holds what the request was decided for.
fn actor(decided_for: &DecidedFor) -> Actor {
    let mut actor = match &decided_for.holds {
        Holds::Person {
            role, capabilities, ..
        } => effects::person(*role, capabilities.clone()),
        Holds::Machine(scopes) => effects::machine(scopes.clone()),
    };
    if let (Principal::Human(human), Holds::Person { mfa, .. }) =
        (&mut actor.principal, &decided_for.holds)
    {
        human.mfa = *mfa;
    }
    actor.tenant_suspended = decided_for.tenant_suspended;
    actor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effects::Custodian,
        load::{POLICIES, SCHEMAS},
    };

    fn changed(change: impl Fn(&str) -> String) -> Engine {
        let changed = POLICIES.map(change);
        let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
        Engine::from_texts(&SCHEMAS, &changed).unwrap()
    }

    fn asked(engine: &Engine, names: &[&str]) -> String {
        let numbers = names
            .iter()
            .map(|name| engine.action(name).unwrap().number());
        Asked::of(numbers).text().to_owned()
    }

    fn recorded<'a>(engine: &Engine, decided_for: &'a str, asked: &'a str) -> Recorded<'a> {
        Recorded {
            policies: *engine.sha256(),
            decided_for,
            asked,
        }
    }

    /// Workers may see amounts of rows in their own care: now of none, or of all.
    const OWN_CARE: &str = "principal in [Countersign::Role::\"worker\", Countersign::Role::\"family\"] &&\n  resource has custodian &&\n  resource.custodian == principal";

    #[test]
    fn what_a_request_gains_or_loses_is_told_with_the_kinds_of_rows() {
        let engine = Engine::embedded().unwrap();
        let wider = "principal in [Countersign::Role::\"worker\", Countersign::Role::\"family\"]";
        let wider = changed(|text| text.replace(OWN_CARE, wider));
        let mut replay = Replay::new([engine.clone()], wider);
        let asked = asked(
            &engine,
            &["Query.transactions", "Transaction.amount", "Transaction.id"],
        );
        let made = replay
            .decide(recorded(&engine, "worker mfa", &asked))
            .unwrap();
        assert_eq!((made.who, made.decisions), (Who::Role(Role::Worker), 5));
        assert_eq!(made.roots, ["Query.transactions"]);
        assert_eq!(made.permission, "Query.transactions by human.basic");
        let [change] = &made.changes[..] else {
            panic!("{made:?}");
        };
        assert_eq!(change.action, "Transaction.amount");
        assert!(change.lost.is_none());
        let row = |personal, custodian| ExampleRow {
            personal,
            custodian,
            ..ExampleRow::ALL[0]
        };
        assert!(change.gained.has(row(false, Custodian::Nobody)));
        assert!(!change.gained.has(row(false, Custodian::Themselves)));
        assert!(!change.gained.has(row(true, Custodian::Nobody)));
        // Nobody else is touched by it.
        let owner = replay
            .decide(recorded(&engine, "owner mfa", &asked))
            .unwrap();
        assert_eq!(owner.changes, []);
    }

    #[test]
    fn another_way_to_say_the_same_is_silent() {
        let engine = Engine::embedded().unwrap();
        let other = changed(|text| {
            text.replace(
                "when { resource has personal && resource.personal };",
                "unless { !(resource has personal) || !resource.personal };",
            )
        });
        assert_ne!(engine.version(), other.version());
        let every: Vec<_> = engine.actions().map(|(id, _)| id.number()).collect();
        let asked = Asked::of(every);
        let mut replay = Replay::new([engine.clone()], other);
        for who in [
            "owner",
            "worker 3f mfa",
            "family suspended",
            "machine fffff",
        ] {
            let made = replay.decide(recorded(&engine, who, asked.text())).unwrap();
            assert_eq!(made.changes, [], "{who}");
        }
    }

    #[test]
    fn what_is_not_understood_is_not_guessed_at() {
        let engine = Engine::embedded().unwrap();
        let mut replay = Replay::new([engine.clone()], engine.clone());
        let asked = asked(&engine, &["Query.accounts"]);
        let mut decide = |row| replay.decide(row).unwrap_err();
        let stranger = recorded(&engine, "wizard", &asked);
        assert_eq!(decide(stranger), NotReplayable::Unreadable);
        let beyond = Asked::of([9_999]);
        let beyond = recorded(&engine, "owner", beyond.text());
        assert_eq!(decide(beyond), NotReplayable::Unreadable);
        let others = Recorded {
            policies: [1; 32],
            ..recorded(&engine, "owner", &asked)
        };
        assert_eq!(decide(others), NotReplayable::OtherPolicies);
    }
}
