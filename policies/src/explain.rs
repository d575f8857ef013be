//! Why somebody may or may not, in the policies' own words.

use cedar_policy::{Effect, EntityUid, Policy, PolicySet, Request};
use countersign_domain::principal::Actor;
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::{
    ActionId, Decision, Engine,
    effects::{ExampleRow, Somebody},
    entity::{self, Bound, EntityError},
    needs::needs,
    row::Row,
};

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it is allowed on the row.
    pub is_allowed: bool,
    /// The policies that decided: every permit that holds or, where one does, every forbid.
    pub decided_by: Vec<Rule>,
    /// Where no permit holds: those that could, each with the first of its conditions that fails.
    pub nearest: Vec<NearPermit>,
    /// What the decision looks at of the row; `None` where it is the same on every row of the tenant.
    pub row_condition: Option<String>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its `@id`.
    pub id: SmolStr,
    /// Its `@rule`: the number of the sentence of `policies/README.md` that it implements.
    pub number: Option<u32>,
    /// Its `@description`.
    pub sentence: String,
    /// What it says, without its annotations and its namespace.
    pub text: String,
}

/// A permit that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearPermit {
    /// The permit.
    pub rule: Rule,
    /// What of it fails: a condition as it is written, or its scope.
    pub fails: String,
    /// What would meet that condition, in words, where there are some.
    pub needs: Option<String>,
}

impl Engine {
    /// Why the actor may, or may not, do that to the row. `None` where the policies can not be
    /// evaluated, which refuses.
    pub fn explain(&self, actor: &Actor, action: ActionId, row: &dyn Row) -> Option<Explanation> {
        self.try_explain(actor, action, row).ok()
    }

    /// The same of an example of both, as policies see the row where it is of the action's type.
    pub fn explain_example(
        &self,
        somebody: &Somebody,
        action: ActionId,
        row: ExampleRow,
    ) -> Option<(ExampleRow, Explanation)> {
        let row = self.example(action, row);
        Some((row, self.explain(&somebody.0, action, &row)?))
    }

    fn try_explain(
        &self,
        actor: &Actor,
        action: ActionId,
        row: &dyn Row,
    ) -> Result<Explanation, EntityError> {
        let permitted = self.permit(actor, action, row);
        let row_condition = match self.decide(actor, &[action]).get(action) {
            Decision::Row(rule) => {
                let who = entity::who(actor).to_string();
                Some(rule.predicate().to_string().replace(&who, "themselves"))
            }
            Decision::Allow(_) | Decision::Deny(_) => None,
        };
        let (is_allowed, ids, missing) = match &permitted {
            Ok(_) => (true, self.permits_of(actor, action, row)?, Vec::new()),
            Err(refusal) if refusal.is_alarm() => {
                return Err(EntityError(refusal.rule()));
            }
            Err(refusal) => (false, refusal.rules().to_vec(), refusal.missing().to_vec()),
        };
        Ok(Explanation {
            is_allowed,
            decided_by: self.rules(&ids),
            nearest: self.near(actor, action, row, &missing)?,
            row_condition,
        })
    }

    /// What a rule says, in one sentence, by its id.
    pub fn sentence(&self, rule: &str) -> Option<&str> {
        self.policy(rule)?.annotation("description")
    }

