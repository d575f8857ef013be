//! Connections after the Relay cursor specification, over keyset pages.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, TypeRef};
use countersign_domain::id::TenantId;
use countersign_entities::{Direction, Keyset, Page, Position, Slice};
use countersign_policies::Row;

use super::{
    cursor::CursorKey,
    error::GraphqlError,
    field::{ObjectBuilder, Source},
    inputs::{self, Input},
    kind::Kind,
    operation::Operation,
    plan::PAGE_DEFAULT,
    schema::Parts,
    value::Output,
};

/// The most rows of one page.
pub(super) const PAGE_MAX: u16 = 500;

/// A page of a list.
#[derive(Debug)]
pub(super) struct Connection<T, X = ()> {
    edges: Vec<Arc<Edge<T>>>,
    page_info: Arc<PageInfo>,
    /// What a connection knows beside its page.
    pub(super) extra: X,
}

/// A row with its place in the list.
#[derive(Debug)]
pub(super) struct Edge<T> {
    place: Place,
    node: Arc<T>,
}

/// A place in a list, whose cursor is made for those who ask for it.
#[derive(Debug, Clone)]
struct Place {
    list: Arc<List>,
    position: Position,
}

/// What the cursors of a list are bound to.
#[derive(Debug)]
struct List {
    name: &'static str,
    tenant: TenantId,
    key: CursorKey,
}

impl Place {
    fn cursor(&self) -> String {
        let List { name, tenant, key } = &*self.list;
        key.seal(*tenant, name, &self.position)
    }
}

/// What lies before and after a page.
#[derive(Debug, Clone)]
pub(super) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start: Option<Place>,
    end: Option<Place>,
}

macro_rules! without_row {
    ($($(@[$($generic:ident),*])? $type:ty),* $(,)?) => {$(
        impl $(<$($generic: Send + Sync + 'static),*>)? Source for $type {
            fn with_row<R>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> R) -> R {
                look(&countersign_policies::row::TenantOnly::books(tenant))
            }
        }
    )*};
}
pub(super) use without_row;

without_row!(@[T, X] Connection<T, X>, @[T] Edge<T>, PageInfo);

/// The arguments of every list.
pub(super) fn page_arguments() -> Vec<InputValue> {
    let int = || TypeRef::named(TypeRef::INT);
    let text = || TypeRef::named(TypeRef::STRING);
    vec![
        InputValue::new("first", int())
            .description("The first so many rows, from 1 to 500; 50 where nothing is said."),
        InputValue::new("after", text()).description("The rows after this cursor."),
        InputValue::new("last", int()).description("The last so many rows, from 1 to 500."),
        InputValue::new("before", text()).description("The rows before this cursor."),
    ]
}

/// Reads the arguments of a list.
pub(super) fn page(
    arguments: &Input,
    operation: &Operation,
    list: &str,
) -> Result<Page, GraphqlError> {
    let (first, last) = (size(arguments, "first")?, size(arguments, "last")?);
    if first.is_some() && last.is_some() {
        return Err(GraphqlError::BadInput(
            "give `first` or `last`, not both".to_owned(),
        ));
    }
    let (direction, limit, cursor) = match last {
        Some(last) => (Direction::Backward, last, "before"),
        None => (Direction::Forward, first.unwrap_or(PAGE_DEFAULT), "after"),
    };
    let other = if cursor == "after" { "before" } else { "after" };
    if inputs::text(arguments, other).is_some() {
        let sentence = format!(
            "`{other}` goes with `{}`",
            if last.is_some() { "first" } else { "last" }
        );
        return Err(GraphqlError::BadInput(sentence));
    }
    let position = inputs::text(arguments, cursor)
        .map(|text| {
            operation
                .cursor_key
                .open(operation.tenant(), list, text)
                .ok_or_else(|| {
                    GraphqlError::BadInput(format!("`{cursor}` is not a cursor of this list"))
                })
        })
        .transpose()?;
    Ok(Page {
        limit,
        direction,
        position,
    })
}

/// How many rows are asked for, where it is said.
pub(super) fn size(arguments: &Input, name: &str) -> Result<Option<u16>, GraphqlError> {
    let Some(size) = inputs::int(arguments, name) else {
        return Ok(None);
    };
    let size = u16::try_from(size).ok();
    match size.filter(|n| (1..=PAGE_MAX).contains(n)) {
        Some(size) => Ok(Some(size)),
        None => Err(GraphqlError::BadInput(format!(
            "`{name}` is a number from 1 to {PAGE_MAX}"
        ))),
    }
}

