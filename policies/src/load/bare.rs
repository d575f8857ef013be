//! Policies without the action and the resource of their scope, which choosing a slice has settled. What
//! is left of them is evaluated once for many actions: by whom it looks at.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Effect, EntityUid, Policy, PolicySet, Schema, SchemaFragment};
use serde_json::{Map, Value, json};

use super::{Kind, NAMESPACE, Slice, chain, whole};
use crate::{action::Actions, entity, error::PolicyError};

/// What is left of a policy looks at, beside the tenant of whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Whoever asks and how, and never the row: it holds on every row or on none.
    Actor,
    /// The row alone: what it comes to is the same for everybody of a kind.
    Row,
    /// Both.
    Both,
}

impl Sight {
    pub(super) fn of(policy: &Policy) -> Result<Self, PolicyError> {
        let json = json_of(policy)?;
        // A scope that names no more than a type is settled by the slice.
        let scope = json.pointer("/principal/op").and_then(Value::as_str);
        let mut seen = Seen {
            actor: !matches!(scope, Some("All" | "is")),
            row: false,
        };
        seen.look(json.get("conditions").unwrap_or(&Value::Null));
        Ok(match (seen.actor, seen.row) {
            (true, true) => Self::Both,
            (false, true) => Self::Row,
            (_, false) => Self::Actor,
        })
    }
}

struct Seen {
    actor: bool,
    row: bool,
}

