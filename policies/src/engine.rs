//! The engine: the only caller of Cedar.

mod compile;

use std::{collections::BTreeSet, sync::Arc};

use cedar_policy::{Authorizer, Decision as CedarDecision, Policy, PolicyId, Request, Schema};
use countersign_domain::principal::Actor;
use smol_str::SmolStr;

use crate::{
    action::{Action, ActionId},
    cache::{Compilations, KnownShapes, Permissions, Shape},
    decision::{Compiled, Conditional, Decision, Decisions, Refusal, RowRule},
    entity::{self, Bound, EntityError},
    error::PolicyError,
    load::{self, Loaded, Slice},
    predicate::Predicate,
    resolved::{self, Resolved},
    resource::Resource,
    row::{Row, TenantOnly},
    scope::{Permit, ReadScope},
};

/// The policy that keeps tenants apart.
pub(crate) const FENCE: &str = "fence.tenant";
/// The rule that a refusal names where an evaluation failed. It is an alarm, not a policy.
pub(crate) const ERROR_RULE: &str = "policy-error";

pub(crate) use compile::{Known, Rows};

/// Decides by the policies that are built in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    loaded: Arc<Loaded>,
    compilations: Compilations,
    /// What is left of policies, by shape of principal.
    known: KnownShapes,
    /// What is left of policies that look at the row alone.
    rows: Rows,
    /// What was said of tenants' books as a whole.
    of_books: Permissions,
}

impl Engine {
    /// Parses, validates and slices the policies; takes some tens of milliseconds.
    pub fn embedded() -> Result<Self, PolicyError> {
        Ok(Self::of(load::load()?))
    }

    /// The same of other texts: to compare them with these, or with each other.
    pub fn from_texts(schemas: &[&str], policies: &[&str]) -> Result<Self, PolicyError> {
        Ok(Self::of(load::load_from(schemas, policies)?))
    }

