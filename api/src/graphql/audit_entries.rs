//! `AuditEntry`: a row of the tenant's audit log.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputObject, InputValue, TypeRef};
use countersign_domain::{audit::Outcome, id::TenantId};
use countersign_entities::{AuditEntry, AuditFilter};
use countersign_policies::{Row, resource, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Connection, Names},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs::{self, Input},
    kind::Kind,
    scalars::{self, enum_value},
    schema::Parts,
    value::{Leaf, Output},
};

impl Source for AuditEntry {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    object(parts);
    connection::register::<AuditEntry>(
        parts,
        Names {
            connection: "AuditEntryConnection",
            edge: "AuditEntryEdge",
            node: "AuditEntry",
        },
    );
    parts.enumeration(
        Enum::new("AuditOutcome")
            .description("How it ended: done, refused by policy or by a rule of input, or failed.")
            .item(Outcome::Done.name())
            .item(Outcome::Refused.name())
            .item(Outcome::Failed.name()),
    );
    let instant = || TypeRef::named("DateTime");
    parts.input(
        InputObject::new("AuditEntryFilter")
            .description("Which rows; every condition given must hold.")
            .field(InputValue::new("from", instant()).description("At this instant or later."))
            .field(InputValue::new("to", instant()).description("Before this instant."))
            .field(
                InputValue::new("action", TypeRef::named(TypeRef::STRING))
                    .description("The whole name, such as `statement.imported`."),
            )
            .field(
                InputValue::new("actorId", TypeRef::named(TypeRef::STRING))
                    .description("`usr_…`, `tok_…`, `mch_…` or an operator's command."),
            )
            .field(InputValue::new("outcome", TypeRef::named("AuditOutcome")))
            .field(
                InputValue::new("fromSeq", TypeRef::named(TypeRef::INT))
                    .description("This row and later ones."),
            )
            .field(
                InputValue::new("toSeq", TypeRef::named(TypeRef::INT))
                    .description("This row and earlier ones."),
            ),
    );
    parts.query(|query| {
        let mut arguments = connection::page_arguments();
        arguments.insert(
            0,
            InputValue::new("filter", TypeRef::named("AuditEntryFilter")),
        );
        query.of(Kind::Audit).resolve(
            "auditEntries",
            TypeRef::named("AuditEntryConnection"),
            "The tenant's audit log, newest first.",
            arguments,
            audit_entries,
        )
    });
}

