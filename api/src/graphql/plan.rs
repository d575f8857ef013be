//! What an operation is about to do, known before it runs: the actions to be decided, the cost, the
//! identifiers that it names.

mod beside;

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_graphql::{Name, Variables};
use async_graphql_parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql_value::{ConstValue, Value};
use countersign_domain::{audit::Asked, id::AnyId};
use countersign_policies::{ActionId, Engine};

use super::{
    deprecation::Deprecation,
    fragments, introspection,
    limits::{LimitError, Limits},
    shape::{SchemaShape, TypeShape},
};

/// Rows that a list is taken to have where the caller does not say.
pub(super) const PAGE_DEFAULT: u16 = 50;

/// A root field of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RootField {
    pub(super) name: String,
    pub(super) action: ActionId,
}

/// What does not depend on variables.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) kind: OperationType,
    /// Every action to be decided, distinct.
    pub(super) actions: Vec<ActionId>,
    /// The same, as the audit log has it.
    pub(super) asked: Arc<Asked>,
    /// The distinct root fields, in order of their names.
    pub(super) roots: Vec<RootField>,
    /// Whether `__schema` or `__type` is asked for.
    pub(super) introspects: bool,
    /// Whether a field that is selected is on its way out.
    pub(super) deprecation: Option<Deprecation>,
    /// How much of the schema is asked for.
    introspected: u64,
    /// Root selections, aliases and repetitions among them.
    root_count: usize,
}

/// What depends on variables.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) cost: u64,
    /// The lists, each with the rows that it is taken to have.
    pub(super) pages: Vec<(String, u64)>,
    /// Every identifier that is passed as an argument, distinct, as the caller wrote it.
    pub(super) named: BTreeMap<AnyId, String>,
    /// Whether it is one `node` or `nodes` that names them all, and that finds out itself whether they
    /// are there.
    pub(super) is_lookup: bool,
    /// Whether it looks at many rows to give a few, which may take long.
    pub(super) is_long: bool,
}

/// Why a request's arguments are refused before they reach a resolver.
#[derive(Debug)]
pub(super) enum MeasureError {
    Limit(LimitError),
    /// Something is no identifier at all.
    NotAnId,
}

/// Walks documents whose expansion is known to be bounded (`limits::check_expansion`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) shape: &'a SchemaShape,
    pub(super) engine: &'a Engine,
    pub(super) document: &'a ExecutableDocument,
}

