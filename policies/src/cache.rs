//! Decisions that are kept for every principal of one shape.

use std::sync::Arc;

use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::{Actor, Principal},
};
use moka::sync::Cache;

use crate::{
    action::ActionId,
    decision::{Compiled, Refusal},
    engine::Known,
    load::Kind,
};

/// Everything of an actor that the policies can see, but for who it is and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    principal: PrincipalShape,
    mfa: bool,
    suspended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PrincipalShape {
    Human(Role, Vec<Capability>),
    Machine(Vec<Scope>),
}

impl Shape {
    pub(crate) fn of(actor: &Actor) -> Self {
        let principal = match &actor.principal {
            Principal::Human(human) => {
                PrincipalShape::Human(human.role, human.capabilities.iter().copied().collect())
            }
            Principal::Machine(machine) => {
                PrincipalShape::Machine(machine.scopes.iter().copied().collect())
            }
        };
        let mfa = actor.human().is_some_and(|human| human.mfa);
        Self {
            principal,
            mfa,
            suspended: actor.tenant_suspended,
        }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self.principal {
            PrincipalShape::Human(..) => Kind::Human,
            PrincipalShape::Machine(_) => Kind::Machine,
        }
    }
}

/// The most decisions that are kept.
const ENTRIES_MAX: u64 = 65_536;

/// By shape and slice.
#[derive(Debug)]
pub(crate) struct Compilations {
    cache: Cache<(Arc<Shape>, usize), Arc<Compiled>>,
}

impl Compilations {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::new(ENTRIES_MAX),
        }
    }

    pub(crate) fn get_or(
        &self,
        shape: &Arc<Shape>,
        slice: usize,
        compile: impl FnOnce() -> Compiled,
    ) -> Arc<Compiled> {
        self.cache
            .get_with((Arc::clone(shape), slice), || Arc::new(compile()))
    }
}

/// What Cedar said of tenants' books as a whole, by shape and action: the permission, or the refusal.
#[derive(Debug)]
pub(crate) struct Permissions {
    cache: Cache<(Shape, ActionId), Arc<Result<String, Refusal>>>,
}

impl Permissions {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::new(ENTRIES_MAX),
        }
    }

    /// What was said, asked for where it was not yet. An evaluation that fails says nothing that is kept.
    pub(crate) fn get_or<E>(
        &self,
        shape: Shape,
        action: ActionId,
        ask: impl FnOnce() -> Result<Result<String, Refusal>, E>,
    ) -> Result<Arc<Result<String, Refusal>>, E> {
        let key = (shape, action);
        if let Some(said) = self.cache.get(&key) {
            return Ok(said);
        }
        let said = Arc::new(ask()?);
        self.cache.insert(key, Arc::clone(&said));
        Ok(said)
    }
}

/// The most shapes of which something is kept.
const SHAPES_MAX: u64 = 4_096;

/// What is known of shapes.
#[derive(Debug)]
pub(crate) struct KnownShapes {
    cache: Cache<Arc<Shape>, Arc<Known>>,
}

impl KnownShapes {
    pub(crate) fn new() -> Self {
        Self {
            cache: Cache::new(SHAPES_MAX),
        }
    }

    pub(crate) fn get(&self, shape: &Arc<Shape>) -> Arc<Known> {
        self.cache.get_with(Arc::clone(shape), Arc::default)
    }
}
