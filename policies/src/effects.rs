//! What policies come to: for every action, whether each of `everybody` may on each of
//! [`ExampleRow::ALL`]. How policies are written makes no difference to it. What it does not
//! enumerate, such as two capabilities together, it does not see.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use countersign_domain::{
    access::{Capability, Role, Scope},
    id::{ApiTokenId, MemberId, SessionId, TenantId, UserId},
    principal::{Actor, Human, Machine, MachineCredential, Principal},
};
use uuid::Uuid;

use crate::{
    ActionId, Decision, Engine, entity,
    row::{Attribute, Row},
};

/// Whoever asks.
pub(crate) const WHO: Uuid = Uuid::from_u128(2);
/// Somebody else.
const OTHER: Uuid = Uuid::from_u128(3);
const TENANT: Uuid = Uuid::from_u128(1);

/// An example of a row: what policies can see of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExampleRow {
    /// Whether it is of the tenant of whoever asks.
    pub is_own: bool,
    /// Whether it is of the household.
    pub personal: bool,
    /// Who has it in their care.
    pub custodian: Custodian,
    /// Whether it is of a type of which policies see its tenant alone.
    pub is_plain: bool,
}

/// Who has an example in their care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Custodian {
    /// Nobody.
    Nobody,
    /// Whoever asks.
    Themselves,
    /// Somebody else.
    Other,
}

impl ExampleRow {
    /// Every kind of row of the own tenant.
    pub const ALL: [Self; 6] = {
        const fn row(personal: bool, custodian: Custodian) -> ExampleRow {
            ExampleRow {
                is_own: true,
                personal,
                custodian,
                is_plain: false,
            }
        }
        [
            row(false, Custodian::Nobody),
            row(false, Custodian::Themselves),
            row(false, Custodian::Other),
            row(true, Custodian::Nobody),
            row(true, Custodian::Themselves),
            row(true, Custodian::Other),
        ]
    };
}

impl Row for ExampleRow {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        match (name, self.custodian) {
            ("", _) => Attribute::Id(Uuid::from_u128(9)),
            ("tenant", _) => Attribute::Id(if self.is_own { TENANT } else { OTHER }),
            _ if self.is_plain => Attribute::Missing,
            ("personal", _) => Attribute::Bool(self.personal),
            ("custodian", Custodian::Themselves) => Attribute::Id(WHO),
            ("custodian", Custodian::Other) => Attribute::Id(OTHER),
            _ => Attribute::Missing,
        }
    }
}

impl fmt::Display for ExampleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.is_own { "" } else { "another tenant's " };
        if self.is_plain {
            return write!(f, "a {whose}row");
        }
        let kind = if self.personal { "personal" } else { "company" };
        let care = match self.custodian {
            Custodian::Nobody => "in nobody's care",
            Custodian::Themselves => "in their own care",
            Custodian::Other => "in somebody else's care",
        };
        write!(f, "a {whose}{kind} row {care}")
    }
}

/// Somebody who is nobody: an example to ask about, who can not be let in anywhere.
#[derive(Debug, Clone)]
pub struct Somebody(pub(crate) Actor);

impl Somebody {
    /// A person of that role, with what their tenant granted beside it.
    pub fn person(role: Role, capabilities: BTreeSet<Capability>) -> Self {
        Self(person(role, capabilities))
    }

    /// A machine with those scopes.
    pub fn machine(scopes: BTreeSet<Scope>) -> Self {
        Self(machine(scopes))
    }

    /// Whoever that is.
    pub fn of(actor: &Actor) -> Self {
        Self(actor.clone())
    }

    /// The same in that tenant.
    #[must_use]
    pub fn in_tenant(self, tenant: TenantId) -> Self {
        Self(Actor { tenant, ..self.0 })
    }

    /// The same, where it is a person, as that user: rows may be in their care.
    #[must_use]
    pub fn as_user(mut self, user: UserId) -> Self {
        if let Principal::Human(human) = &mut self.0.principal {
            human.user = user;
        }
        self
    }

