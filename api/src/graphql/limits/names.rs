//! Names, wherever they stand in a document. What is refused later may be named in the answer.

use async_graphql::Name;
use async_graphql_parser::{
    Positioned,
    types::{BaseType, Type},
};
use async_graphql_value::Value;

use super::LimitError;

/// The most characters of a name.
pub(super) const NAME_MAX: usize = 100;

/// Refuses names that are too long.
pub(super) fn check<'a>(names: impl IntoIterator<Item = &'a Name>) -> Result<(), LimitError> {
    let mut names = names.into_iter();
    if names.any(|name| name.len() > NAME_MAX) {
        return Err(LimitError::Name);
    }
    Ok(())
}

/// The same for the name in a type.
pub(super) fn check_type(ty: &Type) -> Result<(), LimitError> {
    let mut base = &ty.base;
    while let BaseType::List(inner) = base {
        base = &inner.base;
    }
    match base {
        BaseType::Named(name) => check([name]),
        BaseType::List(_) => Ok(()),
    }
}

/// The same for arguments, and for the names in what is given for them.
pub(super) fn check_arguments(
    arguments: &[(Positioned<Name>, Positioned<Value>)],
) -> Result<(), LimitError> {
    arguments.iter().try_for_each(|(name, value)| {
        check([&name.node])?;
        check_value(&value.node)
    })
}

/// The names in a literal. Its depth is bounded by the parser.
fn check_value(value: &Value) -> Result<(), LimitError> {
    match value {
        Value::Variable(name) | Value::Enum(name) => check([name]),
        Value::List(items) => items.iter().try_for_each(check_value),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            check([name])?;
            check_value(member)
        }),
        Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Limits, check_expansion},
        *,
    };

    fn check(text: &str) -> Result<(), LimitError> {
        let document = async_graphql_parser::parse_query(text).unwrap();
        check_expansion(&document, &Limits::default())
    }

    #[test]
    fn no_name_is_long_wherever_it_stands() {
        let name = "n".repeat(101);
        for text in [
            format!("query {name} {{ a }}"),
            format!("query q(${name}: Int) {{ a }}"),
            format!("query q($x: [[{name}!]]) {{ a }}"),
            format!("query q($x: Int @{name}) {{ a }}"),
            format!("{{ {name} }}"),
            format!("{{ {name}: a }}"),
            format!("{{ a({name}: 1) }}"),
            format!("{{ a(b: ${name}) }}"),
            format!("{{ a(b: [{{ c: {name} }}]) }}"),
            format!("{{ a(b: {{ {name}: 1 }}) }}"),
            format!("{{ a @{name} }}"),
            format!("{{ a @skip({name}: 1) }}"),
            format!("{{ ... on {name} {{ a }} }}"),
            format!("{{ ...{name} }}"),
            format!("{{ a }} fragment {name} on Query {{ a }}"),
            format!("{{ a }} fragment f on {name} {{ a }}"),
        ] {
            assert_eq!(check(&text), Err(LimitError::Name), "{text}");
        }
    }
}
