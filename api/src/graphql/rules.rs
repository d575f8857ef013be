//! Rules of the specification that async-graphql does not hold documents to.

mod merging;
mod values;

use async_graphql::{Pos, ServerError};
use async_graphql_parser::{
    Positioned,
    types::{ExecutableDocument, Field, SelectionSet},
};

use super::{fragments, shape::SchemaShape};

/// What is wrong with a document that async-graphql finds valid, at one place of each operation.
pub(super) fn faults(shape: &SchemaShape, document: &ExecutableDocument) -> Vec<ServerError> {
    let rules = Rules { shape, document };
    let operations = document.operations.iter();
    let faults = operations.filter_map(|(_, operation)| {
        let operation = &operation.node;
        let fault = values::fault(rules, operation).or_else(|| merging::fault(rules, operation));
        fault.map(|Fault(text, at)| ServerError::new(text, Some(at)))
    });
    faults.collect()
}

/// What documents are held to.
#[derive(Debug, Clone, Copy)]
struct Rules<'a> {
    shape: &'a SchemaShape,
    document: &'a ExecutableDocument,
}

/// What is wrong, and where.
#[derive(Debug)]
struct Fault(String, Pos);

/// A field, with the type that it is selected on.
#[derive(Debug, Clone, Copy)]
struct Chosen<'a> {
    parent: &'a str,
    node: &'a Positioned<Field>,
}

impl<'a> Rules<'a> {
    /// The fields of a selection set on `parent`.
    fn collect(self, set: &'a SelectionSet, parent: &'a str, chosen: &mut Vec<Chosen<'a>>) {
        fragments::each_field(self.document, set, parent, &mut |node, parent| {
            chosen.push(Chosen { parent, node });
        });
    }