    /// The same in a tenant that is suspended, or is not.
    #[must_use]
    pub fn of_suspended(self, tenant_suspended: bool) -> Self {
        Self(Actor {
            tenant_suspended,
            ..self.0
        })
    }
}

pub(crate) fn person(role: Role, capabilities: BTreeSet<Capability>) -> Actor {
    actor(Principal::Human(Human {
        user: UserId::new(WHO),
        member: MemberId::new(Uuid::from_u128(4)),
        session: SessionId::new(Uuid::from_u128(5)),
        role,
        capabilities,
        mfa: true,
    }))
}

pub(crate) fn machine(scopes: BTreeSet<Scope>) -> Actor {
    actor(Principal::Machine(Machine {
        credential: MachineCredential::ApiToken(ApiTokenId::new(Uuid::from_u128(6))),
        scopes,
        documents_only: false,
    }))
}

const fn actor(principal: Principal) -> Actor {
    Actor {
        tenant: TenantId::new(TENANT),
        principal,
        tenant_suspended: false,
    }
}

fn without_second_factor(mut actor: Actor) -> Actor {
    if let Principal::Human(human) = &mut actor.principal {
        human.mfa = false;
    }
    actor
}

/// Everybody: each role, alone, with each one capability, without a second factor, and in a suspended
/// tenant; a machine with each one scope, and in a suspended tenant. In words, and in an order that puts what is plain before what is granted.
fn everybody() -> Vec<(String, Option<String>, Actor)> {
    let mut all = Vec::new();
    for role in Role::ALL {
        let name = role.name();
        let plain = person(*role, BTreeSet::new());
        let suspended = Actor {
            tenant_suspended: true,
            ..plain.clone()
        };
        all.push((name.to_owned(), None, plain));
        for capability in Capability::ALL {
            let who = format!("{name} with {}", capability.name());
            let granted = person(*role, BTreeSet::from([*capability]));
            all.push((who, Some(name.to_owned()), granted));
        }
        let who = format!("{name} of a suspended tenant");
        all.push((who, Some(name.to_owned()), suspended));
        let who = format!("{name} without a second factor");
        let without = without_second_factor(person(*role, BTreeSet::new()));
        all.push((who, Some(name.to_owned()), without));
    }
    for scope in Scope::ALL {
        let who = format!("a machine with {}", scope.name());
        let plain = machine(BTreeSet::from([*scope]));
        let suspended = Actor {
            tenant_suspended: true,
            ..plain.clone()
        };
        all.push((who.clone(), None, plain));
        all.push((format!("{who} of a suspended tenant"), Some(who), suspended));
    }
    all
}

/// Everybody, without words.
pub(crate) fn actors() -> impl Iterator<Item = Actor> {
    everybody().into_iter().map(|(_, _, actor)| actor)
}

/// On which of [`ExampleRow::ALL`] somebody may do something.
type Reach = [bool; 6];

/// What policies come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    /// By who, as [`everybody`] words it, and by action.
    reach: BTreeMap<String, BTreeMap<String, Reach>>,
}

impl Engine {
    /// The example as policies see it where it is of the type that the action is on.
    pub(crate) fn example(&self, action: ActionId, row: ExampleRow) -> ExampleRow {
        let resource = self.resource_of(action);
        let seen = entity::resource(resource, &row)
            .and_then(|entity| entity::entities([entity], self.schema()));
        ExampleRow {
            // The schema does not know what the type does not have.
            is_plain: seen.is_err(),
            ..row
        }
    }

    /// What these policies come to.
    pub fn effects(&self) -> Effects {
        let ids: Vec<_> = self.actions().map(|(id, _)| id).collect();
        let reach = everybody().into_iter().map(|(who, _, actor)| {
            let decisions = self.decide(&actor, &ids);
            let actions = self.actions().map(|(id, name)| {
                let reach = ExampleRow::ALL.map(|row| match decisions.get(id) {
                    Decision::Allow(_) => true,
                    Decision::Deny(_) => false,
                    Decision::Row(rule) => rule.decide(&row).is_ok(),
                });
                (name.to_owned(), reach)
            });
            (who, actions.collect())
        });
        Effects {
            reach: reach.collect(),
        }
    }
}

