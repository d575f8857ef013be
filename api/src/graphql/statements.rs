//! `Statement`, and the import of one.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputObject, InputValue, TypeRef};
use countersign_domain::{
    books::Account,
    id::TenantId,
    money::Currency,
    statements::{BalanceCheck, CsvMapping},
};
use countersign_entities::{Import, Statement};
use countersign_policies::{Row, row::KeptRow};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    loader,
    scalars::{self, enum_value},
    schema::Parts,
    texts,
    user_errors::{payload, payload_builder},
    value::{Leaf, Output},
};
use crate::app::{self, statements::ImportStatement};

impl Source for Statement {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&KeptRow {
            tenant,
            id: self.id.uuid(),
            custodian: self.custodian,
            personal: self.personal,
        })
    }
}

/// How dates are written where nothing is said.
const DATE_FORMAT: &str = "%Y-%m-%d";

/// What an import gives back.
struct Made {
    import: Arc<Import>,
    statements: Vec<Arc<Statement>>,
    already: bool,
}

pub(super) fn register(parts: &mut Parts<'_>) {
    object(parts);
    connection::register::<Statement>(
        parts,
        Names {
            connection: "StatementConnection",
            edge: "StatementEdge",
            node: "Statement",
        },
    );
    parts.query(|query| {
        query.of(Kind::Basic).resolve(
            "statements",
            TypeRef::named("StatementConnection"),
            "The statements that were imported, newest first.",
            connection::page_arguments(),
            pages!("statements", Statement, statements),
        )
    });
    import_inputs(parts);
    let imported = payload_builder::<Made>(parts, "ImportStatementPayload")
        .of(Kind::Structure)
        .object(
            "import",
            TypeRef::named("Import"),
            "The import, of now or of before.",
            |payload| {
                let made = payload.made.as_ref()?;
                Some(Output::object(Arc::clone(&made.import)))
            },
        )
        .of(Kind::Structure)
        .object(
            "statements",
            TypeRef::named_nn_list("Statement"),
            "The statements in the file.",
            |payload| {
                let made = payload.made.as_ref()?;
                Some(Output::objects(made.statements.iter().cloned()))
            },
        )
        .of(Kind::Structure)
        .value(
            "alreadyImported",
            TypeRef::named_nn(TypeRef::BOOLEAN),
            "True where this very file was imported before; nothing was changed.",
            |payload| {
                Some(
                    payload
                        .made
                        .as_ref()
                        .is_some_and(|made| made.already)
                        .into(),
                )
            },
        );
    parts.object(imported);
    parts.mutation(|mutation| {
        mutation.of(Kind::Import).on("Account").resolve(
            "importStatement",
            TypeRef::named("ImportStatementPayload"),
            "Imports a bank statement file, all or nothing.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("ImportStatementInput"),
            )],
            import_statement,
        )
    });
}

fn balance_check(parts: &mut Parts<'_>) {
    let mut checks = Enum::new("BalanceCheck").description(
        "Whether the entries lead from the opening to the closing balance. \
         A file in which they do not is not imported.",
    );
    for check in [BalanceCheck::Balanced, BalanceCheck::NotStated] {
        checks = checks.item(check.name());
    }
    parts.enumeration(checks);
}

fn object(parts: &mut Parts<'_>) {
    balance_check(parts);
    let date = || TypeRef::named("Date");
    let decimal = || TypeRef::named("Decimal");
    let statement = ObjectBuilder::<Statement>::new(parts.engine, "Statement", "A bank statement.")
        .implements("Node")
        .of(Kind::Basic)
        .value("id", TypeRef::named_nn(TypeRef::ID), "`stm_…`.", |s| {
            Some(Leaf::shown(s.id))
        })
        .of(Kind::Basic)
        .related::<Account>("account", "Account", "Its account.", |s| {
            Some(s.account.uuid())
        })
        .of(Kind::Basic)
        .related::<Import>("import", "Import", "What it came with.", |s| {
            Some(s.import.uuid())
        })
        .of(Kind::Personal)
        .resolve(
            "reference",
            TypeRef::named(TypeRef::STRING),
            "The bank's own identification of the statement.",
            [],
            texts::field::<Statement>(|s| s.reference.as_ref()),
        )
        .of(Kind::Basic)
        .value(
            "currency",
            TypeRef::named_nn("CurrencyCode"),
            "Its currency.",
            |s| Some(Leaf::from(s.currency.code())),
        )
        .of(Kind::Basic)
        .value("periodStart", date(), "The first day it speaks of.", |s| {
            s.period_start.map(scalars::date_value)
        })
        .of(Kind::Basic)
        .value("periodEnd", date(), "The last day it speaks of.", |s| {
            s.period_end.map(scalars::date_value)
        })
        .of(Kind::Financial)
        .value(
            "opening",
            decimal(),
            "The balance before its entries.",
            |s| s.opening.map(scalars::money_value),
        )
        .of(Kind::Financial)
        .value(
            "closing",
            decimal(),
            "The balance after its entries.",
            |s| s.closing.map(scalars::money_value),
        )
        .of(Kind::Basic)
        .value(
            "balanceCheck",
            TypeRef::named_nn("BalanceCheck"),
            "Whether its balances agree with its entries.",
            |s| Some(enum_value(s.balance_check.name())),
        )
        .of(Kind::Basic)
        .value(
            "transactionCount",
            TypeRef::named_nn(TypeRef::INT),
            "Entries in it, those that the books already had among them.",
            |s| Some(s.transaction_count.into()),
        );
    parts.object(statement);
}