impl Seen {
    fn look(&mut self, value: &Value) {
        let tenant_of = |value: &Value| {
            let of = value.pointer("/./left/Var").and_then(Value::as_str);
            let attribute = value.pointer("/./attr").and_then(Value::as_str);
            attribute == Some("tenant") && of == Some("principal")
        };
        match value {
            value if tenant_of(value) => {}
            Value::Object(members) => {
                match members.get("Var").and_then(Value::as_str) {
                    Some("resource") => self.row = true,
                    Some(_) => self.actor = true,
                    None => {}
                }
                members.values().for_each(|value| self.look(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.look(item)),
            _ => {}
        }
    }
}

/// What is evaluated when a slice is decided before any row.
#[derive(Debug)]
pub(crate) struct Bare {
    /// The types of the policies' schema, with one action for each type of resource: what is left of a
    /// policy knows no action, and Cedar copies all of a schema's for every evaluation.
    pub(crate) schema: Schema,
    /// Those that look at whoever asks: permits and forbids.
    pub(crate) actors: HashMap<Kind, (PolicySet, PolicySet)>,
    /// Those that look at the row.
    pub(crate) rows: HashMap<(Kind, String), RowSet>,
}

/// Policies that look at rows of one type, for one kind of principal.
#[derive(Debug)]
pub(crate) struct RowSet {
    /// The one action on the type.
    pub(crate) action: EntityUid,
    /// Those that look at nothing else.
    pub(crate) alone: PolicySet,
    /// Those that look at whoever asks as well.
    pub(crate) both: PolicySet,
}

impl Bare {
    pub(super) fn of(
        schemas: &[&str],
        actions: &Actions,
        slices: &[Slice],
    ) -> Result<Self, PolicyError> {
        let mut actors = HashMap::new();
        for kind in Kind::ALL {
            let of = |effect: Effect| {
                let slices = slices.iter().filter(|slice| slice.kind == kind);
                chosen(slices, |member_effect, sight| {
                    member_effect == effect && sight == Sight::Actor
                })
            };
            actors.insert(kind, (of(Effect::Permit)?, of(Effect::Forbid)?));
        }
        let types: BTreeSet<&str> = actions.all.iter().map(|a| a.resource.as_str()).collect();
        let mut rows = HashMap::new();
        for (kind, resource) in Kind::ALL
            .into_iter()
            .flat_map(|kind| types.iter().map(move |resource| (kind, *resource)))
        {
            let of = |sight: Sight| {
                let slices = slices.iter();
                let slices =
                    slices.filter(|slice| slice.kind == kind && slice.resource == resource);
                chosen(slices, |_, member_sight| member_sight == sight)
            };
            let set = RowSet {
                action: entity::uid("Action", resource)
                    .map_err(|error| PolicyError::Schema(error.0))?,
                alone: of(Sight::Row)?,
                both: of(Sight::Both)?,
            };
            rows.insert((kind, resource.to_owned()), set);
        }
        Ok(Self {
            schema: schema(schemas, actions)?,
            actors,
            rows,
        })
    }
}

/// What is left of the members of slices that are asked for, each once.
fn chosen<'a>(
    slices: impl Iterator<Item = &'a Slice>,
    wanted: impl Fn(Effect, Sight) -> bool,
) -> Result<PolicySet, PolicyError> {
    let mut set = PolicySet::new();
    for slice in slices {
        let members = slice.members.iter();
        for member in members.filter(|member| wanted(member.effect, member.sight)) {
            let id = cedar_policy::PolicyId::new(&member.rule);
            if set.policy(&id).is_some() {
                continue;
            }
            if let Some(policy) = slice.policies.policy(&id) {
                set.add(stripped(policy)?)
                    .map_err(|error| PolicyError::Id(chain(&error)))?;
            }
        }
    }
    Ok(set)
}

/// The policy without the action and the resource of its scope.
fn stripped(policy: &Policy) -> Result<Policy, PolicyError> {
    let mut json = json_of(policy)?;
    if let Some(parts) = json.as_object_mut() {
        for part in ["action", "resource"] {
            parts.insert(part.to_owned(), json!({ "op": "All" }));
        }
    }
    Policy::from_json(Some(policy.id().clone()), json)
        .map_err(|error| PolicyError::Parse(error.to_string()))
}

fn json_of(policy: &Policy) -> Result<Value, PolicyError> {
    policy
        .to_json()
        .map_err(|error| PolicyError::Parse(error.to_string()))
}

/// The schema with one action for each type of resource, of the same name.
fn schema(texts: &[&str], actions: &Actions) -> Result<Schema, PolicyError> {
    let fault = |error: &dyn std::error::Error| PolicyError::Schema(chain(error));
    let (fragment, _) =
        SchemaFragment::from_cedarschema_str(&whole(texts)).map_err(|error| fault(&error))?;
    let mut json = fragment.to_json_value().map_err(|error| fault(&error))?;
    let place = json.pointer_mut(&format!("/{NAMESPACE}/actions"));
    let declared = place.ok_or_else(|| PolicyError::Schema("there are no actions".to_owned()))?;
    let mut few = Map::new();
    for action in &actions.all {
        if few.contains_key(&action.resource) {
            continue;
        }
        let mut applies = declared
            .get(action.name.as_str())
            .and_then(|one| one.get("appliesTo"))
            .cloned()
            .unwrap_or_default();
        if let Some(applies) = applies.as_object_mut() {
            let kinds = Kind::ALL.map(Kind::name);
            applies.insert("principalTypes".to_owned(), json!(kinds));
        }
        few.insert(action.resource.clone(), json!({ "appliesTo": applies }));
    }
    *declared = Value::Object(few);
    let fragment = SchemaFragment::from_json_value(json).map_err(|error| fault(&error))?;
    Schema::from_schema_fragments([fragment]).map_err(|error| fault(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(text: &str) -> Sight {
        Sight::of(&Policy::parse(None, text).unwrap()).unwrap()
    }

    #[test]
    fn a_policy_looks_at_what_it_names() {
        for (text, seen) in [
            (
                "permit (principal is H, action, resource is R);",
                Sight::Actor,
            ),
            (
                "permit (principal in R::\"a\", action, resource);",
                Sight::Actor,
            ),
            (
                "forbid (principal, action, resource) unless { principal.tenant == resource.tenant };",
                Sight::Row,
            ),
            (
                "forbid (principal is H, action, resource) when { resource.personal };",
                Sight::Row,
            ),
            (
                "forbid (principal in R::\"a\", action, resource) when { resource.personal };",
                Sight::Both,
            ),
            (
                "permit (principal, action, resource) when { resource.custodian == principal };",
                Sight::Both,
            ),
            (
                "permit (principal, action, resource) when { principal.tenant.x == principal.other };",
                Sight::Actor,
            ),
            (
                "forbid (principal, action, resource) when { context.tenantSuspended && resource.personal };",
                Sight::Both,
            ),
        ] {
            assert_eq!(sight(text), seen, "{text}");
        }
    }
}