    /// The policies, each under its `@id`: for what is proved of them.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.inner.loaded.policies.policies()
    }

    pub(crate) fn policy(&self, id: &str) -> Option<&Policy> {
        self.inner.loaded.policies.policy(&PolicyId::new(id))
    }

    /// The schema that they are valid by.
    pub fn schema(&self) -> &Schema {
        &self.inner.loaded.schema
    }

    pub(crate) fn authorizer(&self) -> &Authorizer {
        &self.inner.loaded.authorizer
    }

    pub(crate) fn of(loaded: Loaded) -> Self {
        Self::remembering_nothing(Arc::new(loaded))
    }

    /// The same policies, with no decision kept: to measure what a decision costs.
    #[must_use]
    pub fn forgetful(&self) -> Self {
        Self::remembering_nothing(Arc::clone(&self.inner.loaded))
    }

    fn remembering_nothing(loaded: Arc<Loaded>) -> Self {
        Self {
            inner: Arc::new(Inner {
                compilations: Compilations::new(loaded.slices.len()),
                loaded,
                known: KnownShapes::new(),
                rows: Rows::default(),
                of_books: Permissions::new(),
            }),
        }
    }

    /// SHA-256 of schema and policies, in lower-case hexadecimal.
    pub fn version(&self) -> &str {
        &self.inner.loaded.version
    }

    /// The same as bytes.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.inner.loaded.sha256
    }

    /// That an action was refused, of this very set of policies.
    pub fn refused(&self, refusal: &Refusal) -> Resolved {
        Resolved::new(resolved::refused(refusal), self.inner.loaded.sha256)
    }

    /// That a rule of input refused an action before its policies had their last word.
    pub fn unresolved(&self, action: ActionId) -> Resolved {
        Resolved::new(
            self.action_name(action).to_owned(),
            self.inner.loaded.sha256,
        )
    }

    /// The action of that name: `Transaction.amount`.
    pub fn action(&self, name: &str) -> Option<ActionId> {
        self.inner.loaded.actions.find(name)
    }

    /// Every action with its name, sorted by name.
    pub fn actions(&self) -> impl Iterator<Item = (ActionId, &str)> {
        let all = &self.inner.loaded.actions.all;
        all.iter()
            .filter_map(|action| Some((self.action(&action.name)?, action.name.as_str())))
    }

    /// An action that one of the two has and the other has not, or has on another type of resource. Where
    /// there is none, the two number their actions alike.
    pub fn other_action(&self, other: &Self) -> Option<String> {
        let of = |engine: &Self| -> BTreeSet<(String, String)> {
            let all = engine.inner.loaded.actions.all.iter();
            all.map(|action| (action.name.to_string(), action.resource.clone()))
                .collect()
        };
        let (own, others) = (of(self), of(other));
        let mut differ = own.symmetric_difference(&others);
        differ.next().map(|(name, _)| name.clone())
    }

    /// The name of an action.
    pub fn action_name(&self, action: ActionId) -> &str {
        self.inner
            .loaded
            .actions
            .get(action)
            .map_or("", |action| &action.name)
    }

    /// The type of resource that an action is on, without its namespace.
    pub fn resource_of(&self, action: ActionId) -> &str {
        self.inner
            .loaded
            .actions
            .get(action)
            .map_or("", |action| &action.resource)
    }

    /// Whether an action is of a kind of data or acts, such as `read.financial`.
    pub fn is_in_group(&self, action: ActionId, group: &str) -> bool {
        let action = self.inner.loaded.actions.get(action);
        action.is_some_and(|action| action.groups.contains(group))
    }

    /// The group that policies know an action by: the narrowest kind of data or acts that it is of.
    pub fn group_of(&self, action: ActionId) -> &str {
        let action = self.inner.loaded.actions.get(action);
        let groups = action.map(|action| action.groups.iter().map(String::as_str));
        // `admin.member` is in `admin`, which is in `write`; `attributed` says who, and not what.
        let groups = groups
            .into_iter()
            .flatten()
            .filter(|name| *name != "attributed");
        groups
            .max_by_key(|name| (name.contains('.'), *name))
            .unwrap_or_default()
    }

    /// Decides about several actions at once, before any row.
    pub fn decide(&self, actor: &Actor, actions: &[ActionId]) -> Decisions {
        let shape = Arc::new(Shape::of(actor));
        let kept = self.inner.compilations.of(&shape);
        let mut decisions = Vec::with_capacity(actions.len());
        for &id in actions {
            let Some((action, slice)) = self.slice(id, &shape) else {
                continue;
            };
            let compiled = kept.get_or(slice, || {
                let compiled = self.compile(actor, &shape, action, slice);
                self.inner.compilations.sharing(compiled)
            });
            let decided = compiled.map(|compiled| outcome(action, actor, compiled));
            decisions.extend(decided.map(|decision| (id, decision)));
        }
        Decisions::new(decisions, self.inner.loaded.sha256)
    }

    /// The right to read rows of a kind: those whose `id` may be read.
    pub fn read_scope<R: Resource>(&self, actor: &Actor) -> Result<ReadScope<R>, Refusal> {
        let (name, action) = self.ids_of::<R>()?;
        scope(actor, &name, self.decide(actor, &[action]).get(action))
    }

    /// The same for whoever has decisions about this actor, which may have said it already.
    pub fn read_scope_by<R: Resource>(
        &self,
        actor: &Actor,
        decisions: &Decisions,
    ) -> Result<ReadScope<R>, Refusal> {
        // Actions have numbers of a set of policies' own.
        let is_own = decisions.policies == self.inner.loaded.sha256;
        let (name, action) = self.ids_of::<R>()?;
        match decisions.find(action).filter(|_| is_own) {
            Some(decision) => scope(actor, &name, decision),
            None => self.read_scope(actor),
        }
    }

    /// The action that reads the ids of a kind of rows, and its name.
    fn ids_of<R: Resource>(&self) -> Result<(String, ActionId), Refusal> {
        let name = format!("{}.id", R::NAME);
        if let Some(action) = self.action(&name) {
            return Ok((name, action));
        }
        let undecided = vec![SmolStr::new_static("undecided")];
        Err(Refusal::new(&name, undecided, vec![]))
    }

    /// Decides about one action on one resource in hand, by every policy that can concern it.
    pub fn permit(
        &self,
        actor: &Actor,
        action: ActionId,
        resource: &dyn Row,
    ) -> Result<Permit, Refusal> {
        let (known, slice) = self.asked(action, &Shape::of(actor))?;
        let said = self.authorize(actor, known, slice, resource);
        let said = said.unwrap_or_else(|error| Err(alarm(known, &error)));
        said.map(|permission| self.permitted(actor, known, permission))
    }

    /// The same of the books of the actor's tenant as a whole. Policies see nothing of them but whose they
    /// are, and that they are the actor's own: what Cedar said to one principal of a shape, it says to all.
    pub fn permit_books(&self, actor: &Actor, action: ActionId) -> Result<Permit, Refusal> {
        let shape = Shape::of(actor);
        let (known, slice) = self.asked(action, &shape)?;
        let books = TenantOnly::books(actor.tenant);
        let ask = || self.authorize(actor, known, slice, &books);
        match self.inner.of_books.get_or(shape, action, ask) {
            Ok(said) => match &*said {
                Ok(permission) => Ok(self.permitted(actor, known, permission.clone())),
                Err(refusal) => Err(refusal.clone()),
            },
            Err(error) => Err(alarm(known, &error)),
        }
    }

    /// The action, and the policies that can concern it.
    fn asked(&self, action: ActionId, shape: &Shape) -> Result<(&Action, &Slice), Refusal> {
        let found = self.slice(action, shape).and_then(|(action, slice)| {
            let slice = self.inner.loaded.slices.get(slice)?;
            Some((action, slice))
        });
        found.ok_or_else(|| Refusal::new("", vec![SmolStr::new_static("undecided")], vec![]))
    }

    fn permitted(&self, actor: &Actor, action: &Action, permission: String) -> Permit {
        let resolved = Resolved::new(permission, self.inner.loaded.sha256);
        Permit::new(actor.tenant, &action.name, resolved)
    }

    /// The permission that Cedar resolves, or its refusal.
    fn authorize(
        &self,
        actor: &Actor,
        action: &Action,
        slice: &Slice,
        resource: &dyn Row,
    ) -> Result<Result<String, Refusal>, EntityError> {
        let loaded = &self.inner.loaded;
        let principal = entity::principal(actor, Bound::actor(actor))?;
        let resource = entity::resource(&action.resource, resource)?;
        let request = Request::new(
            principal.uid(),
            action.uid.clone(),
            resource.uid(),
            entity::context(actor)?,
            Some(&loaded.schema),
        )?;
        // To build all entities anew, with every action of the schema, costs more than to decide.
        let entities = action.entity.clone();
        let entities = entities.add_entities([principal, resource], Some(&loaded.schema))?;
        let response = loaded
            .authorizer
            .is_authorized(&request, &slice.policies, &entities);
        // A forbid that fails is skipped by Cedar: that would let through what it forbids.
        if let Some(error) = response.diagnostics().errors().next() {
            return Err(EntityError(error.to_string()));
        }
        let rules = sorted(response.diagnostics().reason());
        Ok(match response.decision() {
            CedarDecision::Allow => Ok(format!("{} by {}", action.name, rules.join(", "))),
            CedarDecision::Deny => {
                let missing = if rules.is_empty() {
                    slice.permits.clone()
                } else {
                    Vec::new()
                };
                Err(Refusal::new(&action.name, rules, missing))
            }
        })
    }

    fn slice(&self, id: ActionId, shape: &Shape) -> Option<(&Action, usize)> {
        let loaded = &self.inner.loaded;
        let action = loaded.actions.get(id)?;
        let slice = loaded.slice_of.get(&shape.kind())?.get(id.index())?;
        Some((action, *slice))
    }
}