/// Something that somebody may now, or may no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    who: String,
    gains: bool,
    action: String,
    /// A row that shows it; `None` where it is so on every row.
    witness: Option<ExampleRow>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.gains { "gains" } else { "loses" };
        write!(f, "{} {verb} {}", self.who, self.action)?;
        match &self.witness {
            Some(row) => write!(f, ", as on {row}"),
            None => Ok(()),
        }
    }
}

impl Effects {
    /// What is different in `new`. What holds for a role is not said again for the role with a
    /// capability.
    pub fn differences(&self, new: &Self) -> Vec<Difference> {
        let mut found: Vec<Difference> = Vec::new();
        for (who, plain, _) in everybody() {
            let of = |effects: &'_ Self| effects.reach.get(&who).cloned().unwrap_or_default();
            let (before, after) = (of(self), of(new));
            let actions: BTreeSet<_> = before.keys().chain(after.keys()).collect();
            for action in actions {
                let reach =
                    |all: &BTreeMap<String, Reach>| all.get(action).copied().unwrap_or_default();
                for gains in [true, false] {
                    let (less, more) = if gains {
                        (reach(&before), reach(&after))
                    } else {
                        (reach(&after), reach(&before))
                    };
                    let Some(difference) = difference(&who, action, gains, less, more) else {
                        continue;
                    };
                    let is_said = found.iter().any(|said| {
                        Some(&said.who) == plain.as_ref()
                            && (&said.action, said.gains, said.witness)
                                == (action, gains, difference.witness)
                    });
                    if !is_said {
                        found.push(difference);
                    }
                }
            }
        }
        found
    }
}

fn difference(
    who: &str,
    action: &str,
    gains: bool,
    less: Reach,
    more: Reach,
) -> Option<Difference> {
    let pairs = ExampleRow::ALL.into_iter().zip(less.into_iter().zip(more));
    let mut shown = pairs.filter(|(_, (less, more))| *more && !less);
    let (witness, _) = shown.next()?;
    let everywhere = shown.count() == ExampleRow::ALL.len().saturating_sub(1);
    Some(Difference {
        who: who.to_owned(),
        gains,
        action: action.to_owned(),
        witness: (!everywhere).then_some(witness),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{POLICIES, SCHEMAS};

    fn differences(change: impl Fn(&str) -> String) -> Vec<String> {
        let changed = POLICIES.map(change);
        let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
        let new = Engine::from_texts(&SCHEMAS, &changed).unwrap();
        let differences = Engine::embedded()
            .unwrap()
            .effects()
            .differences(&new.effects());
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn another_way_to_say_the_same_is_silent() {
        let swapped = differences(|text| {
            text.replace(
                "when { resource has personal && resource.personal };",
                "unless { !(resource has personal) || !resource.personal };",
            )
        });
        assert_eq!(swapped, Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_told_in_the_words_of_roles_and_fields() {
        let loosened = differences(|text| {
            text.replace(
                "  action in Countersign::Action::\"read.financial\",\n  resource\n)\nwhen\n{\n  principal in [Countersign::Role::\"owner\",",
                "  action in Countersign::Action::\"read.financial\",\n  resource\n)\nwhen\n{\n  principal in [Countersign::Role::\"owner\",\n   Countersign::Role::\"admin\",",
            )
        });
        assert!(
            loosened.contains(
                &"admin gains Transaction.amount, as on a company row in nobody's care".to_owned()
            ),
            "{loosened:#?}"
        );
        assert!(loosened.iter().all(|line| line.starts_with("admin gains ")));
        let tightened = differences(|text| {
            text.replace(
                "action in Countersign::Action::\"write\",\n  resource\n)\nwhen { context.tenantSuspended };",
                "action in Countersign::Action::\"write\",\n  resource\n);",
            )
        });
        assert!(
            tightened.contains(&"owner loses Mutation.createCategory".to_owned()),
            "{tightened:#?}"
        );
    }
}
