//! `Transaction`: a booked movement of money.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputObject, InputValue, TypeRef};
use countersign_domain::{
    books::{Account, Category, Transaction},
    id::{CategoryId, TenantId, TransactionId},
    money::Magnitude,
};
use countersign_entities::{Beside, Pointed, Sign, Statement, TransactionFilter};
use countersign_policies::{Decision, ReadScope, Row, resource, row::TenantRow};
use futures::FutureExt;
use uuid::Uuid;

use super::{
    connection::{self, Connection, Names},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    loader,
    operation::Operation,
    permissions::viewer_can,
    scalars::{self, enum_value},
    schema::Parts,
    selection::Selected,
    user_errors::{made, payload, payload_builder},
    value::{Leaf, Output},
};
use crate::app;

const LIST: &str = "transactions";

impl Source for Transaction {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantRow { tenant, row: self })
    }
}

/// What `totalCount` counts.
#[derive(Debug)]
struct Counted {
    scope: ReadScope<resource::Transaction>,
    filter: TransactionFilter,
}

pub(super) fn register(parts: &mut Parts<'_>) {
    object(parts);
    let names = Names {
        connection: "TransactionConnection",
        edge: "TransactionEdge",
        node: "Transaction",
    };
    let connection = connection::connection_builder::<Transaction, Counted>(parts, names)
        .of(Kind::Structure)
        .resolve(
            "totalCount",
            TypeRef::named(TypeRef::INT),
            "How many there are in all, with this filter. Looks at each of them, and costs 1,000.",
            [],
            total_count,
        );
    parts.object(connection);
    filter(parts);
    parts.query(|query| {
        let mut arguments = connection::page_arguments();
        arguments.insert(
            0,
            InputValue::new("filter", TypeRef::named("TransactionFilter")),
        );
        query.of(Kind::Basic).resolve(
            "transactions",
            TypeRef::named("TransactionConnection"),
            "The tenant's transactions, newest first.",
            arguments,
            transactions,
        )
    });
    categorize(parts);
}

#[expect(
    clippy::too_many_lines,
    reason = "a table of fields, one after the other"
)]
fn object(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let transaction = ObjectBuilder::<Transaction>::new(
        parts.engine,
        "Transaction",
        "A booked movement of money on an account.",
    )
    .implements("Node")
    .of(Kind::Basic)
    .value("id", TypeRef::named_nn(TypeRef::ID), "`txn_…`.", |t| {
        Some(Leaf::shown(t.id))
    })
    .of(Kind::Basic)
    .related::<Account>("account", "Account", "Its account.", |t| {
        Some(t.account.uuid())
    })
    .of(Kind::Basic)
    .related::<Statement>("statement", "Statement", "What it came with.", |t| {
        Some(t.statement.uuid())
    })
    .of(Kind::Basic)
    .related::<Category>("category", "Category", "Where it is sorted.", |t| {
        t.category.map(CategoryId::uuid)
    })
    .of(Kind::Basic)
    .value(
        "bookedOn",
        TypeRef::named_nn("Date"),
        "The day the bank booked it.",
        |t| Some(scalars::date_value(t.booked_on)),
    )
    .of(Kind::Basic)
    .value(
        "valueOn",
        TypeRef::named("Date"),
        "The day it counts for interest.",
        |t| t.value_on.map(scalars::date_value),
    )
    .of(Kind::Basic)
    .value(
        "currency",
        TypeRef::named_nn("CurrencyCode"),
        "The amount's currency.",
        |t| Some(Leaf::shown(t.amount.currency())),
    )
    .of(Kind::Financial)
    .value(
        "amount",
        TypeRef::named("Decimal"),
        "The exact amount: positive in, negative out.",
        |t| Some(scalars::money_value(t.amount)),
    )
    .of(Kind::Basic)
    .value(
        "magnitude",
        TypeRef::named("Magnitude"),
        "The order of magnitude, which those may see who may not see the amount.",
        |t| Some(enum_value(t.amount.magnitude().name())),
    )
    .of(Kind::Basic)
    .value(
        "direction",
        TypeRef::named_nn("Direction"),
        "In or out.",
        |t| {
            Some(enum_value(if t.amount.amount().is_sign_negative() {
                "OUT"
            } else {
                "IN"
            }))
        },
    )
    .of(Kind::Personal)
    .value("counterparty", text(), "The other party.", |t| {
        scalars::text_value(t.counterparty.as_ref())
    })
    .of(Kind::Personal)
    .value(
        "description",
        text(),
        "Remittance information, as the bank sent it.",
        |t| Some(Leaf::from(t.description.as_str())),
    )
    .of(Kind::Personal)
    .value("reference", text(), "The bank's reference.", |t| {
        scalars::text_value(t.reference.as_ref())
    });
    parts.object(viewer_can(transaction, "Transaction", Kind::Basic));
}

