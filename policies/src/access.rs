//! Who may, and why, for those who ask in the product: about a row in hand, or before any.

use std::collections::BTreeSet;

use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::Principal,
};
use uuid::Uuid;

use crate::{
    ActionId, Decision, Engine, Predicate,
    effects::{Custodian, Somebody},
    entity,
    explain::{NearPermit, Rule},
    row::{Attribute, Row},
    words,
};

/// What the policies say of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Never.
    Refused,
    /// On some rows of the tenant; said only where no row is in hand.
    DependsOnRow,
    /// On the row in hand, or on every row of the tenant where none is.
    Allowed,
}

/// The condition that a row of the tenant must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCondition {
    /// As it is said of a row: `in their own care, or not of the household`.
    pub words: String,
    /// What lists ask for, with [`SELF`](crate::SELF) for whom it is about.
    pub predicate: Predicate,
}

/// What the policies can see of whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A person.
    Human {
        /// Their one role.
        role: Role,
        /// What the tenant granted beside it.
        capabilities: BTreeSet<Capability>,
        /// Whether a second factor was given.
        mfa: bool,
    },
    /// A machine.
    Machine {
        /// What it was given.
        scopes: BTreeSet<Scope>,
    },
}

/// What the policies can see of a row in hand, and never more. That it is of the tenant goes
/// without saying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownRow {
    /// Whether it is of the household; `None` where rows of its type can not be.
    pub personal: Option<bool>,
    /// In whose care it is, as seen by whom it is about; `None` where rows of its type are in
    /// nobody's.
    pub custodian: Option<Custodian>,
}

/// Why somebody may, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessExplanation {
    /// Whether they may.
    pub verdict: Verdict,
    /// The policies that decide: permits that hold, forbids that do, or those that look at the row.
    pub rules: Vec<Rule>,
    /// Where no permit holds: those that could, each with the first of its conditions that fails.
    pub nearest: Vec<NearPermit>,
    /// The condition on rows; `None` where the decision is the same on every row of the tenant.
    pub condition: Option<RowCondition>,
    /// Whom it is about.
    pub principal: Known,
    /// Whether their tenant is suspended.
    pub tenant_suspended: bool,
    /// The row in hand.
    pub row: Option<KnownRow>,
}

/// Who may do something, by what the policies go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhoMay {
    /// Every role.
    pub roles: Vec<(Role, Verdict, Option<RowCondition>)>,
    /// The capabilities that let a role do more than it may without, with those roles.
    pub capabilities: Vec<(Capability, Vec<Role>)>,
    /// Whether a machine may without any scope.
    pub any_machine: bool,
    /// The scopes that a machine may with, each alone.
    pub scopes: Vec<(Scope, Verdict, Option<RowCondition>)>,
}

impl Engine {
    /// Why somebody may, or may not, do that: to the row, or before any. `None` where the policies
    /// can not be evaluated, which refuses.
    pub fn explain_access(
        &self,
        who: &Somebody,
        action: ActionId,
        row: Option<&dyn Row>,
    ) -> Option<AccessExplanation> {
        let actor = &who.0;
        let (verdict, condition) = self.verdict(who, action);
        let (verdict, rules, nearest) = if let Some(row) = row {
            let explained = self.explain(actor, action, row)?;
            let verdict = if explained.is_allowed {
                Verdict::Allowed
            } else {
                Verdict::Refused
            };
            (verdict, explained.decided_by, explained.nearest)
        } else {
            let decisions = self.decide(actor, &[action]);
            match decisions.get(action) {
                Decision::Allow(basis) => (verdict, self.rules(&basis.rules), Vec::new()),
                Decision::Row(rule) => (verdict, self.rules(&rule.rules()), Vec::new()),
                Decision::Deny(refusal) if refusal.is_alarm() => return None,
                Decision::Deny(refusal) => {
                    let any = self.any_row(actor.tenant.uuid(), action);
                    let nearest = self.near(actor, action, &any, refusal.missing()).ok()?;
                    (verdict, self.rules(refusal.rules()), nearest)
                }
            }
        };
        Some(AccessExplanation {
            verdict,
            rules,
            nearest,
            condition,
            principal: known(who),
            tenant_suspended: actor.tenant_suspended,
            row: row.map(|row| known_row(row, entity::who(actor))),
        })
    }

