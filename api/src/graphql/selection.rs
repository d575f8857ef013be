//! What an operation selects, made ready to be executed: fragments expanded, fields of one response
//! key merged (GraphQL, section 6.3.2), each bound to its field of the schema.
//!
//! Made once for a document whose selections no directive turns on or off, else for each request.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_graphql::{Name, Pos, Value, Variables, indexmap::IndexMap};
use async_graphql_parser::{
    Positioned,
    types::{
        BaseType, Directive, ExecutableDocument, Field as FieldNode, OperationDefinition,
        Selection as Node, SelectionSet, Type,
    },
};
use async_graphql_value::Value as Literal;

use super::{
    field::{Field, Fields, Resolver},
    plan::root_type,
    shape::SchemaShape,
    value::write_json,
};

/// The selected fields of one object type, in the order of the answer.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) fields: Vec<Selected>,
    /// Whether a field here or below is not read from the value in hand.
    pub(super) asks: bool,
    /// How many bytes the last answer had.
    bytes: AtomicUsize,
}

impl Selection {
    /// How many bytes the next answer is likely to have: memory that grows by and by is taken twice.
    pub(super) fn likely_bytes(&self) -> usize {
        let last = self.bytes.load(Ordering::Relaxed);
        last.saturating_add(last / 8).saturating_add(256)
    }

    /// How many this one has.
    pub(super) fn had_bytes(&self, bytes: usize) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// A selected field.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) key: Name,
    /// The key as the answer writes it, with its colon.
    pub(super) written_key: Vec<u8>,
    pub(super) what: What,
    pub(super) wrap: Wrap,
    /// What is selected of its value, by the object type that this turns out to be.
    pub(super) inner: Vec<(String, Selection)>,
    pub(super) arguments: Vec<(Name, Literal)>,
    pub(super) at: Pos,
    /// Its place among the selected fields of the operation.
    pub(super) slot: usize,
    /// Its path with `*` for every index, so that one entry speaks for all rows.
    pub(super) pattern: String,
    /// Whether it, or a field below, is not read from the value in hand.
    pub(super) asks: bool,
}

impl Selected {
    /// Whether the field of that type is asked for of what stands in this one's value: of the value,
    /// or of values that are read from it without waiting.
    pub(super) fn points(&self, ty: &str, name: &str) -> bool {
        self.inner.iter().any(|(_, selection)| {
            selection.fields.iter().any(|field| match &field.what {
                What::Field { on, name: own, .. } if on == ty && own == name => true,
                What::Field { field: of, .. } => {
                    matches!(of.resolver, Resolver::Inner(_)) && field.points(ty, name)
                }
                What::TypeName(_) | What::Introspection(_) => false,
            })
        })
    }

    /// What is selected of a value of that type; `None` says the field's own type.
    pub(super) fn of(&self, ty: Option<&str>) -> Option<&Selection> {
        let mut inner = self.inner.iter();
        match ty {
            None => inner.next(),
            Some(ty) => inner.find(|(name, _)| name == ty),
        }
        .map(|(_, selection)| selection)
    }
}

/// What stands behind a response key.
pub(super) enum What {
    /// `__typename`, with its value.
    TypeName(String),
    /// `__schema` or `__type`.
    Introspection(Box<FieldNode>),
    /// A field of ours, of a type and name.
    Field {
        field: Arc<Field>,
        on: String,
        name: Name,
    },
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TypeName(_) => "TypeName",
            Self::Introspection(_) => "Introspection",
            Self::Field { .. } => "Field",
        })
    }
}

/// The wrappers of a type: whether null may stand here, and what the items are of a list.
#[derive(Debug)]
pub(super) struct Wrap {
    pub(super) nullable: bool,
    pub(super) item: Option<Box<Self>>,
}

impl Wrap {
    fn of(ty: &Type) -> Self {
        let item = match &ty.base {
            BaseType::List(item) => Some(Box::new(Self::of(item))),
            BaseType::Named(_) => None,
        };
        Self {
            nullable: ty.nullable,
            item,
        }
    }

    /// How many lists stand within one another.
    fn lists(&self) -> usize {
        self.item
            .as_ref()
            .map_or(0, |item| item.lists().saturating_add(1))
    }
}

/// Selections whose expansion is known to be bounded, of documents that are valid.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    shape: &'a SchemaShape,
    fields: &'a Fields,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    slots: usize,
}

impl<'a> Compiler<'a> {
    pub(super) const fn new(
        shape: &'a SchemaShape,
        fields: &'a Fields,
        document: &'a ExecutableDocument,
        variables: &'a Variables,
    ) -> Self {
        Self {
            shape,
            fields,
            document,
            variables,
            slots: 0,
        }
    }

    /// What the operation selects.
    pub(super) fn compile(mut self, operation: &'a OperationDefinition) -> Selection {
        let set = &operation.selection_set.node;
        self.selection(&[set], root_type(operation.ty), "")
    }