fn filter(parts: &mut Parts<'_>) {
    let mut magnitudes = Enum::new("Magnitude").description(
        "MICRO under 10, SMALL to 100, MEDIUM to 1,000, LARGE to 10,000, XLARGE above; \
         the sign does not count.",
    );
    for magnitude in Magnitude::ALL {
        magnitudes = magnitudes.item(magnitude.name());
    }
    parts.enumeration(magnitudes);
    parts.enumeration(
        Enum::new("Direction")
            .description("Which way money moved.")
            .item("IN")
            .item("OUT"),
    );
    let id = || TypeRef::named(TypeRef::ID);
    let date = || TypeRef::named("Date");
    parts.input(
        InputObject::new("TransactionFilter")
            .description("Which transactions; every condition given must hold.")
            .field(InputValue::new("accountId", id()))
            .field(InputValue::new("categoryId", id()))
            .field(
                InputValue::new("uncategorized", TypeRef::named(TypeRef::BOOLEAN))
                    .description("Only those without a category."),
            )
            .field(InputValue::new("from", date()).description("Booked on this day or later."))
            .field(InputValue::new("to", date()).description("Booked on this day or earlier."))
            .field(
                InputValue::new("magnitude", TypeRef::named("Magnitude"))
                    .description("Looks at each until the page is full, and costs 1,000."),
            )
            .field(
                InputValue::new("direction", TypeRef::named("Direction"))
                    .description("Looks at each until the page is full, and costs 1,000."),
            )
            .field(
                InputValue::new("text", TypeRef::named(TypeRef::STRING)).description(
                    "Part of the description or the counterparty, without regard to case. \
                 Needs the right to read both. Looks at each until the page is full, and costs 5,000.",
                ),
            ),
    );
}

fn categorize(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("CategorizeTransactionInput")
            .description("Which transaction goes where.")
            .field(InputValue::new(
                "transactionId",
                TypeRef::named_nn(TypeRef::ID),
            ))
            .field(
                InputValue::new("categoryId", TypeRef::named(TypeRef::ID))
                    .description("The category, or null to take it out of its category."),
            ),
    );
    let categorized = payload_builder::<Arc<Transaction>>(parts, "CategorizeTransactionPayload")
        .of(Kind::Structure)
        .object(
            "transaction",
            TypeRef::named("Transaction"),
            "The transaction.",
            made,
        );
    parts.object(categorized);
    parts.mutation(|mutation| {
        mutation.of(Kind::WriteBasic).on("Transaction").resolve(
            "categorizeTransaction",
            TypeRef::named("CategorizeTransactionPayload"),
            "Puts a transaction into a category, or takes it out.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("CategorizeTransactionInput"),
            )],
            categorize_transaction,
        )
    });
}

fn transactions(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let page = connection::page(&context.arguments, operation, LIST)?;
        let scope = operation.scope::<resource::Transaction>()?;
        let filter = read_filter(&context.arguments, operation)?;
        let beside = beside(operation, Some(context.selected));
        let reader = operation.reader().await?;
        let read = reader
            .transactions_beside(&scope, &filter, &page, &beside)
            .await?;
        let (slice, pointed) = read;
        keep(operation, &slice.rows, pointed);
        let counted = Counted { scope, filter };
        let connection = Connection::new(operation, LIST, &page, slice, counted);
        Ok(connection.output())
    }
    .boxed()
}

/// What a field asks for of the transactions that it gives and stands in other rows, which can be read
/// in the same round trip.
fn beside(operation: &Operation, selected: Option<&Selected>) -> Beside {
    let asked = |name| selected.is_some_and(|selected| selected.points("Transaction", name));
    Beside {
        accounts: asked("account").then(|| operation.scope().ok()).flatten(),
        categories: asked("category").then(|| operation.scope().ok()).flatten(),
    }
}