    /// What the policies say before any row, with the condition on rows where it depends on them.
    pub fn verdict(&self, who: &Somebody, action: ActionId) -> (Verdict, Option<RowCondition>) {
        match self.decide(&who.0, &[action]).get(action) {
            Decision::Allow(_) => (Verdict::Allowed, None),
            Decision::Deny(_) => (Verdict::Refused, None),
            Decision::Row(rule) => {
                let predicate = rule.predicate_of_anybody().clone();
                let words = words::words(&predicate);
                (
                    Verdict::DependsOnRow,
                    Some(RowCondition { words, predicate }),
                )
            }
        }
    }

    /// Who may do that in a tenant that is suspended, or is not.
    pub fn who_may(&self, action: ActionId, tenant_suspended: bool) -> WhoMay {
        let verdict =
            |somebody: Somebody| self.verdict(&somebody.of_suspended(tenant_suspended), action);
        let plain = |role: Role| verdict(Somebody::person(role, BTreeSet::new()));
        let roles = Role::ALL.iter().map(|role| {
            let (verdict, condition) = plain(*role);
            (*role, verdict, condition)
        });
        let opens = |capability: Capability| -> Vec<Role> {
            let roles = Role::ALL.iter().copied();
            let opened = roles.filter(|role| {
                let without = plain(*role);
                let with = verdict(Somebody::person(*role, BTreeSet::from([capability])));
                with != without
            });
            opened.collect()
        };
        let capabilities = Capability::ALL.iter().map(|one| (*one, opens(*one)));
        let scopes = Scope::ALL.iter().map(|scope| {
            let (verdict, condition) = verdict(Somebody::machine(BTreeSet::from([*scope])));
            (*scope, verdict, condition)
        });
        WhoMay {
            roles: roles.collect(),
            capabilities: capabilities
                .filter(|(_, roles)| !roles.is_empty())
                .collect(),
            any_machine: verdict(Somebody::machine(BTreeSet::new())).0 != Verdict::Refused,
            scopes: scopes
                .filter(|(_, verdict, _)| *verdict != Verdict::Refused)
                .collect(),
        }
    }

    /// A row of the tenant as plain as a row of the action's type can be: what a condition on the
    /// principal is asked on where no row matters.
    fn any_row(&self, tenant: Uuid, action: ActionId) -> AnyRow {
        let row = AnyRow {
            tenant,
            has_personal: true,
        };
        let seen = entity::resource(self.resource_of(action), &row)
            .and_then(|entity| entity::entities([entity], self.schema()));
        AnyRow {
            // The schema does not know what the type does not have.
            has_personal: seen.is_ok(),
            ..row
        }
    }
}

struct AnyRow {
    tenant: Uuid,
    has_personal: bool,
}

impl Row for AnyRow {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "" | "tenant" => Attribute::Id(self.tenant),
            "personal" if self.has_personal => Attribute::Bool(false),
            _ => Attribute::Missing,
        }
    }
}

fn known(who: &Somebody) -> Known {
    match &who.0.principal {
        Principal::Human(human) => Known::Human {
            role: human.role,
            capabilities: human.capabilities.clone(),
            mfa: human.mfa,
        },
        Principal::Machine(machine) => Known::Machine {
            scopes: machine.scopes.clone(),
        },
    }
}