    /// Those of the policies that a permission names, in the form in which the audit log keeps it
    /// ([`crate::Resolved::text`]), each once, in its order. What has gone from the set since is not among
    /// them.
    pub fn rules_named(&self, permission: &str) -> Vec<Rule> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let mut named: Vec<SmolStr> = Vec::new();
        for word in permission.split(|c| !is_part(c)) {
            if self.policy(word).is_some() && !named.iter().any(|known| known == word) {
                named.push(SmolStr::new(word));
            }
        }
        self.rules(&named)
    }

    /// The policies of those ids.
    pub(crate) fn rules(&self, ids: &[SmolStr]) -> Vec<Rule> {
        let policies = ids.iter().filter_map(|id| self.policy(id));
        policies.map(rule).collect()
    }

    /// Permits that do not hold, each with the first of its conditions that fails on the row.
    pub(crate) fn near(
        &self,
        actor: &Actor,
        action: ActionId,
        row: &dyn Row,
        missing: &[SmolStr],
    ) -> Result<Vec<NearPermit>, EntityError> {
        let policies = missing.iter().filter_map(|id| self.policy(id));
        let near = policies.map(|policy| {
            let (fails, needs) = self.first_false(actor, action, row, policy)?;
            Ok(NearPermit {
                rule: rule(policy),
                fails,
                needs,
            })
        });
        let mut near = near.collect::<Result<Vec<_>, EntityError>>()?;
        // Those that fail of the row alone are the nearest: conditions on the principal come first.
        near.sort_by_key(|near| near.fails.starts_with('(') || !near.fails.contains("resource"));
        Ok(near)
    }

    /// The permits that hold.
    fn permits_of(
        &self,
        actor: &Actor,
        action: ActionId,
        row: &dyn Row,
    ) -> Result<Vec<SmolStr>, EntityError> {
        let policies = self.policies().filter(|p| p.effect() == Effect::Permit);
        let mut held = Vec::new();
        for policy in policies {
            if self.holds(actor, action, row, policy)? {
                held.push(SmolStr::new(policy.id()));
            }
        }
        held.sort();
        Ok(held)
    }

    fn first_false(
        &self,
        actor: &Actor,
        action: ActionId,
        row: &dyn Row,
        policy: &Policy,
    ) -> Result<(String, Option<String>), EntityError> {
        let whole = policy
            .to_json()
            .map_err(|error| EntityError(error.to_string()))?;
        let conditions = whole.get("conditions").and_then(|all| all.as_array());
        let conditions = conditions.cloned().unwrap_or_default();
        let conditions: Vec<_> = conditions.iter().flat_map(parts).collect();
        let with = |conditions: Vec<Value>| {
            let mut one = whole.clone();
            if let Some(members) = one.as_object_mut() {
                members.insert("conditions".to_owned(), conditions.into());
            }
            Policy::from_json(Some(policy.id().clone()), one)
                .map_err(|error| EntityError(error.to_string()))
        };
        let scope = with(Vec::new())?;
        if !self.holds(actor, action, row, &scope)? {
            return Ok((words(&scope, &["("]), None));
        }
        let mut failing = Vec::new();
        for condition in conditions {
            let one = with(vec![condition])?;
            if !self.holds(actor, action, row, &one)? {
                failing.push(one);
            }
        }
        let first = failing.first().map(|one| words(one, &["when", "unless"]));
        let first = first.unwrap_or_else(|| "its conditions together".to_owned());
        Ok((first, needs(&failing)))
    }

    /// Whether a policy, asked alone, is met.
    fn holds(
        &self,
        actor: &Actor,
        action: ActionId,
        row: &dyn Row,
        policy: &Policy,
    ) -> Result<bool, EntityError> {
        let schema = self.schema();
        let principal = entity::principal(actor, Bound::actor(actor))?;
        let resource = entity::resource(self.resource_of(action), row)?;
        let uid: EntityUid = entity::uid("Action", self.action_name(action))?;
        let request = Request::new(
            principal.uid(),
            uid,
            resource.uid(),
            entity::context(actor)?,
            Some(schema),
        )?;
        let entities = entity::entities([principal, resource], schema)?;
        let alone = PolicySet::from_policies([policy.clone()])?;
        let response = self.authorizer().is_authorized(&request, &alone, &entities);
        Ok(response.diagnostics().reason().next().is_some())
    }
}

/// A condition's parts, each of which must hold.
fn parts(condition: &Value) -> Vec<Value> {
    let and = condition.get("body").and_then(|body| body.get("&&"));
    match and {
        Some(and) if condition.get("kind") == Some(&json!("when")) => ["left", "right"]
            .into_iter()
            .filter_map(|side| and.get(side))
            .flat_map(|side| parts(&json!({ "kind": "when", "body": side })))
            .collect(),
        _ => vec![condition.clone()],
    }
}

/// What a policy says from one of these words on, on one line.
fn words(policy: &Policy, from: &[&str]) -> String {
    // What its annotations say is said beside it.
    let text = policy.to_cedar().unwrap_or_default();
    let effect = text.find("permit").unwrap_or_default();
    let text = text.get(effect..).unwrap_or_default();
    let at = from.iter().filter_map(|word| text.find(word)).min();
    let text = at.and_then(|at| text.get(at..)).unwrap_or(text);
    let words: Vec<&str> = text.trim_end_matches(';').split_whitespace().collect();
    words.join(" ").replace("Countersign::", "")
}

fn rule(policy: &Policy) -> Rule {
    Rule {
        id: SmolStr::new(policy.id()),
        number: policy
            .annotation("rule")
            .and_then(|number| number.parse().ok()),
        sentence: policy
            .annotation("description")
            .unwrap_or_default()
            .to_owned(),
        text: text(policy),
    }
}

/// What a policy says, laid out as it is written.
fn text(policy: &Policy) -> String {
    let written = policy.to_cedar().unwrap_or_default();
    let mut text = written.trim();
    while text.starts_with('@') {
        text = after_annotation(text).trim_start();
    }
    text.replace("Countersign::", "")
}