    fn selection(&mut self, sets: &[&'a SelectionSet], ty: &str, path: &str) -> Selection {
        let mut keys = IndexMap::new();
        for set in sets {
            self.collect(set, ty, &mut keys);
        }
        let fields = keys
            .into_iter()
            .filter_map(|(key, nodes)| self.selected(key, &nodes, ty, path));
        let fields: Vec<_> = fields.collect();
        let asks = fields.iter().any(|field| field.asks);
        Selection {
            fields,
            asks,
            bytes: AtomicUsize::default(),
        }
    }

    fn selected(
        &mut self,
        key: Name,
        nodes: &[&'a Positioned<FieldNode>],
        on: &str,
        path: &str,
    ) -> Option<Selected> {
        let first = nodes.first()?;
        let node = &first.node;
        let name = &node.name.node;
        let separator = if path.is_empty() { "" } else { "." };
        let mut pattern = format!("{path}{separator}{key}");
        let mut inner = Vec::new();
        let (what, wrap) = match name.as_str() {
            "__typename" => (What::TypeName(on.to_owned()), leaf()),
            "__schema" | "__type" => {
                let mut whole = node.clone();
                let more = nodes.iter().skip(1);
                let more = more.flat_map(|node| node.node.selection_set.node.items.clone());
                whole.selection_set.node.items.extend(more);
                (What::Introspection(Box::new(whole)), leaf())
            }
            _ => {
                let shape = self.shape.field(on, name)?;
                let field = Arc::clone(self.fields.get(on, name)?);
                let wrap = Wrap::of(&shape.ty.full);
                pattern.extend(std::iter::repeat_n(".*", wrap.lists()));
                let sets: Vec<_> = nodes.iter().map(|f| &f.node.selection_set.node).collect();
                for concrete in self.shape.concrete(&shape.ty.name) {
                    let selection = self.selection(&sets, concrete, &pattern);
                    inner.push((concrete.to_owned(), selection));
                }
                let (on, name) = (on.to_owned(), name.clone());
                (What::Field { field, on, name }, wrap)
            }
        };
        let here = match &what {
            What::TypeName(_) => false,
            What::Introspection(_) => true,
            What::Field { field, .. } => {
                matches!(field.resolver, Resolver::Related(_) | Resolver::Asked(_))
            }
        };
        let mut written_key = Vec::new();
        write_json(&mut written_key, key.as_str());
        written_key.push(b':');
        let slot = self.slots;
        self.slots = self.slots.saturating_add(1);
        Some(Selected {
            key,
            written_key,
            what,
            wrap,
            asks: here || inner.iter().any(|(_, selection)| selection.asks),
            inner,
            arguments: node
                .arguments
                .iter()
                .map(|(name, value)| (name.node.clone(), value.node.clone()))
                .collect(),
            at: first.pos,
            slot,
            pattern,
        })
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        ty: &str,
        keys: &mut IndexMap<Name, Vec<&'a Positioned<FieldNode>>>,
    ) {
        for node in &set.items {
            if is_skipped(node.node.directives(), self.variables) {
                continue;
            }
            match &node.node {
                Node::Field(field) => {
                    let key = field.node.response_key().node.clone();
                    keys.entry(key).or_default().push(field);
                }
                Node::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    if on.is_none_or(|on| self.applies(&on.node.on.node, ty)) {
                        self.collect(&fragment.node.selection_set.node, ty, keys);
                    }
                }
                Node::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && self.applies(&fragment.node.type_condition.node.on.node, ty)
                    {
                        self.collect(&fragment.node.selection_set.node, ty, keys);
                    }
                }
            }
        }
    }

    /// Whether a fragment on `on` is one of the object type `ty`.
    fn applies(&self, on: &str, ty: &str) -> bool {
        self.shape.concrete(on).contains(&ty)
    }
}

const fn leaf() -> Wrap {
    Wrap {
        nullable: false,
        item: None,
    }
}

/// Whether a directive turns selections of the document on or off.
pub(super) fn is_conditional(document: &ExecutableDocument) -> bool {
    fn conditional(set: &SelectionSet) -> bool {
        set.items.iter().any(|node| {
            let inner = match &node.node {
                Node::Field(field) => Some(&field.node.selection_set.node),
                Node::InlineFragment(fragment) => Some(&fragment.node.selection_set.node),
                Node::FragmentSpread(_) => None,
            };
            !node.node.directives().is_empty() || inner.is_some_and(conditional)
        })
    }
    let operations = document.operations.iter().map(|(_, operation)| operation);
    let mut sets = operations
        .map(|operation| &operation.node.selection_set.node)
        .chain(
            document
                .fragments
                .values()
                .map(|fragment| &fragment.node.selection_set.node),
        );
    sets.any(conditional)
}

fn is_skipped(directives: &[Positioned<Directive>], variables: &Variables) -> bool {
    directives.iter().any(|directive| {
        let condition = directive.node.get_argument("if");
        let condition = condition.is_some_and(|value| is_true(&value.node, variables));
        match directive.node.name.node.as_str() {
            "skip" => condition,
            "include" => !condition,
            _ => false,
        }
    })
}

fn is_true(value: &Literal, variables: &Variables) -> bool {
    match value {
        Literal::Boolean(value) => *value,
        Literal::Variable(name) => matches!(variables.get(name), Some(Value::Boolean(true))),
        _ => false,
    }
}