    /// What is selected of the field's value.
    fn below(self, field: Chosen<'a>, chosen: &mut Vec<Chosen<'a>>) {
        let shape = self.shape.field(field.parent, &field.node.node.name.node);
        // Of the schema itself there are no shapes, and no two types behind one field.
        let ty = shape.map_or("", |shape| shape.ty.name.as_str());
        self.collect(&field.node.node.selection_set.node, ty, chosen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = "
        interface Node { id: ID! }
        type Account implements Node { id: ID!, name: String!, open: Boolean!, rows(first: Int): [Row!]! }
        type Row implements Node { id: ID!, amount: String, account: Account!, can(action: String!): Boolean }
        enum Sort { UP DOWN }
        input Filter { text: String, min: Int! = 1, on: [Int!], by: [Sort!] }
        input Need { a: Int, b: Int! }
        type Query { needs(need: Need): Int, node(id: ID!): Node, rows(first: Int, filter: Filter, ids: [ID!], sort: Sort = UP): [Row!]! }
    ";

    fn check(text: &str) -> Vec<String> {
        let shape = SchemaShape::parse(SDL).unwrap();
        let document = async_graphql_parser::parse_query(text).unwrap();
        let faults = faults(&shape, &document).into_iter();
        faults.map(|fault| fault.message).collect()
    }

    #[test]
    fn fields_under_one_key_are_one_field() {
        for good in [
            "{ rows { id } rows { amount } }",
            "{ rows(first: 1, ids: [1]) { id } ...f } fragment f on Query { rows(ids: [1], first: 1) { x: id } }",
            "{ node(id: 1) { ... on Row { x: amount } ... on Account { y: name } } }",
            "{ node(id: 1) { ... on Row { x: id } ... on Account { x: id } } }",
            "{ node(id: 1) { ... on Row { account { x: name } } ... on Account { id } } }",
            "{ a: rows { id } b: rows(first: 2) { id } }",
            "{ __typename x: __typename }",
        ] {
            assert_eq!(check(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "{ rows { x: id } rows { x: amount } }",
            "{ rows { x: amount x: id } }",
            "{ rows(first: 1) { id } rows(first: 2) { id } }",
            "{ rows(first: 1) { id } rows { id } }",
            "{ rows { account { x: name } } rows { account { x: id } } }",
            "{ rows { can(action: \"a\") } ...f } fragment f on Query { rows { can(action: \"b\") } }",
            "{ node(id: 1) { ... on Row { x: amount } ... on Account { x: name } } }",
            "{ node(id: 1) { ... on Row { x: amount } ... on Account { x: open } } }",
            "{ node(id: 1) { ... on Row { x: amount } ... on Node { x: id } } }",
            "{ node(id: 1) { ... on Account { x: rows { id } } ... on Row { x: account { id } } } }",
            "{ node(id: 1) { ... on Row { x: __typename } ... on Account { x: rows { id } } } }",
            "{ node(id: 1) { ... on Row { account { x: open } } ... on Row { account { x: name } } } }",
        ] {
            assert_eq!(check(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn conflicts_are_not_looked_for_without_end() {
        let wide = |n: usize| format!("{{ {} }}", "rows { id } ".repeat(n));
        assert_eq!(check(&wide(2_000)), Vec::<String>::new());
        let refused = check(&wide(60_000));
        assert!(refused[0].contains("too much"), "{refused:?}");
    }

    #[test]
    fn variables_stand_where_their_type_fits() {
        for good in [
            "query q($x: Int) { rows(first: $x) { id } }",
            "query q($x: Int!) { rows(first: $x, filter: { min: $x, on: [$x] }) { id } }",
            "query q($x: Int) { rows(filter: { min: $x }) { id } }",
            "query q($x: Int = 1) { rows(filter: { on: [$x] }) { id } }",
            "query q($x: ID!) { node(id: $x) { id } rows(ids: [$x]) { id } }",
            "query q($x: [ID!]!) { rows(ids: $x) { id } }",
            "query q($x: Boolean!) { rows @skip(if: $x) { id @include(if: $x) } }",
            "query q($x: Boolean = false) { ... @skip(if: $x) { __typename } }",
        ] {
            assert_eq!(check(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "query q($x: String) { rows(first: $x) { id } }",
            "query q($x: ID) { node(id: $x) { id } }",
            "query q($x: ID!) { rows(ids: $x) { id } }",
            "query q($x: [ID]) { rows(ids: $x) { id } }",
            "query q($x: Int) { rows(filter: { on: [$x] }) { id } }",
            "query q($x: Int) { rows(filter: { text: $x }) { id } }",
            "query q($x: Int!) { rows @skip(if: $x) { id } }",
            "query q($x: Boolean) { rows { ... @include(if: $x) { id } } }",
            "query q($x: Boolean) { ...f } fragment f on Query { rows { id @skip(if: $x) } }",
            "query q @skip(if: $x) { __typename } query r($x: Int = null) { rows(filter: { on: [$x] }) { id } }",
        ] {
            assert_eq!(check(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn values_beside_variables_are_of_their_types() {
        let query =
            |filter: &str| format!("query q($x: Int!) {{ rows(filter: {filter}) {{ id }} }}");
        for good in [
            "{ min: 1, on: [$x] }",
            "{ on: [$x], text: null, by: UP }",
            "{ on: [$x, 2], text: \"x\", by: [] }",
            "null",
        ] {
            assert_eq!(check(&query(good)), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "{ on: [$x], text: RENT }",
            "{ on: [$x], text: 1 }",
            "{ on: [$x], text: { x: $x } }",
            "{ on: [$x], text: [\"x\"] }",
            "{ on: [$x], by: LEFT }",
            "{ on: [$x], min: null }",
            "{ on: [$x], min: 1.5 }",
            "{ on: [$x, null] }",
            "{ on: [$x], other: 1 }",
            "[$x]",
        ] {
            assert_eq!(check(&query(bad)).len(), 1, "{bad}");
        }
        for (bad, told) in [
            ("{ node(id: RENT) { id } }", "what stands here is no `ID`"),
            (
                "query q($x: Need = { a: 1 }) { needs(need: $x) }",
                "`b` is missing, and is a `Int!`",
            ),
        ] {
            assert_eq!(check(bad), [told], "{bad}");
        }
        assert_eq!(check("{ node(id: 1) { id } }"), Vec::<String>::new());
    }

    #[test]
    fn members_of_enums_are_names() {
        for good in [
            "{ rows(sort: DOWN) { id } }",
            "{ rows(filter: { by: [UP, DOWN], text: \"UP\" }) { id } }",
            "query q($s: Sort = DOWN, $by: [Sort!]) { rows(sort: $s, filter: { by: $by }) { id } }",
        ] {
            assert_eq!(check(good), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "{ rows(sort: \"DOWN\") { id } }",
            "{ rows(sort: \"\"\"DOWN\"\"\") { id } }",
            "{ rows(filter: { by: \"UP\" }) { id } }",
            "{ rows(filter: { by: [UP, \"DOWN\"] }) { id } }",
            "query q($s: Sort = \"DOWN\") { rows(sort: $s) { id } }",
            "query q($f: Filter = { by: [\"UP\"] }) { rows(filter: $f) { id } }",
            "{ ...f } fragment f on Query { rows(sort: \"UP\") { id } }",
        ] {
            let found = check(bad);
            assert_eq!(found, ["a `Sort` is written without quotes"], "{bad}");
        }
    }

    #[test]
    fn the_name_of_a_type_is_nothing_but_that() {
        for bad in [
            "{ __typename(a: 1) }",
            "{ __typename { x } }",
            "{ __typename @foo }",
        ] {
            assert_eq!(check(bad).len(), 1, "{bad}");
        }
        assert_eq!(
            check("{ __typename @skip(if: true) }"),
            Vec::<String>::new()
        );
    }
}
