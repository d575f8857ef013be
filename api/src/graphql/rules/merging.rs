//! Fields under one response key are one field (GraphQL, section 5.3.2): of one name with the same
//! arguments, where one object may have them all, and of types that are written alike in any case.
//!
//! async-graphql compares the fields of one selection set, and not those of sets that are merged.
//! What it lets through would be answered with the first field alone.
//!
//! Fields are compared by groups and not by pairs, so that the work grows with the document:
//! <https://tech.new-work.se/graphql-overlapping-fields-can-be-merged-fast-ea6e92e0a01>.

use async_graphql::{Name, indexmap::IndexMap};
use async_graphql_parser::types::{BaseType, OperationDefinition, Type};

use super::{
    super::{plan::root_type, shape::SchemaShape},
    Chosen, Fault, Rules,
};

/// How many fields are looked at, counted again for each type of object that may have them.
const LOOKED_AT_MAX: usize = 100_000;

/// The first conflict of the operation.
pub(super) fn fault(rules: Rules<'_>, operation: &OperationDefinition) -> Option<Fault> {
    let mut fields = Vec::new();
    let root = root_type(operation.ty);
    rules.collect(&operation.selection_set.node, root, &mut fields);
    let mut merging = Merging {
        rules,
        looked_at: 0,
    };
    let alike = merging.alike(&fields);
    alike.and_then(|()| merging.equal(&fields)).err()
}

struct Merging<'a> {
    rules: Rules<'a>,
    looked_at: usize,
}

impl<'a> Merging<'a> {
    /// Whatever object it is of, what stands under a key is written alike.
    fn alike(&mut self, fields: &[Chosen<'a>]) -> Result<(), Fault> {
        for (key, group) in self.by_key(fields)? {
            let mut types = group.iter().filter_map(|field| self.ty(*field));
            if let Some(first) = types.next()
                && let Some(other) = types.find(|other| !alike(self.rules.shape, &first, other))
            {
                let what = format!("is a `{first}` and a `{other}`");
                return Err(conflict(key, &what, &group));
            }
            let below = self.below(&group);
            self.alike(&below)?;
        }
        Ok(())
    }

    /// What one object may have under a key is one field.
    fn equal(&mut self, fields: &[Chosen<'a>]) -> Result<(), Fault> {
        for (key, group) in self.by_key(fields)? {
            for together in self.of_one_object(&group) {
                let mut rest = together.iter();
                let first = rest.next();
                if first.is_some_and(|first| !rest.all(|other| is_same(*first, *other))) {
                    let what = "stands for different fields, or for one with different arguments";
                    return Err(conflict(key, what, &together));
                }
                let below = self.below(&together);
                self.equal(&below)?;
            }
        }
        Ok(())
    }

    fn by_key(
        &mut self,
        fields: &[Chosen<'a>],
    ) -> Result<IndexMap<&'a Name, Vec<Chosen<'a>>>, Fault> {
        let mut keys: IndexMap<&'a Name, Vec<Chosen<'a>>> = IndexMap::new();
        for field in fields {
            let key = &field.node.node.response_key().node;
            keys.entry(key).or_default().push(*field);
        }
        self.looked_at = self.looked_at.saturating_add(fields.len());
        match fields.first().filter(|_| self.looked_at > LOOKED_AT_MAX) {
            Some(field) => {
                let what = "too much is selected under the same names: use aliases".to_owned();
                Err(Fault(what, field.node.pos))
            }
            None => Ok(keys),
        }
    }

    fn below(&self, group: &[Chosen<'a>]) -> Vec<Chosen<'a>> {
        let mut below = Vec::new();
        for field in group {
            self.rules.below(*field, &mut below);
        }
        below
    }

    /// Those that one object may have: of each type of object, those on it and on what is no object.
    fn of_one_object(&self, group: &[Chosen<'a>]) -> Vec<Vec<Chosen<'a>>> {
        let shape = self.rules.shape;
        let mut objects: Vec<&str> = group.iter().map(|field| field.parent).collect();
        objects.retain(|parent| !shape.is_abstract(parent));
        objects.sort_unstable();
        objects.dedup();
        if objects.is_empty() {
            return vec![group.to_vec()];
        }
        let of = |object: &str| {
            let on =
                |field: &&Chosen<'a>| field.parent == object || shape.is_abstract(field.parent);
            group.iter().filter(on).copied().collect()
        };
        objects.into_iter().map(of).collect()
    }

    fn ty(&self, field: Chosen<'_>) -> Option<Type> {
        let name = field.node.node.name.node.as_str();
        if name == "__typename" {
            let base = BaseType::Named(Name::new("String"));
            let nullable = false;
            return Some(Type { base, nullable });
        }
        let shape = self.rules.shape.field(field.parent, name)?;
        Some(shape.ty.full.clone())
    }
}

fn conflict(key: &Name, what: &str, group: &[Chosen<'_>]) -> Fault {
    let at = group.last().map(|field| field.node.pos).unwrap_or_default();
    Fault(format!("`{key}` {what}: give one of them an alias"), at)
}

fn is_same(one: Chosen<'_>, other: Chosen<'_>) -> bool {
    let (one, other) = (&one.node.node, &other.node.node);
    let has = |(name, value): &(_, _)| {
        let mut others = other.arguments.iter();
        others.any(|(other, given)| is_equal(other, name) && is_equal(given, value))
    };
    one.name.node == other.name.node
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(has)
}

fn is_equal<T: PartialEq>(
    one: &async_graphql_parser::Positioned<T>,
    other: &async_graphql_parser::Positioned<T>,
) -> bool {
    one.node == other.node
}

/// Whether values of both types are written alike: objects are compared by what is selected of them.
fn alike(shape: &SchemaShape, one: &Type, other: &Type) -> bool {
    one.nullable == other.nullable
        && match (&one.base, &other.base) {
            (BaseType::List(one), BaseType::List(other)) => alike(shape, one, other),
            (BaseType::Named(one), BaseType::Named(other)) => {
                one == other || (shape.has_fields(one) && shape.has_fields(other))
            }
            _ => false,
        }
}