impl Planner<'_> {
    /// Plans one operation.
    pub(super) fn plan(
        &self,
        operation: &OperationDefinition,
        limits: &Limits,
    ) -> Result<Plan, LimitError> {
        let mut plan = Plan {
            kind: operation.ty,
            actions: Vec::new(),
            asked: Arc::default(),
            roots: Vec::new(),
            introspects: false,
            deprecation: None,
            introspected: 0,
            root_count: 0,
        };
        let root = root_type(operation.ty);
        self.collect(&operation.selection_set.node, root, true, &mut plan);
        plan.actions.sort_unstable();
        plan.actions.dedup();
        let numbers = plan.actions.iter().map(|action| action.number());
        plan.asked = Arc::new(Asked::of(numbers));
        plan.roots.sort_unstable();
        plan.roots.dedup();
        let root_fields_max = usize::try_from(limits.root_fields_max).unwrap_or(usize::MAX);
        if plan.root_count > root_fields_max {
            return Err(LimitError::RootFields(limits.root_fields_max));
        }
        if plan.introspected > introspection::EXTENT_MAX {
            return Err(LimitError::Introspection);
        }
        match operation.ty {
            OperationType::Query => {}
            OperationType::Mutation => self.refuse_repeated_mutations(operation)?,
            OperationType::Subscription if plan.root_count == 1 => {}
            OperationType::Subscription => return Err(LimitError::SubscriptionFields),
        }
        Ok(plan)
    }

    /// Two mutations under one response key are valid where they are equal, and must run once. The
    /// executor would run both, so such a document is refused.
    fn refuse_repeated_mutations(&self, operation: &OperationDefinition) -> Result<(), LimitError> {
        let mut keys = HashSet::new();
        let mut repeated = false;
        self.each_field(
            &operation.selection_set.node,
            "Mutation",
            &mut |field, _| {
                repeated |= !keys.insert(field.response_key().node.clone());
            },
        );
        if repeated {
            Err(LimitError::RepeatedMutation)
        } else {
            Ok(())
        }
    }

    fn collect(&self, set: &SelectionSet, parent: &str, at_root: bool, plan: &mut Plan) {
        self.each_field(set, parent, &mut |field, parent| {
            let name = field.name.node.as_str();
            plan.root_count = plan.root_count.saturating_add(usize::from(at_root));
            if matches!(name, "__schema" | "__type") {
                let extent = introspection::extent(self.document, &field.selection_set.node);
                plan.introspected = plan.introspected.saturating_add(extent);
                plan.introspects = true;
                return;
            }
            for concrete in self.shape.concrete(parent) {
                if let Some(action) = self.engine.action(&format!("{concrete}.{name}")) {
                    plan.actions.push(action);
                    if at_root {
                        plan.roots.push(RootField {
                            name: name.to_owned(),
                            action,
                        });
                    }
                }
            }
            // An unknown field has no shape; validation names it.
            if let Some(shape) = self.shape.field(parent, name) {
                if let Some(found) = shape.deprecation {
                    let known = plan.deprecation;
                    plan.deprecation = Some(known.map_or(found, |known| known.and(found)));
                }
                self.collect(&field.selection_set.node, &shape.ty.name, false, plan);
            }
        });
    }

    /// Visits the fields of a selection set with fragments expanded, each with the type it is
    /// selected on.
    fn each_field(&self, set: &SelectionSet, parent: &str, visit: &mut dyn FnMut(&Field, &str)) {
        fragments::each_field(self.document, set, parent, &mut |field, parent| {
            visit(&field.node, parent);
        });
    }

    /// Computes the cost and collects the identifiers, with the variables of one request.
    pub(super) fn measure(
        &self,
        operation: &OperationDefinition,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<Measure, MeasureError> {
        let mut walk = Walk {
            planner: self,
            operation,
            variables,
            pages: Vec::new(),
            named: BTreeMap::new(),
            listed: 0,
            names_below: false,
            not_an_id: false,
            is_long: false,
            once: 0,
        };
        let set = &operation.selection_set.node;
        let cost = walk.cost(set, root_type(operation.ty));
        let cost = cost.saturating_add(walk.once);
        if walk.not_an_id {
            return Err(MeasureError::NotAnId);
        }
        if cost > limits.cost_max {
            return Err(MeasureError::Limit(LimitError::Cost {
                cost,
                limit: limits.cost_max,
            }));
        }
        if walk.listed > limits.ids_max {
            return Err(MeasureError::Limit(LimitError::Ids(limits.ids_max)));
        }
        Ok(Measure {
            cost,
            pages: walk.pages,
            is_lookup: !walk.names_below && is_lookup(operation),
            is_long: walk.is_long,
            named: walk.named,
        })
    }
}

struct Walk<'a> {
    planner: &'a Planner<'a>,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    pages: Vec<(String, u64)>,
    named: BTreeMap<AnyId, String>,
    /// How many are passed, repeated ones among them: each is looked for.
    listed: usize,
    /// Whether an identifier is named by a field that is no root field.
    names_below: bool,
    not_an_id: bool,
    is_long: bool,
    /// What fields of the object that is walked read beside: once, however many rows a list has.
    once: u64,
}

