//! What is read beside the rows that are given, and costs as well: what no index serves looks at many rows to
//! give a few, or none.

use async_graphql_value::ConstValue;

/// Fields, by their types: a proof is made of some hundred hashes of the log's tree, and what is counted is
/// looked at.
const FIELDS: [(&str, &str, u64); 3] = [
    ("Query", "auditInclusionProof", 500),
    ("Query", "auditConsistencyProof", 500),
    ("TransactionConnection", "totalCount", 1_000),
];

/// Conditions of filters, by the filters' types.
const CONDITIONS: [(&str, &str, u64); 3] = [
    ("TransactionFilter", "text", 5_000),
    ("TransactionFilter", "magnitude", 1_000),
    ("TransactionFilter", "direction", 1_000),
];

/// From what on it may take long.
const LONG: u64 = 1_000;

/// What a field reads beside what it gives.
pub(super) fn of_field(parent: &str, name: &str) -> u64 {
    let mut found = FIELDS.iter();
    let found = found.find(|(on, field, _)| (*on, *field) == (parent, name));
    found.map_or(0, |(.., rows)| *rows)
}

/// What a list looks at to find the rows that meet a filter of that type.
pub(super) fn of_filter(input: &str, given: &ConstValue) -> u64 {
    let ConstValue::Object(given) = given else {
        return 0;
    };
    let is_given = |name: &str| {
        given
            .get(name)
            .is_some_and(|value| *value != ConstValue::Null)
    };
    let conditions = CONDITIONS.iter().filter(|(on, ..)| *on == input);
    let conditions = conditions.filter(|(_, name, _)| is_given(name));
    conditions.fold(0, |sum, (.., rows)| sum.saturating_add(*rows))
}

/// Whether reading so much may take long.
pub(super) const fn is_long(beside: u64) -> bool {
    beside >= LONG
}