fn known_row(row: &dyn Row, who: Uuid) -> KnownRow {
    let Attribute::Bool(personal) = row.attribute("personal") else {
        return KnownRow {
            personal: None,
            custodian: None,
        };
    };
    KnownRow {
        personal: Some(personal),
        custodian: Some(match row.attribute("custodian") {
            Attribute::Id(id) if id == who => Custodian::Themselves,
            Attribute::Id(_) => Custodian::Other,
            _ => Custodian::Nobody,
        }),
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::id::{TenantId, UserId};

    use super::*;
    use crate::row::{KeptRow, TenantOnly};

    const TENANT: TenantId = TenantId::new(Uuid::from_u128(70));
    const USER: UserId = UserId::new(Uuid::from_u128(71));

    fn person(role: Role) -> Somebody {
        let somebody = Somebody::person(role, BTreeSet::new());
        somebody.in_tenant(TENANT).as_user(USER)
    }

    fn ids(rules: &[Rule]) -> Vec<&str> {
        rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    fn explain(who: &Somebody, action: &str, row: Option<&dyn Row>) -> AccessExplanation {
        let engine = Engine::embedded().unwrap();
        let action = engine.action(action).unwrap();
        engine.explain_access(who, action, row).unwrap()
    }

    #[test]
    fn a_row_in_hand_is_seen_with_the_eyes_of_whom_it_is_about() {
        let row = |custodian| KeptRow {
            tenant: TENANT,
            id: Uuid::from_u128(72),
            custodian,
            personal: false,
        };
        let worker = person(Role::Worker);
        let other = UserId::new(Uuid::from_u128(73));
        for (custodian, verdict, seen) in [
            (Some(USER), Verdict::Allowed, Custodian::Themselves),
            (Some(other), Verdict::Refused, Custodian::Other),
            (None, Verdict::Refused, Custodian::Nobody),
        ] {
            let told = explain(&worker, "Statement.opening", Some(&row(custodian)));
            assert_eq!(told.verdict, verdict);
            let known = told.row.unwrap();
            assert_eq!((known.personal, known.custodian), (Some(false), Some(seen)));
            assert_eq!(told.condition.unwrap().words, "in their own care");
        }
    }

    #[test]
    fn before_any_row_a_refusal_is_told_as_on_every_row() {
        let told = explain(&person(Role::Admin), "Transaction.amount", None);
        assert_eq!(
            told.verdict,
            Verdict::Refused,
            "nothing is in an admin's care here"
        );
        let mut nearest = told.nearest.iter();
        let near = nearest.find(|near| near.rule.id == "human.financial");
        let near = near.unwrap();
        assert!(near.fails.contains("capabilities"), "{}", near.fails);
        let told = explain(
            &person(Role::Auditor),
            "Mutation.categorizeTransaction",
            None,
        );
        assert_eq!(ids(&told.rules), ["auditor.never-writes"]);
        assert!(told.nearest.is_empty() && told.condition.is_none());
    }

    #[test]
    fn another_tenants_row_is_fenced_off_from_whom_it_is_about() {
        let row = TenantOnly {
            tenant: TenantId::new(Uuid::from_u128(99)),
            id: Uuid::from_u128(72),
        };
        let told = explain(&person(Role::Owner), "Category.name", Some(&row));
        assert_eq!(ids(&told.rules), ["fence.tenant"]);
    }

    #[test]
    fn a_suspended_tenant_lets_nobody_write() {
        let engine = Engine::embedded().unwrap();
        let action = engine.action("Mutation.createCategory").unwrap();
        let open = engine.who_may(action, false);
        let may = |who: &WhoMay, role| {
            let mut roles = who.roles.iter();
            roles.any(|(r, verdict, _)| *r == role && *verdict == Verdict::Allowed)
        };
        assert!(may(&open, Role::Owner) && !may(&open, Role::Auditor));
        let (capability, roles) = &open.capabilities[0];
        assert_eq!(*capability, Capability::WriteBasic);
        assert!(roles.contains(&Role::Worker) && !roles.contains(&Role::Auditor));
        assert_eq!(open.scopes[0].0, Scope::CategoriesCreate);
        let suspended = engine.who_may(action, true);
        assert!(
            suspended
                .roles
                .iter()
                .all(|(_, verdict, _)| *verdict == Verdict::Refused)
        );
        assert!(suspended.capabilities.is_empty() && suspended.scopes.is_empty());
    }

    #[test]
    fn the_group_of_an_action_is_the_narrowest() {
        let engine = Engine::embedded().unwrap();
        for (action, group) in [
            ("Mutation.removeMember", "admin.member"),
            ("Transaction.amount", "read.financial"),
            ("Query.explainAccess", "explain"),
            ("PageInfo.endCursor", "structure"),
        ] {
            assert_eq!(engine.group_of(engine.action(action).unwrap()), group);
        }
    }
}
