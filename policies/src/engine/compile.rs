//! What is left of a slice when everything but the row is known.
//!
//! Cedar evaluates each policy no more often than it can come to something else: one that looks at whoever
//! asks, once for a shape of principal; one that looks at the row, once for a type of row; one that looks at
//! both, once for a shape and a type. The last two by partial evaluation. A slice is put together of that.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use cedar_policy::{
    Authorizer, Effect, Entities, EntityTypeName, PartialEntities, PartialEntityUid,
    PartialRequest, PolicyId, PolicySet, Request,
};
use countersign_domain::principal::Actor;
use smol_str::SmolStr;

use super::{ERROR_RULE, Engine, alarm, sure};
use crate::{
    action::Action,
    cache::Shape,
    decision::{Basis, Compiled, Conditional, Conditions},
    effects::actors,
    entity::{self, Bound, EntityError},
    error::PolicyError,
    load::{Bare, Kind, NAMESPACE, RowSet, Sight, Slice},
    predicate::Predicate,
    residual::{self, Facts},
};

/// The conditions of policies on rows of one type, by the policies' ids. One that is not here is never met.
type ByRule = Arc<HashMap<SmolStr, Predicate>>;

impl Engine {
    /// What is left of a slice for the shape of an actor.
    pub(super) fn compile(
        &self,
        actor: &Actor,
        shape: &Arc<Shape>,
        action: &Action,
        slice: usize,
    ) -> Compiled {
        let Some(slice) = self.inner.loaded.slices.get(slice) else {
            return Compiled::refusing();
        };
        match self.left_of(actor, shape, slice) {
            Ok(left) => Compiled::of(left, slice.permits.clone()),
            Err(error) => {
                alarm(action, &error);
                Compiled::refusing()
            }
        }
    }

    /// What is left of each policy of a slice.
    fn left_of(
        &self,
        actor: &Actor,
        shape: &Arc<Shape>,
        slice: &Slice,
    ) -> Result<Vec<(Effect, Conditional)>, EntityError> {
        let bare = &self.inner.loaded.bare;
        let known = self.inner.known.get(shape);
        let place = (slice.kind, slice.resource.clone());
        let set = bare.rows.get(&place);
        let set = set.ok_or_else(|| EntityError("a type has no policies".to_owned()))?;
        let mut left = Vec::with_capacity(slice.members.len());
        for member in &slice.members {
            let condition = match member.sight {
                Sight::Actor if known.met(bare, actor, slice.kind)?.contains(&member.rule) => {
                    Predicate::True
                }
                Sight::Actor => Predicate::False,
                Sight::Row => {
                    let made = || partial(bare, actor, &slice.resource, set, &set.alone);
                    found(&self.inner.rows.of(&place, made)?, &member.rule)
                }
                Sight::Both => {
                    let made = || partial(bare, actor, &slice.resource, set, &set.both);
                    found(&known.rows.of(&place, made)?, &member.rule)
                }
            };
            let rule = member.rule.clone();
            left.push((member.effect, Conditional { rule, condition }));
        }
        Ok(left)
    }

    /// The conditions on rows that the policies come to for everybody, each with the type of the row. Fails
    /// where one is not understood, or a policy can not be evaluated.
    pub fn row_conditions(&self) -> Result<Vec<(String, Predicate)>, PolicyError> {
        let mut conditions = BTreeMap::new();
        for actor in actors() {
            let shape = Arc::new(Shape::of(&actor));
            let slices = self.inner.loaded.slices.iter();
            for slice in slices.filter(|slice| slice.kind == shape.kind()) {
                let form = |id: &str, fault: String| PolicyError::Form {
                    id: id.to_owned(),
                    fault,
                };
                let left = self.left_of(&actor, &shape, slice);
                let left = left.map_err(|error| form(ERROR_RULE, error.0))?;
                for (_, one) in &left {
                    if one.condition.is_opaque() {
                        let fault =
                            format!("has a condition that no list can ask by: {}", one.condition);
                        return Err(form(&one.rule, fault));
                    }
                }
                let predicate = Compiled::of(left, Vec::new()).predicate;
                let key = (slice.resource.clone(), predicate.to_string());
                conditions.insert(key, predicate);
            }
        }
        let conditions = conditions.into_iter();
        Ok(conditions
            .map(|((resource, _), predicate)| (resource, predicate))
            .collect())
    }
}

fn found(conditions: &ByRule, rule: &SmolStr) -> Predicate {
    conditions.get(rule).cloned().unwrap_or(Predicate::False)
}

/// What is known of a shape of principal.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The policies that hold by whoever asks.
    met: OnceLock<HashSet<SmolStr>>,
    rows: Rows,
}

impl Known {
    fn met(
        &self,
        bare: &Bare,
        actor: &Actor,
        kind: Kind,
    ) -> Result<&HashSet<SmolStr>, EntityError> {
        if let Some(met) = self.met.get() {
            return Ok(met);
        }
        let met = met(bare, actor, kind)?;
        Ok(self.met.get_or_init(|| met))
    }
}

/// The conditions of policies, by kind of principal and type of row.
#[derive(Debug, Default)]
pub(crate) struct Rows(Mutex<HashMap<(Kind, String), ByRule>>);

