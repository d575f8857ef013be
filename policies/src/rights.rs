//! What roles and capabilities come to for one person: the measure for who may grant what, and for the
//! preview of a change. All of it is asked of the policies; no order of roles is written down.
//!
//! Rights are enumerated over the examples of rows, with and without a second factor, in a tenant that
//! is not suspended.

use std::collections::{BTreeMap, BTreeSet};

use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::{Actor, Principal},
};
use smol_str::SmolStr;

use crate::{
    ActionId, Decision, Decisions, Engine, Refusal,
    effects::{self, Custodian, ExampleRow},
};

/// What of a person their tenant decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// Their role, or the one that their custom role stands on.
    pub role: Role,
    /// All their capabilities, those of the custom role among them.
    pub capabilities: BTreeSet<Capability>,
}

/// On which examples, one bit each: those of [`ExampleRow::ALL`] without a second factor, then with one.
type Reach = u16;

/// How many examples there are.
const ROWS: usize = ExampleRow::ALL.len();
/// All examples with a second factor.
const WITH_FACTOR: Reach = ((1 << ROWS) - 1) << ROWS;

/// What somebody may do, on which kinds of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights(BTreeMap<ActionId, Reach>);

impl Rights {
    /// What of these `other` has not.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        let rest = self.0.iter().map(|(action, reach)| {
            let held = other.0.get(action).copied().unwrap_or_default();
            (*action, reach & !held)
        });
        Self(rest.filter(|(_, reach)| *reach != 0).collect())
    }

    /// The same but for rows in one's own care. Whoever puts a row into somebody's care gives what comes
    /// of it; who gives them their role does not.
    #[must_use]
    pub fn apart_from_own_care(&self) -> Self {
        let own = bits(|row| row.custodian == Custodian::Themselves);
        let rest = self.0.iter().map(|(action, reach)| (*action, reach & !own));
        Self(rest.filter(|(_, reach)| *reach != 0).collect())
    }

    /// Whether nothing may be done.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What may be done, somewhere.
    pub fn actions(&self) -> impl Iterator<Item = ActionId> {
        self.0.keys().copied()
    }
}

/// Actions of one kind that are gained or lost on the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsChange {
    /// The kind of data or acts: `read.financial`.
    pub group: String,
    /// The actions, sorted.
    pub actions: Vec<String>,
    /// On which rows, in words; `None` where on all.
    pub rows: Option<String>,
}

/// A ceiling that refuses what a capability would permit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// The policy's `@id`.
    pub rule: SmolStr,
    /// Its `@description`.
    pub sentence: String,
    /// What it holds against.
    pub capabilities: BTreeSet<Capability>,
    /// On which rows, in words; `None` where on all.
    pub rows: Option<String>,
}

impl Engine {
    /// What a person may do who has been granted that.
    pub fn rights(&self, grant: &Grant) -> Rights {
        let without = self.reach(&person(grant, false));
        let mut rights = self.reach(&person(grant, true));
        for reach in rights.values_mut() {
            *reach <<= ROWS;
        }
        for (action, reach) in without {
            *rights.entry(action).or_default() |= reach;
        }
        Rights(rights)
    }

    /// What a machine may do that has those scopes, as a person does it with a second factor: a machine
    /// has none, and is not asked for one.
    pub fn rights_of_machine(&self, scopes: &BTreeSet<Scope>) -> Rights {
        let mut rights = self.reach(&effects::machine(scopes.clone()));
        for reach in rights.values_mut() {
            *reach <<= ROWS;
        }
        Rights(rights)
    }

    fn reach(&self, actor: &Actor) -> BTreeMap<ActionId, Reach> {
        let actions: Vec<_> = self.actions().map(|(id, _)| id).collect();
        let decisions = self.decide(actor, &actions);
        let reach = |action| bits(|row| refused(&decisions, action, row).is_none()) & !WITH_FACTOR;
        let reaches = actions.iter().map(|action| (*action, reach(*action)));
        reaches.filter(|(_, reach)| *reach != 0).collect()
    }

    /// The rights in words, by kind and by rows.
    pub fn in_words(&self, rights: &Rights) -> Vec<RightsChange> {
        let mut alike: BTreeMap<(String, Reach), Vec<String>> = BTreeMap::new();
        for (action, reach) in &rights.0 {
            let rows = (reach | reach >> ROWS) & !WITH_FACTOR;
            let names = alike.entry((self.group(*action), rows)).or_default();
            names.push(self.action_name(*action).to_owned());
        }
        let changes = alike.into_iter().map(|((group, rows), mut actions)| {
            actions.sort();
            RightsChange {
                group,
                actions,
                rows: rows_in_words(rows),
            }
        });
        changes.collect()
    }

