//! `Account`: a bank account in the books.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::{
    books::Account,
    id::{TenantId, UserId},
};
use countersign_entities::Member;
use countersign_policies::{Row, row::TenantRow};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs,
    kind::Kind,
    permissions::viewer_can,
    scalars,
    schema::Parts,
    texts,
    user_errors::{made, payload, payload_builder},
    value::Leaf,
};
use crate::app::{self, accounts::CreateAccount};

impl Source for Account {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantRow { tenant, row: self })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    object(parts);
    connection::register::<Account>(
        parts,
        Names {
            connection: "AccountConnection",
            edge: "AccountEdge",
            node: "Account",
        },
    );
    parts.query(|query| {
        query.of(Kind::Basic).resolve(
            "accounts",
            TypeRef::named("AccountConnection"),
            "The tenant's bank accounts.",
            connection::page_arguments(),
            pages!("accounts", Account, accounts),
        )
    });
    create(parts);
}

fn object(parts: &mut Parts<'_>) {
    let account =
        ObjectBuilder::<Account>::new(parts.engine, "Account", "A bank account in the books.")
            .implements("Node")
            .of(Kind::Basic)
            .value("id", TypeRef::named_nn(TypeRef::ID), "`acc_…`.", |a| {
                Some(Leaf::shown(a.id))
            })
            .of(Kind::Basic)
            .value(
                "name",
                TypeRef::named_nn(TypeRef::STRING),
                "What the tenant calls it.",
                |a| Some(Leaf::from(a.name.as_str())),
            )
            .of(Kind::Basic)
            .value(
                "currency",
                TypeRef::named_nn("CurrencyCode"),
                "Its currency.",
                |a| Some(Leaf::from(a.currency.code())),
            )
            .of(Kind::Basic)
            .value(
                "personal",
                TypeRef::named_nn(TypeRef::BOOLEAN),
                "A personal account of the owner's household.",
                |a| Some(a.personal.into()),
            )
            .of(Kind::Personal)
            .resolve(
                "number",
                TypeRef::named(TypeRef::STRING),
                "IBAN or the bank's own number, without spaces.",
                [],
                texts::field::<Account>(|a| a.number.as_ref()),
            )
            .of(Kind::Basic)
            .related::<Member>(
                "custodian",
                "Member",
                "Who has the account or its card in their care.",
                |a| a.custodian.map(UserId::uuid),
            )
            .of(Kind::Financial)
            .value(
                "balance",
                TypeRef::named("Decimal"),
                "The closing balance of the newest statement.",
                |a| a.balance.map(|(money, _)| scalars::money_value(money)),
            )
            .of(Kind::Financial)
            .value(
                "balanceOn",
                TypeRef::named("Date"),
                "The day of that balance.",
                |a| a.balance.map(|(_, on)| scalars::date_value(on)),
            )
            .of(Kind::Basic)
            .value(
                "createdAt",
                TypeRef::named_nn("DateTime"),
                "When it was entered.",
                |a| Some(scalars::instant_value(a.created_at)),
            );
    parts.object(viewer_can(account, "Account", Kind::Basic));
}

fn create(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("CreateAccountInput")
            .description("The account to be made.")
            .field(
                InputValue::new("name", TypeRef::named_nn(TypeRef::STRING))
                    .description("What to call it, from 1 to 80 characters."),
            )
            .field(InputValue::new(
                "currency",
                TypeRef::named_nn("CurrencyCode"),
            ))
            .field(
                InputValue::new("number", TypeRef::named(TypeRef::STRING))
                    .description("IBAN or the bank's own number, by which statements find it."),
            )
            .field(
                InputValue::new("custodianId", TypeRef::named(TypeRef::ID))
                    .description("The member who has it in their care."),
            )
            .field(
                InputValue::new("personal", TypeRef::named_nn(TypeRef::BOOLEAN))
                    .default_value(false),
            ),
    );
    let created = payload_builder::<Arc<Account>>(parts, "CreateAccountPayload")
        .of(Kind::Structure)
        .object(
            "account",
            TypeRef::named("Account"),
            "The new account.",
            made,
        );
    parts.object(created);
    parts.mutation(|mutation| {
        mutation.of(Kind::WriteFinancial).on("Account").resolve(
            "createAccount",
            TypeRef::named("CreateAccountPayload"),
            "Enters an account into the books.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("CreateAccountInput"),
            )],
            create_account,
        )
    });
}

fn create_account(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let command = CreateAccount {
            name: inputs::required(input, "name")?,
            currency: inputs::required(input, "currency")?,
            number: inputs::owned(input, "number"),
            custodian: inputs::id(input, "custodianId")?,
            personal: inputs::boolean(input, "personal"),
        };
        let created =
            app::accounts::create(&operation.services, operation.writer().await?, command).await;
        payload(created.map(Arc::new))
    }
    .boxed()
}
