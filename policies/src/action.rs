//! Actions, by number.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Entities, EntityUid, Schema};
use smol_str::SmolStr;

use crate::error::PolicyError;

/// Whether somebody is told which rule refused.
pub const EXPLAIN_REFUSAL: &str = "Capability.explainRefusal";
/// Whether somebody may look around in the schema.
pub const INTROSPECT: &str = "Capability.introspect";
/// What every GraphQL request is decided about beside what it asks for.
pub(crate) const OF_EVERY_REQUEST: [&str; 2] = [EXPLAIN_REFUSAL, INTROSPECT];

/// A field or another capability, by its number in the engine that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId(pub(crate) u16);

impl ActionId {
    /// The number: the place of its name among those of its set of policies, sorted.
    pub const fn number(self) -> u16 {
        self.0
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What is known of an action.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: SmolStr,
    pub(crate) uid: EntityUid,
    /// The one resource type that it applies to, without its namespace.
    pub(crate) resource: String,
    /// The groups that it is in, transitively.
    pub(crate) groups: BTreeSet<String>,
    /// Itself as an entity, which knows its groups: all that a decision about it asks of actions. Without it
    /// a forbid on a group would be skipped.
    pub(crate) entity: Entities,
}

/// Every action that applies to something, by number and by name.
#[derive(Debug)]
pub(crate) struct Actions {
    pub(crate) all: Vec<Action>,
    by_name: HashMap<SmolStr, ActionId>,
}

impl Actions {
    pub(crate) fn of(schema: &Schema) -> Result<Self, PolicyError> {
        let entities = schema
            .action_entities()
            .map_err(|error| PolicyError::Schema(error.to_string()))?;
        let mut all = Vec::new();
        for uid in schema.actions() {
            let mut resources = schema.resources_for_action(uid).into_iter().flatten();
            let Some(resource) = resources.next() else {
                continue;
            };
            let name = uid.id().unescaped().to_owned();
            if resources.any(|other| other != resource) {
                let fault = "applies to more than one type of resource".to_owned();
                return Err(PolicyError::Form { id: name, fault });
            }
            let groups = entities.ancestors(uid).into_iter().flatten();
            let entity = Entities::from_entities(entities.get(uid).cloned(), None)
                .map_err(|error| PolicyError::Schema(error.to_string()))?;
            all.push(Action {
                name: name.into(),
                uid: uid.clone(),
                resource: resource.basename().to_owned(),
                groups: groups
                    .map(|group| group.id().unescaped().to_owned())
                    .collect(),
                entity,
            });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mut by_name = HashMap::with_capacity(all.len());
        for (i, action) in all.iter().enumerate() {
            let id = u16::try_from(i).map_err(|_| PolicyError::TooManyActions)?;
            by_name.insert(action.name.clone(), ActionId(id));
        }
        Ok(Self { all, by_name })
    }

    pub(crate) fn find(&self, name: &str) -> Option<ActionId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: ActionId) -> Option<&Action> {
        self.all.get(id.index())
    }
}