impl Walk<'_> {
    /// One for each field, times the rows that the list above it was asked for, and what is read beside.
    fn cost(&mut self, set: &SelectionSet, parent: &str) -> u64 {
        let mut sum: u64 = 0;
        let planner = self.planner;
        planner.each_field(set, parent, &mut |field, parent| {
            let Some(shape) = planner.shape.field(parent, field.name.node.as_str()) else {
                // Of the schema itself, a name of a type, or nothing.
                let set = &field.selection_set.node;
                let extent = introspection::extent(planner.document, set);
                sum = sum.saturating_add(introspection::cost(extent));
                return;
            };
            let known = self.named.len();
            let own = beside::of_field(parent, field.name.node.as_str());
            let mut sought: u64 = 0;
            let mut rows = shape
                .arguments
                .contains_key("first")
                .then_some(u64::from(PAGE_DEFAULT));
            for (name, value) in &field.arguments {
                let value = self.constant(&value.node);
                if matches!(name.node.as_str(), "first" | "last") {
                    if let ConstValue::Number(n) = &value {
                        rows = n.as_u64().or(rows);
                    }
                } else if name.node == "ids"
                    && let ConstValue::List(ids) = &value
                {
                    rows = u64::try_from(ids.len()).ok();
                }
                if let Some(argument) = shape.arguments.get(name.node.as_str()) {
                    self.collect_ids(&value, &argument.ty);
                    let more = beside::of_filter(&argument.ty.name, &value);
                    sought = sought.saturating_add(more);
                }
            }
            self.is_long |= beside::is_long(own.max(sought));
            self.names_below |= parent != "Query" && self.named.len() > known;
            if let Some(rows) = rows {
                let name = field.name.node.as_str();
                self.pages.push((format!("{parent}.{name}"), rows));
            }
            let around = std::mem::take(&mut self.once);
            let inner = self.cost(&field.selection_set.node, &shape.ty.name);
            let once = std::mem::replace(&mut self.once, around.saturating_add(own));
            let inner = inner.saturating_mul(rows.unwrap_or(1));
            let beside = sought.max(u64::from(own == 0)).saturating_add(once);
            sum = sum.saturating_add(inner).saturating_add(beside);
        });
        sum
    }

    /// The value with variables put in; an absent variable without default is null.
    fn constant(&self, value: &Value) -> ConstValue {
        value
            .clone()
            .into_const_with(|name| Ok::<_, std::convert::Infallible>(self.variable(&name)))
            .unwrap_or_default()
    }

    fn variable(&self, name: &Name) -> ConstValue {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        let definitions = &self.operation.variable_definitions;
        let definition = definitions.iter().find(|d| d.node.name.node == *name);
        definition
            .and_then(|d| d.node.default_value().cloned())
            .unwrap_or_default()
    }

    fn collect_ids(&mut self, value: &ConstValue, ty: &TypeShape) {
        match value {
            ConstValue::List(items) => items.iter().for_each(|item| self.collect_ids(item, ty)),
            ConstValue::String(text) if ty.name == "ID" => match AnyId::parse(text) {
                Some(id) => {
                    self.listed = self.listed.saturating_add(1);
                    self.named.insert(id, text.clone());
                }
                None => self.not_an_id = true,
            },
            ConstValue::Number(_) if ty.name == "ID" => self.not_an_id = true,
            ConstValue::Object(fields) => {
                let planner = self.planner;
                let Some(input) = planner.shape.input(&ty.name) else {
                    return;
                };
                for (name, value) in fields {
                    if let Some(member) = input.get(name.as_str()) {
                        self.collect_ids(value, &member.ty);
                    }
                }
            }
            ConstValue::Null
            | ConstValue::Number(_)
            | ConstValue::String(_)
            | ConstValue::Boolean(_)
            | ConstValue::Binary(_)
            | ConstValue::Enum(_) => {}
        }
    }
}

/// Whether an operation is one `node` or `nodes` and nothing beside it, whatever its variables are.
fn is_lookup(operation: &OperationDefinition) -> bool {
    let [only] = operation.selection_set.node.items.as_slice() else {
        return false;
    };
    let Selection::Field(field) = &only.node else {
        return false;
    };
    operation.ty == OperationType::Query
        && field.node.directives.is_empty()
        && matches!(field.node.name.node.as_str(), "node" | "nodes")
}

pub(super) const fn root_type(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}