    /// The ceilings that hold against the capabilities of the grant.
    pub fn ceilings(&self, grant: &Grant) -> Vec<Ceiling> {
        let mut found: BTreeMap<SmolStr, (BTreeSet<Capability>, Reach)> = BTreeMap::new();
        for capability in &grant.capabilities {
            let actions = self.actions_of(*capability);
            let decisions = self.decide(&person(grant, true), &actions);
            for action in actions {
                for (at, row) in ExampleRow::ALL.into_iter().enumerate() {
                    let refusal = refused(&decisions, action, row);
                    for rule in refusal.iter().flat_map(Refusal::rules) {
                        let entry = found.entry(rule.clone()).or_default();
                        entry.0.insert(*capability);
                        entry.1 |= 1 << at;
                    }
                }
            }
        }
        let ceilings = found
            .into_iter()
            .filter_map(|(rule, (capabilities, rows))| {
                let policy = self.policy(&rule)?;
                Some(Ceiling {
                    sentence: policy.annotation("description")?.to_owned(),
                    rule,
                    capabilities,
                    rows: rows_in_words(rows),
                })
            });
        ceilings.collect()
    }

    /// Whether a person has of themselves what the capability would permit, as far as ceilings let
    /// anybody of their role.
    pub fn is_held(&self, grant: &Grant, capability: Capability) -> bool {
        let actions = self.actions_of(capability);
        let decisions = self.decide(&person(grant, true), &actions);
        let examples = actions
            .iter()
            .flat_map(|action| ExampleRow::ALL.map(|row| refused(&decisions, *action, row)));
        let mut is_permitted = false;
        for refusal in examples {
            match refusal {
                None => is_permitted = true,
                Some(refusal) if refusal.rules().is_empty() => return false,
                Some(_) => {}
            }
        }
        is_permitted
    }

    /// What a capability is for: the group of its name.
    fn actions_of(&self, capability: Capability) -> Vec<ActionId> {
        let all = self.actions().map(|(id, _)| id);
        all.filter(|id| self.is_in_group(*id, capability.name()))
            .collect()
    }

    fn group(&self, action: ActionId) -> String {
        let kinds = Capability::ALL.iter().map(|capability| capability.name());
        let without = [
            "read.credential",
            "admin.credential",
            "export.audit",
            "structure",
            "explain",
            "explore",
        ];
        let mut kinds = kinds.chain(without);
        let found = kinds.find(|kind| self.is_in_group(action, kind));
        found.unwrap_or("other").to_owned()
    }
}

fn person(grant: &Grant, mfa: bool) -> Actor {
    let mut actor = effects::person(grant.role, grant.capabilities.clone());
    if let Principal::Human(human) = &mut actor.principal {
        human.mfa = mfa;
    }
    actor
}

/// Why not; `None` where it is permitted.
fn refused(decisions: &Decisions, action: ActionId, row: ExampleRow) -> Option<Refusal> {
    match decisions.get(action) {
        Decision::Allow(_) => None,
        Decision::Deny(refusal) => Some(refusal.clone()),
        Decision::Row(rule) => rule.decide(&row).err(),
    }
}

/// The examples that meet the condition, with and without a second factor.
fn bits(meets: impl Fn(ExampleRow) -> bool) -> Reach {
    let places = ExampleRow::ALL.into_iter().enumerate();
    let met = places.filter(|(_, row)| meets(*row));
    let bits = met.fold(0, |bits, (at, _)| bits | 1 << at);
    bits | bits << ROWS
}

