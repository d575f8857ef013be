//! Variables stand where their type fits (GraphQL, section 5.8.5), which async-graphql has a rule for and
//! never asks; and `__typename`, which it does not look at, has neither arguments nor fields.

use async_graphql_parser::{
    Pos, Positioned,
    types::{
        BaseType, Directive, Field, OperationDefinition, Selection, SelectionSet, Type,
        VariableDefinition,
    },
};
use async_graphql_value::{Name, Value};

use super::{
    super::{fragments, plan::root_type},
    Fault, Rules,
};

/// The first variable, or `__typename`, of the operation that does not stand right.
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
    let directives = places.directives(&operation.directives);
    let root = root_type(operation.ty);
    let set = &operation.selection_set.node;
    directives.and_then(|()| places.set(set, root)).err()
}

struct Places<'a> {
    rules: Rules<'a>,
    definitions: &'a [Positioned<VariableDefinition>],
    /// What `@skip` and `@include` take.
    condition: Type,
}

impl Places<'_> {
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
            (Value::List(items), BaseType::List(inner)) => items
                .iter()
                .try_for_each(|item| self.value(item, inner, false, at)),
            // One value stands for a list of one.
            (_, BaseType::List(inner)) => self.value(value, inner, false, at),
            (Value::Object(members), BaseType::Named(name)) => {
                let Some(defined) = self.rules.shape.input(name) else {
                    return Ok(());
                };
                members.iter().try_for_each(|(name, member)| {
                    let Some(shape) = defined.get(name.as_str()) else {
                        return Ok(());
                    };
                    self.value(member, &shape.ty.full, shape.default.is_some(), at)
                })
            }
            _ => Ok(()),
        }
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
