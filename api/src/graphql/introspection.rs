//! How much of the schema itself an operation asks for. async-graphql tells all of it, however often its
//! lists stand within one another, and nothing of that is known to policies.

use async_graphql_parser::types::{ExecutableDocument, SelectionSet};

use super::fragments;

/// The most that an operation may ask for. What tools ask, to know all, is about half of that.
pub(super) const EXTENT_MAX: u64 = 400_000;
/// How much of it costs as much as a field of the books.
const EXTENT_PER_COST: u64 = 200;

/// The lists of `__Schema` and `__Type`, and how long they are taken to be: as those of most types are, and
/// where types lead to one another and back, the longest.
const LISTS: [(&str, u64); 8] = [
    ("types", 200),
    ("fields", 6),
    ("inputFields", 2),
    ("args", 1),
    ("enumValues", 2),
    ("possibleTypes", 20),
    ("interfaces", 2),
    ("directives", 5),
];

/// How many values are told of the schema.
pub(super) fn extent(document: &ExecutableDocument, set: &SelectionSet) -> u64 {
    let mut sum: u64 = 0;
    // Of the schema's own types the fields alone tell which one it is.
    fragments::each_field(document, set, "", &mut |field, _| {
        let name = field.node.name.node.as_str();
        let list = LISTS.iter().find(|(list, _)| *list == name);
        let told = extent(document, &field.node.selection_set.node).saturating_add(1);
        sum = sum.saturating_add(told.saturating_mul(list.map_or(1, |(_, rows)| *rows)));
    });
    sum
}

/// What that costs.
pub(super) const fn cost(extent: u64) -> u64 {
    (extent / EXTENT_PER_COST).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u64 {
        let document = async_graphql_parser::parse_query(text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        extent(&document, &operation.node.selection_set.node)
    }

    #[test]
    fn lists_within_lists_multiply() {
        let nested = |n: usize| {
            let (open, close) = ("possibleTypes { interfaces { ".repeat(n), "} } ".repeat(n));
            format!("{{ __type(name: \"Node\") {{ {open} name {close} }} }}")
        };
        assert!(of(&nested(2)) < EXTENT_MAX);
        for n in 4..7 {
            assert!(of(&nested(n)) > EXTENT_MAX, "{n}");
        }
        assert_eq!(
            of("{ __schema { ...f } } fragment f on __Schema { types { name } }"),
            401
        );
    }

    #[test]
    fn what_tools_ask_is_within_the_limit() {
        let of_type = |n: usize| {
            let (open, close) = ("ofType { kind name ".repeat(n), "} ".repeat(n));
            format!("kind name {open} {close}")
        };
        let text = format!(
            "{{ __schema {{ description queryType {{ name kind }} mutationType {{ name kind }}
                subscriptionType {{ name kind }} types {{ ...FullType }}
                directives {{ name description isRepeatable locations args {{ ...InputValue }} }} }} }}
             fragment FullType on __Type {{ kind name description isOneOf specifiedByURL
                fields(includeDeprecated: true) {{ name description
                    args(includeDeprecated: true) {{ ...InputValue }} type {{ ...TypeRef }}
                    isDeprecated deprecationReason }}
                inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }}
                enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
                possibleTypes {{ ...TypeRef }} }}
             fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue
                isDeprecated deprecationReason }}
             fragment TypeRef on __Type {{ {} }}",
            of_type(9)
        );
        assert!(of(&text) < EXTENT_MAX, "{}", of(&text));
    }
}