/// Examples in words; `None` for all of them.
pub(crate) fn rows_in_words(reach: Reach) -> Option<String> {
    let of = |meets: fn(ExampleRow) -> bool| bits(meets) & !WITH_FACTOR;
    let own = of(|row| row.custodian == Custodian::Themselves);
    let sides = [
        ("the company", of(|row| !row.personal)),
        ("the household", of(|row| row.personal)),
    ];
    let all = of(|_| true);
    if reach == all {
        return None;
    }
    if reach == own {
        return Some("rows in their own care".to_owned());
    }
    if reach == all & !own {
        return Some("rows that are not in their own care".to_owned());
    }
    let mut words = Vec::new();
    for (name, side) in sides {
        let here = reach & side;
        if here == side {
            words.push(format!("rows of {name}"));
        } else if here == side & own {
            words.push(format!("rows of {name} in their own care"));
        } else if here == side & !own {
            words.push(format!("rows of {name} that are not in their own care"));
        } else {
            let places = ExampleRow::ALL.into_iter().enumerate();
            let rest = places.filter(|(at, _)| here & 1 << at != 0);
            words.extend(rest.map(|(_, row)| row.to_string()));
        }
    }
    words.retain(|word| !word.is_empty());
    Some(words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(role: Role, capabilities: &[Capability]) -> Grant {
        Grant {
            role,
            capabilities: capabilities.iter().copied().collect(),
        }
    }

    fn exceeds(engine: &Engine, one: &Grant, other: &Grant) -> bool {
        let beyond = engine.rights(one).beyond(&engine.rights(other));
        !beyond.apart_from_own_care().is_empty()
    }

    #[test]
    fn an_owner_exceeds_everybody_and_nobody_an_owner() {
        let engine = Engine::embedded().unwrap();
        let owner = grant(Role::Owner, &[]);
        for role in Role::ALL {
            let most = grant(*role, Capability::ALL);
            assert!(!exceeds(&engine, &most, &owner), "{role}");
            let plain = grant(*role, &[]);
            assert_eq!(exceeds(&engine, &owner, &plain), *role != Role::Owner);
        }
    }

    #[test]
    fn an_admin_exceeds_a_worker_and_no_role_that_sees_amounts() {
        let engine = Engine::embedded().unwrap();
        let admin = grant(Role::Admin, &[]);
        let within: Vec<_> = Role::ALL
            .iter()
            .filter(|role| !exceeds(&engine, &grant(**role, &[]), &admin))
            .collect();
        assert_eq!(within, [&Role::Admin, &Role::Worker]);
        let granted = grant(Role::Worker, &[Capability::ReadFinancial]);
        assert!(exceeds(&engine, &granted, &admin));
        // What a ceiling takes away is no excess.
        let void = grant(Role::Worker, &[Capability::AdminMember]);
        assert!(!exceeds(&engine, &void, &grant(Role::Worker, &[])));
    }

    #[test]
    fn a_machine_is_measured_like_a_person() {
        let engine = Engine::embedded().unwrap();
        let admin = engine.rights(&grant(Role::Admin, &[]));
        let exceeds = |scopes: &[Scope]| {
            let rights = engine.rights_of_machine(&scopes.iter().copied().collect());
            !rights.beyond(&admin).is_empty()
        };
        let each = Scope::ALL.iter();
        let beyond: Vec<_> = each.filter(|scope| exceeds(&[**scope])).collect();
        let expected = [
            Scope::FinancialRead,
            Scope::PiiRead,
            Scope::AccountsCreate,
            Scope::CategoriesCreate,
            Scope::TransactionsCategorize,
        ];
        assert_eq!(beyond, expected.iter().collect::<Vec<_>>());
        // Which is for nothing without another one.
        assert!(!exceeds(&[Scope::StatementsImport, Scope::BasicRead]));
        assert!(exceeds(&[Scope::StatementsImport, Scope::FinancialRead]));
    }

    #[test]
    fn gains_are_told_by_kind_and_rows() {
        let engine = Engine::embedded().unwrap();
        let worker = engine.rights(&grant(Role::Worker, &[]));
        let granted = grant(Role::Worker, &[Capability::ReadFinancial]);
        let gained = engine.rights(&granted).beyond(&worker);
        let words = engine.in_words(&gained);
        let amounts = words
            .iter()
            .find(|change| change.actions.contains(&"Transaction.amount".to_owned()))
            .unwrap();
        assert_eq!(amounts.group, "read.financial");
        let rows = amounts.rows.as_deref();
        assert_eq!(
            rows,
            Some("rows of the company that are not in their own care")
        );
        let sorts = grant(Role::Worker, &[Capability::WriteBasic]);
        let words = engine.in_words(&engine.rights(&sorts).beyond(&worker));
        let everywhere = words.iter().find(|change| change.rows.is_none()).unwrap();
        assert_eq!(everywhere.actions, ["Mutation.createCategory"]);
    }

    #[test]
    fn ceilings_are_named_with_what_they_hold_against() {
        let engine = Engine::embedded().unwrap();
        let worker = grant(
            Role::Worker,
            &[Capability::AdminMember, Capability::ReadFinancial],
        );
        let ceilings = engine.ceilings(&worker);
        let rules: Vec<_> = ceilings.iter().map(|c| c.rule.as_str()).collect();
        assert_eq!(rules, ["human.personal-hidden", "worker.never-administers"]);
        let [hidden, administers] = &ceilings[..] else {
            panic!("two ceilings");
        };
        assert_eq!(administers.rows, None);
        assert_eq!(
            administers.capabilities,
            BTreeSet::from([Capability::AdminMember])
        );
        assert_eq!(
            hidden.rows.as_deref(),
            Some("rows of the household that are not in their own care")
        );
        assert!(!hidden.sentence.is_empty());
    }

    #[test]
    fn built_in_roles_hold_the_capabilities_of_what_they_may() {
        let engine = Engine::embedded().unwrap();
        let held = |role| {
            let plain = grant(role, &[]);
            let held = Capability::ALL
                .iter()
                .filter(|c| engine.is_held(&plain, **c));
            held.copied().collect::<Vec<_>>()
        };
        assert_eq!(held(Role::Owner), Capability::ALL);
        assert_eq!(held(Role::Worker), [Capability::ReadBasic]);
        assert_eq!(held(Role::Family), []);
        let admin = [
            Capability::ReadBasic,
            Capability::ReadMember,
            Capability::ReadToken,
            Capability::ReadAudit,
            Capability::AdminMember,
            Capability::AdminToken,
        ];
        assert_eq!(held(Role::Admin), admin);
    }
}
