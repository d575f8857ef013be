//! Brings what a caller passes into the types that the schema says (GraphQL, sections 3.10, 6.1.2
//! and 6.4.1): variables before anything runs, arguments before their field does.
//!
//! Sentences name places and types, and never repeat a value.

use async_graphql::{Name, Value, Variables, indexmap::IndexMap};
use async_graphql_parser::types::{BaseType, OperationDefinition, Type};
use async_graphql_value::Value as Literal;

use super::{
    inputs::Input,
    scalars,
    shape::{InputShapes, SchemaShape},
};

/// Where a value does not fit.
type Misfit = String;

/// The variables of an operation, with defaults put in. Those that it does not define are left out.
pub(super) fn variables(
    shape: &SchemaShape,
    operation: &OperationDefinition,
    given: Variables,
) -> Result<Variables, Misfit> {
    let Value::Object(mut given) = given.into_value() else {
        return Err("the variables are no object".to_owned());
    };
    let mut coerced = IndexMap::new();
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let name = &definition.name.node;
        let ty = &definition.var_type.node;
        let place = || format!("`${name}`");
        let value = match (given.swap_remove(name), &definition.default_value) {
            (Some(value), _) => self::value(shape, ty, value, &place)?,
            (None, Some(default)) => value(shape, ty, default.node.clone(), &place)?,
            (None, None) if ty.nullable => continue,
            (None, None) => return Err(format!("`${name}` is missing, and is a `{ty}`")),
        };
        coerced.insert(name.clone(), value);
    }
    Ok(Variables::from_value(Value::Object(coerced)))
}

/// The arguments of a field, with variables and defaults put in.
pub(super) fn arguments(
    shape: &SchemaShape,
    defined: &InputShapes,
    given: &[(Name, Literal)],
    variables: &Variables,
) -> Result<Input, Misfit> {
    let mut members = IndexMap::with_capacity(given.len());
    for (name, literal) in given {
        if let Some(value) = constant(literal, variables) {
            members.insert(name.clone(), value);
        }
    }
    self::members(shape, defined, members, &|| "the field".to_owned())
}

/// The literal with variables put in. `None` for a variable that has no value: it is as if nothing
/// was written.
fn constant(literal: &Literal, variables: &Variables) -> Option<Value> {
    Some(match literal {
        Literal::Variable(name) => variables.get(name)?.clone(),
        Literal::List(items) => {
            let items = items.iter();
            // An item can not be left out, and is null.
            Value::List(
                items
                    .map(|item| constant(item, variables).unwrap_or_default())
                    .collect(),
            )
        }
        Literal::Object(members) => {
            let members = members.iter().filter_map(|(name, member)| {
                constant(member, variables).map(|value| (name.clone(), value))
            });
            Value::Object(members.collect())
        }
        Literal::Null => Value::Null,
        Literal::Number(number) => Value::Number(number.clone()),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(boolean) => Value::Boolean(*boolean),
        Literal::Binary(bytes) => Value::Binary(bytes.clone()),
        Literal::Enum(member) => Value::Enum(member.clone()),
    })
}