fn outcome(action: &Action, actor: &Actor, compiled: &Arc<Compiled>) -> Decision {
    match compiled.predicate {
        Predicate::True => Decision::Allow(compiled.basis.clone()),
        Predicate::False => {
            let forbids = sure(&compiled.forbids);
            let missing = if forbids.is_empty() {
                compiled.missing.clone()
            } else {
                Vec::new()
            };
            Decision::Deny(Refusal::new(&action.name, forbids, missing))
        }
        _ => Decision::Row(RowRule {
            action: action.name.clone(),
            tenant: actor.tenant,
            who: entity::who(actor),
            compiled: Arc::clone(compiled),
        }),
    }
}

/// The rules that hold on any row.
fn sure(rules: &[Conditional]) -> Vec<SmolStr> {
    let sure = rules
        .iter()
        .filter(|rule| rule.condition == Predicate::True);
    sure.map(|rule| rule.rule.clone()).collect()
}

/// What a decision about the ids of a kind of rows lets be read of them.
fn scope<R: Resource>(
    actor: &Actor,
    name: &str,
    decision: &Decision,
) -> Result<ReadScope<R>, Refusal> {
    let (predicate, permission) = match decision {
        Decision::Allow(basis) => {
            let permission = format!("{name} by {}", basis.rules.join(", "));
            (Predicate::True, permission)
        }
        Decision::Row(rule) => {
            let permission = format!("{name} by row of {}", rule.rules().join(", "));
            (rule.predicate(), permission)
        }
        Decision::Deny(refusal) => return Err(refusal.clone()),
    };
    Ok(ReadScope::new(actor.tenant, predicate, permission))
}

fn alarm(action: &Action, error: &EntityError) -> Refusal {
    tracing::error!(action = %action.name, error = %error.0, "the policies can not be evaluated");
    Refusal::new(
        &action.name,
        vec![SmolStr::new_static(ERROR_RULE)],
        Vec::new(),
    )
}

fn sorted<'a>(ids: impl Iterator<Item = &'a PolicyId>) -> Vec<SmolStr> {
    let mut ids: Vec<SmolStr> = ids.map(|id| id.to_string().into()).collect();
    ids.sort();
    ids
}
