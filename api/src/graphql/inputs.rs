//! Reading arguments. Their types were checked before; what is left is absence and our own forms.

use std::str::FromStr;

use async_graphql::{Name, Value, indexmap::IndexMap};

use super::error::GraphqlError;

/// The arguments of a field, or the members of an input object.
pub(super) type Input = IndexMap<Name, Value>;

/// The `input` argument of a mutation.
pub(super) fn input(arguments: &Input) -> Result<&Input, GraphqlError> {
    object(arguments, "input")
        .ok_or_else(|| GraphqlError::BadInput("`input` is missing".to_owned()))
}

/// A member, where it is there and not null.
pub(super) fn given<'a>(input: &'a Input, name: &str) -> Option<&'a Value> {
    input.get(name).filter(|value| **value != Value::Null)
}

/// An input object, where it is given.
pub(super) fn object<'a>(input: &'a Input, name: &str) -> Option<&'a Input> {
    match given(input, name)? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// A text, where it is given.
pub(super) fn text<'a>(input: &'a Input, name: &str) -> Option<&'a str> {
    match given(input, name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A text, owned, where it is given.
pub(super) fn owned(input: &Input, name: &str) -> Option<String> {
    text(input, name).map(str::to_owned)
}

/// The texts of a list; none where it is not given.
pub(super) fn texts(input: &Input, name: &str) -> Vec<String> {
    let Some(Value::List(items)) = given(input, name) else {
        return Vec::new();
    };
    let texts = items.iter().filter_map(|item| match item {
        Value::String(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// A whole number, where it is given.
pub(super) fn int(input: &Input, name: &str) -> Option<i64> {
    match given(input, name)? {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
}

/// A text that the schema requires.
pub(super) fn required(input: &Input, name: &str) -> Result<String, GraphqlError> {
    owned(input, name).ok_or_else(|| GraphqlError::BadInput(format!("`{name}` is missing")))
}

/// A truth value, false where it is not given.
pub(super) fn boolean(input: &Input, name: &str) -> bool {
    matches!(given(input, name), Some(Value::Boolean(true)))
}

/// An id or another typed text, where it is given. An id of another kind is not found.
pub(super) fn id<T: FromStr>(input: &Input, name: &str) -> Result<Option<T>, GraphqlError> {
    text(input, name)
        .map(|text| text.parse().map_err(|_| GraphqlError::NotFound))
        .transpose()
}

/// An id that the schema requires.
pub(super) fn required_id<T: FromStr>(input: &Input, name: &str) -> Result<T, GraphqlError> {
    id(input, name)?.ok_or_else(|| GraphqlError::BadInput(format!("`{name}` is missing")))
}

/// The name of an enum's member, where it is given.
pub(super) fn member<'a>(input: &'a Input, name: &str) -> Option<&'a str> {
    match given(input, name)? {
        Value::Enum(member) => Some(member.as_str()),
        Value::String(member) => Some(member.as_str()),
        _ => None,
    }
}