fn value(
    shape: &SchemaShape,
    ty: &Type,
    value: Value,
    place: &dyn Fn() -> String,
) -> Result<Value, Misfit> {
    match (value, &ty.base) {
        // No text of the database has it.
        (Value::String(text), _) if text.contains('\0') => Err(format!(
            "{} has the character U+0000, which no text has",
            place()
        )),
        (Value::Null, _) if ty.nullable => Ok(Value::Null),
        (Value::Null, _) => Err(format!("{} is null, and is a `{ty}`", place())),
        (Value::List(items), BaseType::List(inner)) => {
            let items = items.into_iter().enumerate().map(|(index, item)| {
                let place = || format!("{}[{index}]", place());
                self::value(shape, inner, item, &place)
            });
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        // One value stands for a list of one.
        (value, BaseType::List(inner)) => {
            Ok(Value::List(vec![self::value(shape, inner, value, place)?]))
        }
        (value, BaseType::Named(name)) => named(shape, name, value, place),
    }
}

fn named(
    shape: &SchemaShape,
    ty: &Name,
    value: Value,
    place: &dyn Fn() -> String,
) -> Result<Value, Misfit> {
    let misfit = || Err(format!("{} is no `{ty}`", place()));
    if let Some(defined) = shape.input(ty) {
        return match value {
            Value::Object(given) => Ok(Value::Object(members(shape, defined, given, place)?)),
            _ => misfit(),
        };
    }
    match value {
        value if !is_leaf(shape, ty, &value) => misfit(),
        Value::Number(number) if *ty == "ID" => Ok(Value::String(number.to_string())),
        value => Ok(value),
    }
}

/// Whether the value is one of the enum or of the scalar.
pub(super) fn is_leaf(shape: &SchemaShape, ty: &Name, value: &Value) -> bool {
    match (shape.members(ty), value) {
        (Some(members), Value::Enum(member)) => members.contains(member.as_str()),
        (Some(members), Value::String(member)) => members.contains(member),
        (Some(_), _) => false,
        (None, Value::Number(number)) if *ty == "ID" => number.is_i64(),
        (None, value) => scalars::is_valid(ty, value),
    }
}

fn members(
    shape: &SchemaShape,
    defined: &InputShapes,
    mut given: Input,
    place: &dyn Fn() -> String,
) -> Result<Input, Misfit> {
    let mut coerced = IndexMap::with_capacity(defined.len());
    for (name, member) in defined {
        let ty = &member.ty.full;
        let inner = || format!("`{name}` of {}", place());
        let value = match (given.swap_remove(name.as_str()), &member.default) {
            (Some(value), _) => self::value(shape, ty, value, &inner)?,
            (None, Some(default)) => default.clone(),
            (None, None) if ty.nullable => continue,
            (None, None) => return Err(format!("{} is missing, and is a `{ty}`", inner())),
        };
        coerced.insert(Name::new(name), value);
    }
    if given.is_empty() {
        Ok(coerced)
    } else {
        Err(format!("{} has members that its type has not", place()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "
        scalar Date
        enum Colour { RED GREEN }
        input Inner { on: Date!, ids: [ID!] }
        input Outer { name: String!, count: Int! = 3, colour: Colour, inner: [Inner!] }
        type Query { f(outer: Outer!, first: Int, flag: Boolean = true): Int }
    ";

    fn coerced(definition: &str, json: serde_json::Value) -> Result<serde_json::Value, Misfit> {
        let shape = SchemaShape::parse(SDL).unwrap();
        let text = format!("query q({definition}) {{ __typename }}");
        let document = async_graphql_parser::parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let given = Variables::from_json(json);
        let variables = variables(&shape, &operation.node, given)?;
        Ok(serde_json::to_value(&variables).unwrap())
    }

    #[test]
    fn variables_are_brought_into_their_types() {
        use serde_json::json;
        for (definition, given, expected) in [
            ("$a: Int", json!({}), json!({})),
            ("$a: Int = 5", json!({}), json!({ "a": 5 })),
            ("$a: Int = 5", json!({ "a": null }), json!({ "a": null })),
            ("$a: Int", json!({ "a": 1, "b": 2 }), json!({ "a": 1 })),
            ("$a: [ID!]!", json!({ "a": "x" }), json!({ "a": ["x"] })),
            ("$a: ID!", json!({ "a": 7 }), json!({ "a": "7" })),
            (
                "$a: Outer!",
                json!({ "a": { "name": "n", "inner": { "on": "2026-01-31" } } }),
                json!({ "a": { "name": "n", "count": 3, "inner": [{ "on": "2026-01-31" }] } }),
            ),
        ] {
            assert_eq!(coerced(definition, given), Ok(expected), "{definition}");
        }
    }

    #[test]
    fn values_of_other_types_are_refused_without_being_repeated() {
        use serde_json::json;
        for (definition, given) in [
            ("$a: Int!", json!({})),
            ("$a: Int!", json!({ "a": null })),
            ("$a: Int", json!({ "a": "canary" })),
            ("$a: Int", json!({ "a": 3_000_000_000_u64 })),
            ("$a: Int", json!({ "a": 1.5 })),
            ("$a: String", json!({ "a": 1 })),
            ("$a: Boolean", json!({ "a": "canary" })),
            ("$a: ID", json!({ "a": 1.5 })),
            ("$a: Colour", json!({ "a": "canary" })),
            ("$a: Date", json!({ "a": "canary" })),
            ("$a: String", json!({ "a": "canary\0" })),
            ("$a: [ID!]", json!({ "a": ["canary\0"] })),
            ("$a: [Int!]", json!({ "a": [1, null] })),
            ("$a: Outer", json!({ "a": "canary" })),
            ("$a: Outer", json!({ "a": {} })),
            ("$a: Outer", json!({ "a": { "name": null } })),
            ("$a: Outer", json!({ "a": { "name": "n", "canary": 1 } })),
            (
                "$a: Outer",
                json!({ "a": { "name": "n", "inner": { "on": "canary" } } }),
            ),
        ] {
            let sentence = coerced(definition, given.clone()).expect_err(definition);
            assert!(!sentence.contains("canary"), "{given}: {sentence}");
        }
    }
}