/// Keeps what was read beside transactions for the fields that point to it.
fn keep(operation: &Operation, rows: &[Transaction], pointed: Pointed) {
    let ids = |id: fn(&Transaction) -> Option<Uuid>| rows.iter().filter_map(id);
    if let Some(accounts) = pointed.accounts {
        loader::keep(operation, ids(|row| Some(row.account.uuid())), accounts);
    }
    if let Some(categories) = pointed.categories {
        let pointed_to = ids(|row| row.category.map(CategoryId::uuid));
        loader::keep(operation, pointed_to, categories);
    }
}

/// Transactions by their ids, as far as the caller may read them, in any order.
pub(super) async fn by_ids(
    operation: &Operation,
    selected: Option<&Selected>,
    ids: &[TransactionId],
) -> Result<Vec<Transaction>, GraphqlError> {
    // Whoever may read no row of a kind is told of none.
    let Ok(scope) = operation.scope::<resource::Transaction>() else {
        return Ok(Vec::new());
    };
    let reader = operation.reader().await?;
    let beside = beside(operation, selected);
    let read = reader
        .transactions_by_id_beside(&scope, ids, &beside)
        .await?;
    let (rows, pointed) = read;
    keep(operation, &rows, pointed);
    Ok(rows)
}

fn total_count(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let counted = &context.parent::<Connection<Transaction, Counted>>()?.extra;
        let reader = operation.reader().await?;
        let count = reader
            .transaction_count(&counted.scope, &counted.filter)
            .await?;
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Output::Leaf(count.into()))
    }
    .boxed()
}

fn read_filter(
    arguments: &Input,
    operation: &Operation,
) -> Result<TransactionFilter, GraphqlError> {
    let Some(given) = inputs::object(arguments, "filter") else {
        return Ok(TransactionFilter::default());
    };
    let date = |name| inputs::text(given, name).and_then(scalars::parse_date);
    let text = inputs::owned(given, "text").filter(|text| !text.trim().is_empty());
    if let Some(text) = &text {
        if text.chars().count() > 100 {
            return Err(GraphqlError::BadInput(
                "`text` has at most 100 characters".to_owned(),
            ));
        }
        may_search(operation)?;
    }
    Ok(TransactionFilter {
        account: inputs::id(given, "accountId")?,
        category: inputs::id(given, "categoryId")?,
        uncategorized: inputs::boolean(given, "uncategorized"),
        from: date("from"),
        to: date("to"),
        magnitude: inputs::member(given, "magnitude").and_then(Magnitude::from_name),
        sign: inputs::member(given, "direction").map(|direction| match direction {
            "IN" => Sign::In,
            _ => Sign::Out,
        }),
        text,
    })
}

/// Searching tells what stands in a field, so it needs the right to read the field on every row
/// that is searched: whoever may read it on some rows only would learn of the others.
fn may_search(operation: &Operation) -> Result<(), GraphqlError> {
    let engine = &operation.services.engine;
    let names = [
        "Transaction.id",
        "Transaction.description",
        "Transaction.counterparty",
    ];
    let actions: Vec<_> = names
        .iter()
        .filter_map(|name| engine.action(name))
        .collect();
    let decisions = engine.decide(operation.context.actor(), &actions);
    let mut decided = actions.iter().map(|action| decisions.get(*action));
    let searched = decided.next();
    for field in decided {
        match (field, searched) {
            (Decision::Allow(_), _) => {}
            (Decision::Deny(refusal), _) => return Err(GraphqlError::Refused(refusal.clone())),
            // The rows that may be read are just those that are searched.
            (Decision::Row(field), Some(Decision::Row(row)))
                if field.predicate() == row.predicate() => {}
            (Decision::Row(_), _) => {
                let sentence = "`text` searches fields that you may read on some rows only";
                return Err(GraphqlError::BadInput(sentence.to_owned()));
            }
        }
    }
    Ok(())
}

fn categorize_transaction(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let id: TransactionId = inputs::required_id(input, "transactionId")?;
        let category: Option<CategoryId> = inputs::id(input, "categoryId")?;
        let (services, writer) = (&operation.services, operation.writer().await?);
        let done = app::transactions::categorize(services, writer, id, category).await;
        payload(done.map(Arc::new))
    }
    .boxed()
}
