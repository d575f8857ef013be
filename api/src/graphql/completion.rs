//! Brings an answer into the form that the GraphQL specification demands (section 6.4).
//!
//! async-graphql 7.2 leaves out the key of a field that failed, answers root fields in the order
//! in which they were ready, and does not carry a null up to the nearest nullable field. Clients
//! that generate types trip over each of the three.

use std::collections::HashMap;

use async_graphql::{Name, Value, Variables, indexmap::IndexMap};
use async_graphql_parser::Positioned;
use async_graphql_parser::types::{
    BaseType, Directive, ExecutableDocument, Field, Selection, SelectionSet, Type,
};
use async_graphql_value::{ConstValue, Value as InputValue};

use super::shape::SchemaShape;

/// What is needed to walk an answer beside its document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Completion<'a> {
    pub(super) shape: &'a SchemaShape,
    pub(super) document: &'a ExecutableDocument,
    pub(super) variables: &'a Variables,
}

impl<'a> Completion<'a> {
    /// Completes the data of an operation; null where a null went all the way up.
    pub(super) fn data(&self, data: Value, set: &'a SelectionSet, root: &str) -> Value {
        let data = if data == Value::Null {
            Value::Object(IndexMap::new())
        } else {
            data
        };
        match data {
            Value::Object(fields) => self.object(fields, &[set], root).unwrap_or_default(),
            other => other,
        }
    }

    /// `None` carries a null up.
    fn object(
        &self,
        mut fields: IndexMap<Name, Value>,
        sets: &[&'a SelectionSet],
        ty: &str,
    ) -> Option<Value> {
        let mut selected = IndexMap::new();
        for set in sets {
            self.collect(set, ty, &mut selected);
        }
        let mut completed = IndexMap::with_capacity(fields.len());
        for (key, selections) in selected {
            let value = fields.shift_remove(&key);
            let Some(first) = selections.first() else {
                continue;
            };
            let value = match self.shape.field(ty, first.name.node.as_str()) {
                Some(shape) => {
                    let sets: Vec<_> = selections.iter().map(|f| &f.selection_set.node).collect();
                    self.value(value.unwrap_or_default(), &shape.ty.full, &sets)?
                }
                // `__typename` and introspection, which do not fail.
                None => value?,
            };
            completed.insert(key, value);
        }
        // What a fragment on a concrete type behind an interface selected.
        completed.extend(fields);
        Some(Value::Object(completed))
    }

    fn value(&self, value: Value, ty: &Type, sets: &[&'a SelectionSet]) -> Option<Value> {
        let completed = match (value, &ty.base) {
            (Value::Null, _) => None,
            (Value::List(items), BaseType::List(inner)) => items
                .into_iter()
                .map(|item| self.value(item, inner, sets))
                .collect::<Option<Vec<_>>>()
                .map(Value::List),
            (Value::Object(fields), BaseType::Named(name)) => self.object(fields, sets, name),
            (other, _) => Some(other),
        };
        match completed {
            Some(value) => Some(value),
            None if ty.nullable => Some(Value::Null),
            None => None,
        }
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        ty: &str,
        selected: &mut IndexMap<Name, Vec<&'a Field>>,
    ) {
        for selection in &set.items {
            if self.is_skipped(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    selected.entry(key).or_default().push(&field.node);
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    if on.is_none_or(|on| on.node.on.node == ty) {
                        self.collect(&fragment.node.selection_set.node, ty, selected);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && fragment.node.type_condition.node.on.node == ty
                    {
                        self.collect(&fragment.node.selection_set.node, ty, selected);
                    }
                }
            }
        }
    }

    fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive
                .node
                .get_argument("if")
                .map(|value| self.is_true(&value.node));
            match directive.node.name.node.as_str() {
                "skip" => condition == Some(true),
                "include" => condition == Some(false),
                _ => false,
            }
        })
    }

    fn is_true(&self, value: &InputValue) -> bool {
        match value {
            InputValue::Boolean(value) => *value,
            InputValue::Variable(name) => {
                matches!(self.variables.get(name), Some(ConstValue::Boolean(true)))
            }
            _ => false,
        }
    }
}

/// Puts the defaults of an operation's variables in where the request gave none.
pub(super) fn with_defaults(
    variables: &Variables,
    operation: &async_graphql_parser::types::OperationDefinition,
) -> Variables {
    let mut complete: HashMap<Name, ConstValue> = variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for definition in &operation.variable_definitions {
        if let Some(default) = definition.node.default_value() {
            complete
                .entry(definition.node.name.node.clone())
                .or_insert_with(|| default.clone());
        }
    }
    Variables::from_value(ConstValue::Object(complete.into_iter().collect()))
}
