//! Actors and rows as Cedar entities.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};
use countersign_domain::principal::{Actor, Principal};
use uuid::Uuid;

use crate::{
    load::NAMESPACE,
    predicate::SELF,
    row::{Attribute, Row},
};

/// A value can not be brought into Cedar's form. It denies, and it is an alarm.
#[derive(Debug)]
pub(crate) struct EntityError(pub(crate) String);

impl<E: std::error::Error> From<E> for EntityError {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// The tenant that decisions are kept for: a placeholder, like [`SELF`].
pub(crate) const PLACEHOLDER_TENANT: Uuid = Uuid::max();

/// Who a decision is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) tenant: Uuid,
    pub(crate) who: Uuid,
}

impl Bound {
    pub(crate) const PLACEHOLDER: Self = Self {
        tenant: PLACEHOLDER_TENANT,
        who: SELF,
    };

    pub(crate) fn actor(actor: &Actor) -> Self {
        Self {
            tenant: actor.tenant.uuid(),
            who: who(actor),
        }
    }
}

/// The id that `principal` has in the policies: a person's, or none that a row could point to.
pub(crate) fn who(actor: &Actor) -> Uuid {
    match &actor.principal {
        Principal::Human(human) => human.user.uuid(),
        Principal::Machine(_) => Uuid::max(),
    }
}

pub(crate) fn uid(type_name: &str, id: &str) -> Result<EntityUid, EntityError> {
    let name: EntityTypeName = format!("{NAMESPACE}::{type_name}").parse()?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

fn reference(type_name: &str, id: &str) -> Result<RestrictedExpression, EntityError> {
    Ok(RestrictedExpression::new_entity_uid(uid(type_name, id)?))
}

/// The principal, with the ids of `bound`.
pub(crate) fn principal(actor: &Actor, bound: Bound) -> Result<Entity, EntityError> {
    let tenant = reference("Tenant", &bound.tenant.to_string())?;
    let mut attributes = HashMap::from([("tenant".to_owned(), tenant)]);
    let mut parents = HashSet::new();
    let type_name = match &actor.principal {
        Principal::Human(human) => {
            let names = human
                .capabilities
                .iter()
                .map(|c| reference("Capability", c.name()));
            let set = RestrictedExpression::new_set(names.collect::<Result<Vec<_>, _>>()?);
            attributes.insert("capabilities".to_owned(), set);
            parents.insert(uid("Role", human.role.name())?);
            "Human"
        }
        Principal::Machine(machine) => {
            let names = machine
                .scopes
                .iter()
                .map(|scope| reference("Scope", scope.name()));
            let set = RestrictedExpression::new_set(names.collect::<Result<Vec<_>, _>>()?);
            attributes.insert("scopes".to_owned(), set);
            "Machine"
        }
    };
    Ok(Entity::new(
        uid(type_name, &bound.who.to_string())?,
        attributes,
        parents,
    )?)
}

/// A row in hand, as an entity of its type.
pub(crate) fn resource(type_name: &str, row: &dyn Row) -> Result<Entity, EntityError> {
    let id = match row.attribute("") {
        Attribute::Id(id) => id.to_string(),
        _ => return Err(EntityError("a row has no id".to_owned())),
    };
    let mut attributes = HashMap::new();
    for (name, target) in [("tenant", "Tenant"), ("custodian", "Human")] {
        if let Attribute::Id(id) = row.attribute(name) {
            attributes.insert(name.to_owned(), reference(target, &id.to_string())?);
        }
    }
    if let Attribute::Bool(personal) = row.attribute("personal") {
        attributes.insert(
            "personal".to_owned(),
            RestrictedExpression::new_bool(personal),
        );
    }
    Ok(Entity::new(
        uid(type_name, &id)?,
        attributes,
        HashSet::new(),
    )?)
}

/// Entities that the schema has checked; the actions are among them, without which a forbid on a
/// group of actions would be skipped.
pub(crate) fn entities(
    members: impl IntoIterator<Item = Entity>,
    schema: &Schema,
) -> Result<Entities, EntityError> {
    Ok(Entities::from_entities(members, Some(schema))?)
}

/// What policies know of the request beside who and what.
pub(crate) fn context(actor: &Actor) -> Result<Context, EntityError> {
    let mfa = actor.human().is_some_and(|human| human.mfa);
    Ok(Context::from_pairs([
        ("mfa".to_owned(), RestrictedExpression::new_bool(mfa)),
        (
            "tenantSuspended".to_owned(),
            RestrictedExpression::new_bool(actor.tenant_suspended),
        ),
    ])?)
}