fn import_inputs(parts: &mut Parts<'_>) {
    let text = || TypeRef::named(TypeRef::STRING);
    let required = || TypeRef::named_nn(TypeRef::STRING);
    parts.input(
        InputObject::new("ImportStatementInput")
            .description("The file, and what it does not say of itself.")
            .field(
                InputValue::new("fileName", required())
                    .description("The name of the file, as people know it."),
            )
            .field(InputValue::new("content", TypeRef::named_nn("Base64")).description("The file."))
            .field(
                InputValue::new("accountId", TypeRef::named(TypeRef::ID)).description(
                    "The account that it belongs to. Needed where the file does not name one; \
                 otherwise the account with that number is taken.",
                ),
            )
            .field(
                InputValue::new("csv", TypeRef::named("CsvMappingInput"))
                    .description("How the columns are to be read, for CSV."),
            ),
    );
    let column = |name: &str, description: &str| {
        InputValue::new(name, TypeRef::named(TypeRef::STRING)).description(description)
    };
    parts.input(
        InputObject::new("CsvMappingInput")
            .description("The columns of a CSV file, by their headers.")
            .field(InputValue::new("date", required()).description("The booking date."))
            .field(
                InputValue::new("dateFormat", required())
                    .default_value(DATE_FORMAT)
                    .description("How dates are written, in `strftime` form."),
            )
            .field(column(
                "amount",
                "Signed amounts, where one column holds them.",
            ))
            .field(column(
                "credit",
                "Money in, where two columns hold amounts.",
            ))
            .field(column(
                "debit",
                "Money out, where two columns hold amounts.",
            ))
            .field(InputValue::new("description", required()).description("The description."))
            .field(column("counterparty", "The other party."))
            .field(column("reference", "The bank's reference."))
            .field(column(
                "balance",
                "The balance after each row, which is then checked.",
            ))
            .field(InputValue::new("delimiter", required()).default_value(","))
            .field(InputValue::new("decimalMark", required()).default_value("."))
            .field(
                InputValue::new("currency", text())
                    .description("The currency of the amounts; the account's where not given."),
            ),
    );
}

fn import_statement(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let account = inputs::id(input, "accountId")?;
        let csv = match inputs::object(input, "csv") {
            Some(mapping) => {
                let fallback = match account {
                    Some(id) => {
                        let id = countersign_domain::id::AccountId::uuid(id);
                        let found = loader::load::<Account>(operation, id).await?;
                        found.map(|account| account.currency)
                    }
                    None => None,
                };
                Some(csv_mapping(mapping, fallback)?)
            }
            None => None,
        };
        let command = ImportStatement {
            file_name: inputs::required(input, "fileName")?,
            content: scalars::decode_base64(&inputs::required(input, "content")?)?,
            account,
            csv,
        };
        let (services, writer) = (&operation.services, operation.writer().await?);
        let imported = app::statements::import(services, writer, command).await;
        payload(imported.map(|imported| Made {
            import: Arc::new(imported.import),
            statements: imported.statements.into_iter().map(Arc::new).collect(),
            already: imported.already,
        }))
    }
    .boxed()
}

fn csv_mapping(mapping: &Input, fallback: Option<Currency>) -> Result<CsvMapping, GraphqlError> {
    let currency = match inputs::text(mapping, "currency") {
        Some(code) => code.parse().ok(),
        None => fallback,
    };
    let currency = currency.ok_or_else(|| {
        GraphqlError::BadInput("give `accountId` or the `currency` of the CSV file".to_owned())
    })?;
    Ok(CsvMapping {
        date: inputs::required(mapping, "date")?,
        date_format: inputs::required(mapping, "dateFormat")?,
        amount: inputs::owned(mapping, "amount"),
        credit: inputs::owned(mapping, "credit"),
        debit: inputs::owned(mapping, "debit"),
        description: inputs::required(mapping, "description")?,
        counterparty: inputs::owned(mapping, "counterparty"),
        reference: inputs::owned(mapping, "reference"),
        balance: inputs::owned(mapping, "balance"),
        delimiter: mark(mapping, "delimiter", &[',', ';', '\t', '|'])?,
        decimal_mark: mark(mapping, "decimalMark", &['.', ','])?,
        currency,
    })
}

fn mark(mapping: &Input, name: &str, known: &[char]) -> Result<char, GraphqlError> {
    let mut marks = inputs::text(mapping, name).unwrap_or_default().chars();
    match (marks.next(), marks.next()) {
        (Some(mark), None) if known.contains(&mark) => Ok(mark),
        _ => {
            let known = known.iter().map(|mark| match mark {
                '\t' => "a tab".to_owned(),
                mark => format!("`{mark}`"),
            });
            let known = known.collect::<Vec<_>>().join(", ");
            Err(GraphqlError::BadInput(format!(
                "`{name}` is one of {known}"
            )))
        }
    }
}
