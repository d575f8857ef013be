//! Variables stand where their type fits (GraphQL, section 5.8.5), which async-graphql has a rule for and
//! never asks; and so do the values beside them (section 5.6), of which it looks at none where there is a
//! variable. Members of enums are written as names (section 3.9), which it takes as texts as well. And
//! `__typename`, which it does not look at, has neither arguments nor fields.

use std::fmt::Display;

use async_graphql::indexmap::IndexMap;
use async_graphql_parser::{
    Pos, Positioned,
    types::{
        BaseType, Directive, Field, OperationDefinition, Selection, SelectionSet, Type,
        VariableDefinition,
    },
};
use async_graphql_value::{Name, Value};

use super::{
    super::{coerce, fragments, plan::root_type, shape::InputShapes},
    Fault, Rules,
};

/// The first value, or `__typename`, of the operation that does not stand right.
pub(super) fn fault(rules: Rules<'_>, operation: &OperationDefinition) -> Option<Fault> {
    let condition = Type {
        base: BaseType::Named(Name::new("Boolean")),
        nullable: false,
    };
    let places = Places {
        rules,
        definitions: &operation.variable_definitions,
        condition,
    };
    let defaults = places.defaults();
    let directives = || places.directives(&operation.directives);
    let root = root_type(operation.ty);
    let set = &operation.selection_set.node;
    let found = defaults.and_then(|()| directives());
    found.and_then(|()| places.set(set, root)).err()
}

struct Places<'a> {
    rules: Rules<'a>,
    definitions: &'a [Positioned<VariableDefinition>],
    /// What `@skip` and `@include` take.
    condition: Type,
}

impl Places<'_> {
    fn defaults(&self) -> Result<(), Fault> {
        self.definitions.iter().try_for_each(|definition| {
            let Some(default) = &definition.node.default_value else {
                return Ok(());
            };
            let value = default.node.clone().into_value();
            self.value(&value, &definition.node.var_type.node, false, default.pos)
        })
    }

    fn set(&self, set: &SelectionSet, parent: &str) -> Result<(), Fault> {
        let mut found = Ok(());
        let document = self.rules.document;
        fragments::each_selection(document, set, parent, &mut |selection, parent| {
            if found.is_err() {
                return;
            }
            found = self.directives(selection.directives());
            if let (Ok(()), Selection::Field(field)) = (&found, selection) {
                found = self.field(field, parent);
            }
        });
        found
    }

    fn field(&self, field: &Positioned<Field>, parent: &str) -> Result<(), Fault> {
        let (node, at) = (&field.node, field.pos);
        let name = node.name.node.as_str();
        if name == "__typename" {
            let is_bare = node.arguments.is_empty() && node.selection_set.node.items.is_empty();
            let known = |directive: &Positioned<Directive>| {
                matches!(directive.node.name.node.as_str(), "skip" | "include")
            };
            if !is_bare || !node.directives.iter().all(known) {
                let what = "`__typename` has no arguments, no fields, and no directives of its own";
                return Err(Fault(what.to_owned(), at));
            }
            return Ok(());
        }
        let Some(shape) = self.rules.shape.field(parent, name) else {
            return self.set(&node.selection_set.node, "");
        };
        for (name, value) in &node.arguments {
            if let Some(argument) = shape.arguments.get(name.node.as_str()) {
                let has_default = argument.default.is_some();
                self.value(&value.node, &argument.ty.full, has_default, value.pos)?;
            }
        }
        self.set(&node.selection_set.node, &shape.ty.name)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<(), Fault> {
        for directive in directives {
            if let Some(value) = directive.node.get_argument("if") {
                self.value(&value.node, &self.condition, false, value.pos)?;
            }
        }
        Ok(())
    }

    fn value(&self, value: &Value, ty: &Type, has_default: bool, at: Pos) -> Result<(), Fault> {
        match (value, &ty.base) {
            (Value::Variable(name), _) => self.variable(name, ty, has_default, at),
            (Value::Null, _) if ty.nullable => Ok(()),
            (Value::List(items), BaseType::List(inner)) => items
                .iter()
                .try_for_each(|item| self.value(item, inner, false, at)),
            (Value::Null, BaseType::List(_)) => Err(misfit(ty, at)),
            // One value stands for a list of one.
            (_, BaseType::List(inner)) => self.value(value, inner, false, at),
            (_, BaseType::Named(name)) => match (value, self.rules.shape.input(name)) {
                (Value::Object(members), Some(defined)) => self.object(members, defined, ty, at),
                (_, Some(_)) => Err(misfit(ty, at)),
                (_, None) => self.leaf(value, name, at),
            },
        }
    }

    fn object(
        &self,
        members: &IndexMap<Name, Value>,
        defined: &InputShapes,
        ty: &Type,
        at: Pos,
    ) -> Result<(), Fault> {
        for (name, shape) in defined {
            let (ty, has_default) = (&shape.ty.full, shape.default.is_some());
            match members.get(name.as_str()) {
                Some(member) => self.value(member, ty, has_default, at)?,
                None if ty.nullable || has_default => {}
                None => return Err(Fault(format!("`{name}` is missing, and is a `{ty}`"), at)),
            }
        }
        if members
            .keys()
            .all(|name| defined.contains_key(name.as_str()))
        {
            return Ok(());
        }
        let what = format!("what stands here has members that a `{ty}` has not");
        Err(Fault(what, at))
    }

    fn leaf(&self, value: &Value, ty: &Name, at: Pos) -> Result<(), Fault> {
        let shape = self.rules.shape;
        if matches!(value, Value::String(_)) && shape.members(ty).is_some() {
            return Err(Fault(format!("a `{ty}` is written without quotes"), at));
        }
        let constant = value.clone().into_const();
        let is_one = constant.is_some_and(|value| coerce::is_leaf(shape, ty, &value));
        is_one.then_some(()).ok_or_else(|| misfit(ty, at))
    }

    fn variable(&self, name: &Name, ty: &Type, has_default: bool, at: Pos) -> Result<(), Fault> {
        let mut definitions = self.definitions.iter().map(|definition| &definition.node);
        // One that is not defined is named by another rule.
        let Some(definition) = definitions.find(|definition| definition.name.node == *name) else {
            return Ok(());
        };
        let own = &definition.var_type.node;
        let default = definition.default_value.as_ref();
        let is_given = default.is_some_and(|default| default.node != async_graphql::Value::Null);
        let may_be_null = own.nullable && !is_given && !has_default;
        if !fits(own, ty) || (!ty.nullable && may_be_null) {
            let what = format!("`${name}` is a `{own}`, and stands where a `{ty}` is wanted");
            return Err(Fault(what, at));
        }
        Ok(())
    }
}

fn misfit(ty: &impl Display, at: Pos) -> Fault {
    Fault(format!("what stands here is no `{ty}`"), at)
}

/// Whether a value of the one type is one of the other, if it is there at all.
fn fits(own: &Type, wanted: &Type) -> bool {
    match (&own.base, &wanted.base) {
        (BaseType::List(own), BaseType::List(wanted)) => {
            fits(own, wanted) && (wanted.nullable || !own.nullable)
        }
        (BaseType::Named(own), BaseType::Named(wanted)) => own == wanted,
        _ => false,
    }
}