/// What follows the annotation that a text begins with: a name, and a text in quotes that may have
/// quotes of its own.
fn after_annotation(text: &str) -> &str {
    let Some((_, value)) = text.split_once('"') else {
        return "";
    };
    let mut is_escaped = false;
    let end = value.find(|c: char| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let rest = end.and_then(|end| value.get(end..)).unwrap_or_default();
    rest.trim_start_matches('"')
        .trim_start()
        .trim_start_matches(')')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_domain::access::{Role, Scope};

    use super::*;
    use crate::effects::{Custodian, machine, person};

    fn why(actor: &Actor, action: &str, row: ExampleRow) -> Explanation {
        let engine = Engine::embedded().unwrap();
        let action = engine.action(action).unwrap();
        let somebody = Somebody(actor.clone());
        engine.explain_example(&somebody, action, row).unwrap().1
    }

    fn ids(rules: &[Rule]) -> Vec<&str> {
        rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    const COMPANY: ExampleRow = ExampleRow {
        is_own: true,
        personal: false,
        custodian: Custodian::Other,
        is_plain: false,
    };

    #[test]
    fn an_allowed_request_names_the_permits_that_hold() {
        let owner = person(Role::Owner, BTreeSet::new());
        let explained = why(&owner, "Transaction.amount", COMPANY);
        assert!(explained.is_allowed);
        assert_eq!(ids(&explained.decided_by), ["human.financial"]);
        assert_eq!(explained.row_condition, None);
    }

    #[test]
    fn a_refusal_for_want_of_a_permit_names_the_nearest_and_what_fails() {
        let worker = person(Role::Worker, BTreeSet::new());
        let explained = why(&worker, "Transaction.amount", COMPANY);
        assert!(!explained.is_allowed && explained.decided_by.is_empty());
        let custodian = explained
            .nearest
            .iter()
            .find(|near| near.rule.id == "human.financial-custodian")
            .unwrap();
        let fails = &custodian.fails;
        assert!(fails.contains("resource.custodian == principal"), "{fails}");
        assert!(!fails.contains("worker"), "{fails}");
        let condition = explained.row_condition.unwrap();
        assert!(condition.contains("custodian = themselves"), "{condition}");
    }

    #[test]
    fn a_permission_names_its_rules_once_and_in_their_order() {
        let engine = Engine::embedded().unwrap();
        let permission = "Query.accounts by human.basic; Query.auditEntries refused by \
                          no-permit(machine.audit); Query.statements by row of human.basic, gone.since";
        let named = engine.rules_named(permission);
        let told: Vec<_> = named.iter().map(|r| (r.id.as_str(), r.number)).collect();
        assert_eq!(
            told,
            [("human.basic", Some(4)), ("machine.audit", Some(24))]
        );
    }

    #[test]
    fn a_rule_is_told_in_its_own_text_without_annotations() {
        let owner = person(Role::Owner, BTreeSet::new());
        let explained = why(&owner, "Transaction.amount", COMPANY);
        let text = &explained.decided_by[0].text;
        assert!(text.starts_with("permit ("), "{text}");
        assert!(
            text.contains("Role::\"accountant\"") && text.ends_with(';'),
            "{text}"
        );
        assert!(
            !text.contains('@') && !text.contains("Countersign::"),
            "{text}"
        );
        let quoted = r#"@a("b \" permit (\\")  @c("d") permit (principal, action, resource);"#;
        let policy = Policy::parse(None, quoted).unwrap();
        assert_eq!(
            super::text(&policy),
            "permit (principal, action, resource);"
        );
    }

    #[test]
    fn a_row_is_seen_as_its_type_is() {
        let admin = person(Role::Admin, BTreeSet::new());
        let explained = why(&admin, "Mutation.removeMember", COMPANY);
        assert_eq!(ids(&explained.decided_by), ["human.admin-member"]);
    }

    #[test]
    fn a_ceiling_and_the_fence_are_named_before_any_permit() {
        let token = machine(BTreeSet::from([Scope::FinancialRead]));
        let personal = ExampleRow {
            personal: true,
            ..COMPANY
        };
        let explained = why(&token, "Transaction.amount", personal);
        assert_eq!(ids(&explained.decided_by), ["machine.never-personal"]);
        assert!(!explained.decided_by[0].sentence.is_empty());
        let foreign = ExampleRow {
            is_own: false,
            ..COMPANY
        };
        let explained = why(&token, "Transaction.amount", foreign);
        assert_eq!(ids(&explained.decided_by), ["fence.tenant"]);
        assert!(!explained.is_allowed && explained.nearest.is_empty());
    }
}
