//! Reading arguments. Their types were checked before; what is left is absence and our own forms.

use std::str::FromStr;

use async_graphql::dynamic::{ObjectAccessor, ValueAccessor};

use super::{error::GraphqlError, field::Context};

/// The `input` argument of a mutation.
pub(super) fn input<'a>(context: &'a Context<'_>) -> Result<ObjectAccessor<'a>, GraphqlError> {
    context
        .args
        .get("input")
        .and_then(|value| value.object().ok())
        .ok_or_else(|| GraphqlError::BadInput("`input` is missing".to_owned()))
}

/// A member of an input object, where it is there and not null.
pub(super) fn given<'a>(input: &'a ObjectAccessor<'_>, name: &str) -> Option<ValueAccessor<'a>> {
    input.get(name).filter(|value| !value.is_null())
}

/// A text, where it is given.
pub(super) fn text(input: &ObjectAccessor<'_>, name: &str) -> Option<String> {
    given(input, name).and_then(|value| value.string().ok().map(str::to_owned))
}

/// A text that the schema requires.
pub(super) fn required(input: &ObjectAccessor<'_>, name: &str) -> Result<String, GraphqlError> {
    text(input, name).ok_or_else(|| GraphqlError::BadInput(format!("`{name}` is missing")))
}

/// A truth value, false where it is not given.
pub(super) fn boolean(input: &ObjectAccessor<'_>, name: &str) -> bool {
    given(input, name)
        .and_then(|value| value.boolean().ok())
        .unwrap_or_default()
}

/// An id or another typed text, where it is given. An id of another kind is not found.
pub(super) fn id<T: FromStr>(
    input: &ObjectAccessor<'_>,
    name: &str,
) -> Result<Option<T>, GraphqlError> {
    text(input, name)
        .map(|text| text.parse().map_err(|_| GraphqlError::NotFound))
        .transpose()
}

/// An id that the schema requires.
pub(super) fn required_id<T: FromStr>(
    input: &ObjectAccessor<'_>,
    name: &str,
) -> Result<T, GraphqlError> {
    id(input, name)?.ok_or_else(|| GraphqlError::BadInput(format!("`{name}` is missing")))
}

/// The name of an enum's member, where it is given.
pub(super) fn member<'a>(input: &'a ObjectAccessor<'_>, name: &str) -> Option<&'a str> {
    // The accessor's own lifetime is the input's.
    match given(input, name)?.as_value() {
        async_graphql::Value::Enum(member) => Some(member.as_str()),
        async_graphql::Value::String(member) => Some(member.as_str()),
        _ => None,
    }
}