impl Rows {
    fn of(
        &self,
        place: &(Kind, String),
        make: impl FnOnce() -> Result<HashMap<SmolStr, Predicate>, EntityError>,
    ) -> Result<ByRule, EntityError> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rows.get(place) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        rows.insert(place.clone(), Arc::clone(&made));
        Ok(made)
    }
}

/// Which policies hold, of those that do not look at the row.
fn met(bare: &Bare, actor: &Actor, kind: Kind) -> Result<HashSet<SmolStr>, EntityError> {
    let principal = entity::principal(actor, Bound::PLACEHOLDER)?;
    // Neither action nor row is looked at.
    let nothing = entity::uid("Books", "")?;
    let action = entity::uid("Action", "")?;
    let context = entity::context(actor)?;
    let request = Request::new(principal.uid(), action, nothing, context, None)?;
    let entities = Entities::from_entities([principal], None)?;
    let mut met = HashSet::new();
    let Some((permits, forbids)) = bare.actors.get(&kind) else {
        return Ok(met);
    };
    for set in [permits, forbids] {
        let response = Authorizer::new().is_authorized(&request, set, &entities);
        let holds = response.diagnostics().reason();
        met.extend(holds.map(SmolStr::new));
        if let Some(error) = response.diagnostics().errors().next() {
            // A forbid that fails would be skipped: that would let through what it forbids.
            return Err(EntityError(error.to_string()));
        }
    }
    Ok(met)
}

/// The conditions that are left of policies when everything but the row is known.
fn partial(
    bare: &Bare,
    actor: &Actor,
    resource: &str,
    set: &RowSet,
    policies: &PolicySet,
) -> Result<HashMap<SmolStr, Predicate>, EntityError> {
    if policies.is_empty() {
        return Ok(HashMap::new());
    }
    let schema = &bare.schema;
    let principal = entity::principal(actor, Bound::PLACEHOLDER)?;
    let uid = principal.uid();
    let entities = entity::entities([principal], schema)?;
    let entities = PartialEntities::from_concrete(entities, schema)?;
    let resource: EntityTypeName = format!("{NAMESPACE}::{resource}").parse()?;
    let request = PartialRequest::new(
        PartialEntityUid::from_concrete(uid),
        set.action.clone(),
        PartialEntityUid::new(resource, None),
        Some(entity::context(actor)?),
        schema,
    )?;
    let response = policies.tpe(&request, &entities, schema)?;
    let sure = |id: &PolicyId| (SmolStr::new(id), Predicate::True);
    let mut conditions: HashMap<SmolStr, Predicate> = response.true_permits().map(sure).collect();
    // A forbid that can only fail counts as met: stricter than Cedar, which would skip it.
    conditions.extend(response.true_forbids().map(sure));
    conditions.extend(response.error_forbids().map(sure));
    let facts = Facts {
        tenant: entity::PLACEHOLDER_TENANT,
    };
    for policy in response.residual_policies() {
        let condition = residual::condition(&policy, facts);
        if condition.is_opaque() {
            tracing::error!(policy = %policy.id(), %condition, "a residual is not understood");
        }
        conditions.insert(SmolStr::new(policy.id()), condition);
    }
    Ok(conditions)
}

impl Compiled {
    /// Of what is left of policies. What is not understood permits nothing and forbids everything.
    fn of(left: Vec<(Effect, Conditional)>, missing: Vec<SmolStr>) -> Self {
        let (mut permits, mut forbids) = (Vec::new(), Vec::new());
        for (effect, one) in left {
            let (target, instead) = match effect {
                Effect::Permit => (&mut permits, Predicate::False),
                Effect::Forbid => (&mut forbids, Predicate::True),
            };
            let condition = if one.condition.is_opaque() {
                instead
            } else {
                one.condition
            };
            if condition != Predicate::False {
                let rule = one.rule;
                target.push(Conditional { rule, condition });
            }
        }
        Self::new(permits, forbids, missing)
    }

    fn new(
        mut permits: Vec<Conditional>,
        mut forbids: Vec<Conditional>,
        missing: Vec<SmolStr>,
    ) -> Self {
        // Cedar gives residuals in random order.
        permits.sort_by(|a, b| a.rule.cmp(&b.rule));
        forbids.sort_by(|a, b| a.rule.cmp(&b.rule));
        let each = |rules: &[Conditional]| {
            let all: BTreeSet<_> = rules.iter().map(|rule| rule.condition.clone()).collect();
            all.into_iter().collect()
        };
        let any =
            |rules: &[Conditional]| Predicate::or(rules.iter().map(|rule| rule.condition.clone()));
        let predicate = Predicate::and([any(&permits), any(&forbids).negate()]);
        Self {
            conditions: Arc::new(Conditions {
                permits: each(&permits),
                forbids: each(&forbids),
            }),
            basis: Basis {
                rules: sure(&permits).into(),
            },
            permits,
            forbids,
            predicate,
            missing,
        }
    }

    /// Refuses everything, where the policies could not be evaluated.
    fn refusing() -> Self {
        let rule = SmolStr::new_static(ERROR_RULE);
        let forbids = vec![Conditional {
            rule,
            condition: Predicate::True,
        }];
        Self::new(Vec::new(), forbids, Vec::new())
    }
}