impl<T: Keyset + Send + Sync + 'static, X: Send + Sync + 'static> Connection<T, X> {
    /// Makes the connection of a slice that was read for `page`.
    pub(super) fn new(
        operation: &Operation,
        list: &'static str,
        page: &Page,
        slice: Slice<T>,
        extra: X,
    ) -> Self {
        let list = Arc::new(List {
            name: list,
            tenant: operation.tenant(),
            key: operation.cursor_key.clone(),
        });
        let edges: Vec<_> = slice
            .rows
            .into_iter()
            .map(|row| {
                let place = Place {
                    list: Arc::clone(&list),
                    position: row.position(),
                };
                Arc::new(Edge {
                    place,
                    node: Arc::new(row),
                })
            })
            .collect();
        let beyond = page.position.is_some();
        let (has_next_page, has_previous_page) = match page.direction {
            Direction::Forward => (slice.has_more, beyond),
            Direction::Backward => (beyond, slice.has_more),
        };
        let page_info = PageInfo {
            has_next_page,
            has_previous_page,
            start: edges.first().map(|edge| edge.place.clone()),
            end: edges.last().map(|edge| edge.place.clone()),
        };
        Self {
            edges,
            page_info: Arc::new(page_info),
            extra,
        }
    }

    /// The connection as a field's value.
    pub(super) fn output(self) -> Output {
        Output::object(Arc::new(self))
    }
}

/// The resolver of a list that takes no arguments but its page's: the list's name, its resource, and
/// what reads it.
macro_rules! pages {
    ($list:literal, $resource:ident, $reader:ident) => {
        |context| {
            futures::FutureExt::boxed(async move {
                let operation = context.operation;
                let page = $crate::graphql::connection::page(&context.arguments, operation, $list)?;
                let scope = operation.scope::<countersign_policies::resource::$resource>()?;
                let slice = operation.reader().await?.$reader(&scope, &page).await?;
                Ok(
                    $crate::graphql::connection::Connection::new(
                        operation,
                        $list,
                        &page,
                        slice,
                        (),
                    )
                    .output(),
                )
            })
        }
    };
}
pub(super) use pages;

/// The names of a connection's types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) connection: &'static str,
    pub(super) edge: &'static str,
    pub(super) node: &'static str,
}

/// Registers the connection and edge types of a row type.
pub(super) fn register<T: Send + Sync + 'static>(parts: &mut Parts<'_>, names: Names) {
    let connection = connection_builder::<T, ()>(parts, names);
    parts.object(connection);
}

/// The connection's type, to which a list may add fields of its own; registers the edge's type.
pub(super) fn connection_builder<'e, T, X>(
    parts: &mut Parts<'e>,
    names: Names,
) -> ObjectBuilder<'e, Connection<T, X>>
where
    T: Send + Sync + 'static,
    X: Send + Sync + 'static,
{
    let edge = ObjectBuilder::<Edge<T>>::new(
        parts.engine,
        names.edge,
        "A row with the cursor of its place in the list.",
    )
    .of(Kind::Structure)
    .value(
        "cursor",
        TypeRef::named_nn(TypeRef::STRING),
        "The cursor of this row.",
        |edge| Some(edge.place.cursor().into()),
    )
    .of(Kind::Structure)
    .object("node", TypeRef::named_nn(names.node), "The row.", |edge| {
        Some(Output::object(Arc::clone(&edge.node)))
    });
    parts.object(edge);
    ObjectBuilder::<Connection<T, X>>::new(parts.engine, names.connection, "A page of a list.")
        .of(Kind::Structure)
        .object(
            "edges",
            TypeRef::named_nn_list_nn(names.edge),
            "The rows with cursors.",
            |page| Some(Output::objects(page.edges.iter().cloned())),
        )
        .of(Kind::Structure)
        .object(
            "nodes",
            TypeRef::named_nn_list_nn(names.node),
            "The rows alone.",
            |page| {
                Some(Output::objects(
                    page.edges.iter().map(|e| Arc::clone(&e.node)),
                ))
            },
        )
        .of(Kind::Structure)
        .object(
            "pageInfo",
            TypeRef::named_nn("PageInfo"),
            "What lies around the page.",
            |page| Some(Output::object(Arc::clone(&page.page_info))),
        )
}

/// Registers `PageInfo`.
pub(super) fn register_page_info(parts: &mut Parts<'_>) {
    let boolean = || TypeRef::named_nn(TypeRef::BOOLEAN);
    let cursor = || TypeRef::named(TypeRef::STRING);
    let page_info =
        ObjectBuilder::<PageInfo>::new(parts.engine, "PageInfo", "What lies around a page.")
            .of(Kind::Structure)
            .value("hasNextPage", boolean(), "Whether rows follow.", |info| {
                Some(info.has_next_page.into())
            })
            .of(Kind::Structure)
            .value(
                "hasPreviousPage",
                boolean(),
                "Whether rows precede.",
                |info| Some(info.has_previous_page.into()),
            )
            .of(Kind::Structure)
            .value(
                "startCursor",
                cursor(),
                "The cursor of the first row.",
                |info| info.start.as_ref().map(|place| place.cursor().into()),
            )
            .of(Kind::Structure)
            .value(
                "endCursor",
                cursor(),
                "The cursor of the last row.",
                |info| info.end.as_ref().map(|place| place.cursor().into()),
            );
    parts.object(page_info);
}
