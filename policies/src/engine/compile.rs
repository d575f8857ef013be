//! Partial evaluation: what is left of a slice when everything but the row is known.

use std::cell::OnceCell;

use cedar_policy::{
    Context, EntityTypeName, EntityUid, PartialEntities, PartialEntityUid, PartialRequest,
    PolicyId, Schema,
};
use countersign_domain::principal::Actor;
use smol_str::SmolStr;

use super::{ERROR_RULE, Engine, alarm, permits_of};
use crate::{
    action::Action,
    decision::{Compiled, Conditional},
    entity::{self, Bound, EntityError},
    load::{NAMESPACE, Slice},
    predicate::Predicate,
    residual::{self, Facts},
};

impl Engine {
    /// Partial evaluation of a slice for the shape of an actor: everything but the row is known.
    pub(super) fn compile(
        &self,
        actor: &Actor,
        action: &Action,
        slice: usize,
        known: &OnceCell<Known>,
    ) -> Compiled {
        let Some(slice) = self.inner.loaded.slices.get(slice) else {
            return Compiled::refusing();
        };
        self.evaluate(actor, action, slice, known)
            .unwrap_or_else(|error| {
                alarm(action, &error);
                Compiled::refusing()
            })
    }

    fn evaluate(
        &self,
        actor: &Actor,
        action: &Action,
        slice: &Slice,
        known: &OnceCell<Known>,
    ) -> Result<Compiled, EntityError> {
        let schema = &self.inner.loaded.schema;
        let known = if let Some(known) = known.get() {
            known
        } else {
            let made = Known::of(actor, schema)?;
            known.get_or_init(|| made)
        };
        let resource: EntityTypeName = format!("{NAMESPACE}::{}", action.resource).parse()?;
        let request = PartialRequest::new(
            PartialEntityUid::from_concrete(known.principal.clone()),
            action.uid.clone(),
            PartialEntityUid::new(resource, None),
            Some(known.context.clone()),
            schema,
        )?;
        let response = slice.policies.tpe(&request, &known.entities, schema)?;
        let facts = Facts {
            tenant: entity::PLACEHOLDER_TENANT,
        };
        let sure = |ids: &mut dyn Iterator<Item = &PolicyId>| -> Vec<Conditional> {
            let ids = ids.map(ToString::to_string);
            ids.map(|id| Conditional {
                rule: id.into(),
                condition: Predicate::True,
            })
            .collect()
        };
        let mut permits = sure(&mut response.true_permits());
        // A forbid that can only fail counts as met: stricter than Cedar, which would skip it.
        let mut forbids = sure(&mut response.true_forbids());
        forbids.extend(sure(&mut response.error_forbids()));
        for policy in response.residual_policies() {
            let mut condition = residual::condition(&policy, facts);
            // What is not understood permits nothing and forbids everything.
            if condition.is_opaque() {
                tracing::error!(policy = %policy.id(), %condition, "a residual is not understood");
                condition = match policy.effect() {
                    cedar_policy::Effect::Permit => Predicate::False,
                    cedar_policy::Effect::Forbid => Predicate::True,
                };
            }
            if condition == Predicate::False {
                continue;
            }
            let rule = SmolStr::new(policy.id());
            let target = match policy.effect() {
                cedar_policy::Effect::Permit => &mut permits,
                cedar_policy::Effect::Forbid => &mut forbids,
            };
            target.push(Conditional { rule, condition });
        }
        Ok(Compiled::new(permits, forbids, permits_of(slice)))
    }
}

/// What is the same for every action of an actor.
pub(super) struct Known {
    principal: EntityUid,
    context: Context,
    entities: PartialEntities,
}

impl Known {
    fn of(actor: &Actor, schema: &Schema) -> Result<Self, EntityError> {
        let principal = entity::principal(actor, Bound::PLACEHOLDER)?;
        let uid = principal.uid();
        let entities = entity::entities([principal], schema)?;
        Ok(Self {
            principal: uid,
            context: entity::context(actor)?,
            entities: PartialEntities::from_concrete(entities, schema)?,
        })
    }
}

impl Compiled {
    fn new(
        mut permits: Vec<Conditional>,
        mut forbids: Vec<Conditional>,
        missing: Vec<SmolStr>,
    ) -> Self {
        // Cedar gives residuals in random order.
        permits.sort_by(|a, b| a.rule.cmp(&b.rule));
        forbids.sort_by(|a, b| a.rule.cmp(&b.rule));
        let any =
            |rules: &[Conditional]| Predicate::or(rules.iter().map(|rule| rule.condition.clone()));
        let predicate = Predicate::and([any(&permits), any(&forbids).negate()]);
        Self {
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

    pub(super) fn bind(&self, who: uuid::Uuid) -> Self {
        let bind = |rules: &[Conditional]| -> Vec<Conditional> {
            let rules = rules.iter();
            rules
                .map(|rule| Conditional {
                    rule: rule.rule.clone(),
                    condition: rule.condition.bind(who),
                })
                .collect()
        };
        Self {
            permits: bind(&self.permits),
            forbids: bind(&self.forbids),
            predicate: self.predicate.bind(who),
            missing: self.missing.clone(),
        }
    }
}
