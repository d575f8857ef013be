//! Decisions that are kept for every principal of one shape.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use countersign_domain::{
    access::{Capability, Role, Scope},
    principal::{Actor, Principal},
};
use moka::sync::Cache;

use crate::{
    action::ActionId,
    decision::{Compiled, Conditions, Refusal},
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

/// The most permissions that are kept.
const ENTRIES_MAX: u64 = 65_536;
/// The most shapes of which something is kept.
const SHAPES_MAX: u64 = 4_096;

/// By shape and slice.
#[derive(Debug)]
pub(crate) struct Compilations {
    slices: usize,
    cache: Cache<Arc<Shape>, Arc<OfShape>>,
    /// Each once. They are as many as policies ask different things of a row, whatever shapes there are.
    conditions: Mutex<HashSet<Arc<Conditions>>>,
}

impl Compilations {
    /// Of policies that are cut into so many slices.
    pub(crate) fn new(slices: usize) -> Self {
        Self {
            slices,
            cache: Cache::new(SHAPES_MAX),
            conditions: Mutex::default(),
        }
    }

    /// The same, with the conditions that others have as well.
    pub(crate) fn sharing(&self, mut compiled: Compiled) -> Compiled {
        let mut conditions = self
            .conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match conditions.get(&compiled.conditions) {
            Some(known) => compiled.conditions = Arc::clone(known),
            None => drop(conditions.insert(Arc::clone(&compiled.conditions))),
        }
        compiled
    }

    pub(crate) fn of(&self, shape: &Arc<Shape>) -> Arc<OfShape> {
        let empty = || {
            let slices = (0..self.slices).map(|_| OnceLock::new());
            Arc::new(OfShape(slices.collect()))
        };
        self.cache.get_with_by_ref(shape, empty)
    }
}

/// What is kept for one shape, by slice.
#[derive(Debug)]
pub(crate) struct OfShape(Box<[OnceLock<Arc<Compiled>>]>);

impl OfShape {
    pub(crate) fn get_or(
        &self,
        slice: usize,
        compile: impl FnOnce() -> Compiled,
    ) -> Option<&Arc<Compiled>> {
        let kept = self.0.get(slice)?;
        Some(kept.get_or_init(|| Arc::new(compile())))
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