#[expect(
    clippy::too_many_lines,
    reason = "a table of fields, one after the other"
)]
fn object(parts: &mut Parts<'_>) {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    let entry = ObjectBuilder::<AuditEntry>::new(
        parts.engine,
        "AuditEntry",
        "A row of the audit log, linked to the row before it.",
    )
    .implements("Node")
    .of(Kind::Audit).value("id", TypeRef::named_nn(TypeRef::ID), "`aud_…`.", |e| {
        Some(Leaf::shown(e.id))
    })
    .of(Kind::Audit).value(
        "seq",
        TypeRef::named_nn(TypeRef::INT),
        "From 1, without a gap.",
        |e| Some(i32::try_from(e.link.seq).unwrap_or(i32::MAX).into()),
    )
    .of(Kind::Audit).value("occurredAt", TypeRef::named_nn("DateTime"), "When.", |e| {
        Some(scalars::instant_value(e.event.occurred_at))
    })
    .of(Kind::Audit).value(
        "actorKind",
        text(),
        "`human`, `machine`, `operator` or `stranger`.",
        |e| Some(Leaf::from(e.event.actor_kind.as_str())),
    )
    .of(Kind::Audit).value(
        "actorId",
        text(),
        "`usr_…`, `tok_…`, `mch_…` or an operator's command.",
        |e| Some(Leaf::from(e.event.actor_id.as_str())),
    )
    .of(Kind::Audit).value(
        "actorName",
        TypeRef::named(TypeRef::STRING),
        "The actor's name, if it is a member still.",
        |e| scalars::text_value(e.actor_name.as_ref()),
    )
    .of(Kind::Audit).value(
        "action",
        text(),
        "What was done, noun and past verb.",
        |e| Some(Leaf::from(e.event.action.as_str())),
    )
    .of(Kind::Audit).value(
        "permission",
        text(),
        "The action and the rules that decided.",
        |e| Some(Leaf::from(e.event.permission.as_str())),
    )
    .of(Kind::Audit).value(
        "policies",
        TypeRef::named(TypeRef::STRING),
        "SHA-256 of the policies that decided, as `PolicySet.version`; null where none did.",
        |e| Some(hex::encode(e.event.policies?).into()),
    )
    .of(Kind::Audit).value(
        "outcome",
        TypeRef::named_nn("AuditOutcome"),
        "How it ended.",
        |e| Some(enum_value(e.event.outcome.name())),
    )
    .of(Kind::Audit).value(
        "targets",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "What it was done to.",
        |e| Some(e.event.targets.iter().map(String::as_str).collect()),
    )
    .of(Kind::Audit).value(
        "requestId",
        text(),
        "The request that it happened in.",
        |e| Some(Leaf::shown(e.event.request)),
    )
    .of(Kind::Audit).value(
        "source",
        TypeRef::named(TypeRef::STRING),
        "The caller's network and its class: `loopback`, `private 10.1.2.0/24`, `public 203.0.113.0/24`.",
        |e| scalars::text_value(e.event.source.as_ref()),
    )
    .of(Kind::Audit).value("payload", text(), "Redacted payload, as JSON text.", |e| {
        Some(Leaf::from(e.event.payload.as_str()))
    })
    .of(Kind::Audit).value(
        "encoding",
        TypeRef::named_nn(TypeRef::INT),
        "How the row was turned into the bytes that were hashed.",
        |e| Some(i32::from(e.link.encoding.number()).into()),
    )
    .of(Kind::Audit).value(
        "hash",
        text(),
        "SHA-256 of this row, in lower-case hexadecimal.",
        |e| Some(hex::encode(e.link.hash).into()),
    )
    .of(Kind::Audit).value(
        "signature",
        text(),
        "HMAC-SHA-256 of the hash under a key of the tenant that the server keeps, in hexadecimal.",
        |e| Some(hex::encode(e.link.signature).into()),
    )
    .of(Kind::Audit).resolve(
        "rules",
        TypeRef::named_nn_list("AccessRule"),
        "The rules that `permission` names, as they stand in the policies that serve now; one that is \
         among them no more is left out. They are those that decided where `policies` is \
         `PolicySet.version`.",
        [],
        rules,
    )
    .of(Kind::Audit).value("previousHash", text(), "The hash of the row before.", |e| {
        Some(hex::encode(e.link.previous).into())
    });
    parts.object(entry);
}

fn rules(context: Context<'_>) -> Resolved<'_> {
    async move {
        let permission = &context.parent::<AuditEntry>()?.event.permission;
        let rules = context.operation.services.engine.rules_named(permission);
        Ok(Output::objects(rules.into_iter().map(Arc::new)))
    }
    .boxed()
}

fn audit_entries(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let page = connection::page(&context.arguments, operation, "auditEntries")?;
        let filter = read_filter(&context.arguments)?;
        let scope = operation.scope::<resource::AuditEntry>()?;
        let slice = operation
            .reader()
            .await?
            .audit_entries(&scope, &filter, &page)
            .await?;
        Ok(Connection::new(operation, "auditEntries", &page, slice, ()).output())
    }
    .boxed()
}

pub(super) fn read_filter(arguments: &Input) -> Result<AuditFilter, GraphqlError> {
    let Some(given) = inputs::object(arguments, "filter") else {
        return Ok(AuditFilter::default());
    };
    let short = |name: &str| match inputs::owned(given, name) {
        Some(text) if text.len() > 100 => Err(GraphqlError::BadInput(format!(
            "`{name}` has at most 100 characters"
        ))),
        text => Ok(text),
    };
    let instant = |name| inputs::text(given, name).and_then(scalars::parse_instant);
    Ok(AuditFilter {
        from: instant("from"),
        to: instant("to"),
        action: short("action")?,
        actor: short("actorId")?,
        outcome: inputs::member(given, "outcome").and_then(Outcome::from_name),
        from_seq: inputs::int(given, "fromSeq"),
        to_seq: inputs::int(given, "toSeq"),
    })
}
