//! Who may, and why, for those who ask in the product (AUT-3, AUT-5).
//!
//! Everybody but family asks about themselves, and by role and scope. What says of a member or a
//! token what they may is a field of its own with the action of reading members or tokens. A row is
//! found in the asker's scope, and one that is not found there is answered as one that is not there.

mod explanation;
mod reach;

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, TypeRef};
use countersign_domain::{
    books::{Account, Category, Transaction},
    id::{AnyId, ApiTokenId, MachineId, MemberId, TenantId},
};
use countersign_entities::{
    ApiToken, AuditEntry, CustomRole, Direction, Import, Keyset, Member, Page,
    ProviderCredential as Credential, Statement, Tenant,
};
use countersign_policies::{
    ActionId, Engine, Row, RowCondition, Verdict, effects::Somebody, resource,
};
use futures::FutureExt;

use self::{
    explanation::{Condition, Explained},
    reach::{AccessPage, ActionAccess, MachineAccess, MemberAccess, TokenAccess, WhoMay},
};
use super::{
    connection::{self, PAGE_MAX},
    error::GraphqlError,
    field::{Context, Resolved, Source},
    inputs,
    kind::Kind,
    node,
    operation::Operation,
    plan::PAGE_DEFAULT,
    schema::Parts,
    value::{Object, Output},
};
use crate::app::access;

pub(super) fn register(parts: &mut Parts<'_>) {
    explanation::register(parts);
    reach::register(parts);
    let node = || {
        InputValue::new("nodeId", TypeRef::named(TypeRef::ID)).description(
            "The row that it is about; without it the decision is that before any row.",
        )
    };
    parts.query(|query| {
        query
            .of(Kind::Explanation).resolve(
                "explainAccess",
                TypeRef::named("AccessExplanation"),
                "Why whoever asks may, or may not, do something such as `Transaction.amount`.",
                vec![action_argument(), node()],
                explain_access,
            )
            .of(Kind::Member).resolve(
                "explainAccessOf",
                TypeRef::named("AccessExplanation"),
                "The same of a member, a token or a client of the provider.",
                vec![
                    action_argument(),
                    principal_argument(),
                    node(),
                ],
                explain_access_of,
            )
            .of(Kind::Explanation).resolve(
                "whoMay",
                TypeRef::named("WhoMay"),
                "Who may do something such as `Transaction.amount`.",
                vec![action_argument()],
                who_may,
            )
            .of(Kind::Member).resolve(
                "accessOf",
                TypeRef::named_nn_list("ActionAccess"),
                "What a member, a token or a client of the provider may do: every action but the frame of answers.",
                vec![principal_argument()],
                access_of,
            )
    });
}

/// The argument that names an action.
pub(super) fn action_argument() -> InputValue {
    InputValue::new("action", TypeRef::named_nn(TypeRef::STRING)).description(
        "A field by its type and name, as `Transaction.amount` or `Mutation.createAccount`.",
    )
}

/// The argument that names whom it is about.
fn principal_argument() -> InputValue {
    InputValue::new("principalId", TypeRef::named_nn(TypeRef::ID))
        .description("`mbr_…`, or `tok_…` or `mch_…` for those who read tokens.")
}

fn explain_access(context: Context<'_>) -> Resolved<'_> {
    async move {
        let who = access::viewer(&context.operation.context);
        explained(&context, who, false).await
    }
    .boxed()
}

fn explain_access_of(context: Context<'_>) -> Resolved<'_> {
    async move {
        let who = principal(&context).await?;
        explained(&context, who, true).await
    }
    .boxed()
}

async fn explained(
    context: &Context<'_>,
    who: Somebody,
    of_other: bool,
) -> Result<Output, GraphqlError> {
    let operation = context.operation;
    let engine = &operation.services.engine;
    // Before anything else is said: what is not found is answered before what is wrong otherwise.
    let row = match inputs::text(&context.arguments, "nodeId") {
        None => None,
        Some(id) => match node::find(operation, None, id).await? {
            Some(Output::Object(row)) => Some(row),
            _ => return Err(operation.not_here()),
        },
    };
    let action = action(operation, &context.arguments)?;
    let explained = match &row {
        None => engine.explain_access(&who, action, None),
        Some(row) => {
            check_type(engine, action, row)?;
            let explain = |row: &dyn Row| engine.explain_access(&who, action, Some(row));
            with_row(row, operation.tenant(), explain).ok_or(GraphqlError::Internal)?
        }
    };
    let explained = explained.ok_or_else(|| {
        tracing::error!(
            action = engine.action_name(action),
            "the policies can not be evaluated"
        );
        GraphqlError::Internal
    })?;
    let condition = condition(engine, action, explained.condition.as_ref())?;
    Ok(Output::object(Arc::new(Explained::new(
        engine.action_name(action),
        explained,
        condition,
        of_other,
    ))))
}

fn who_may(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let engine = &operation.services.engine;
        let action = action(operation, &context.arguments)?;
        let suspended = operation.context.actor().tenant_suspended;
        let found = engine.who_may(action, suspended);
        let condition = |of: Option<&RowCondition>| condition(engine, action, of);
        let mut who = WhoMay::new(action, engine.action_name(action), engine.group_of(action));
        for (role, verdict, of) in &found.roles {
            who.role(role.name(), *verdict, condition(of.as_ref())?);
        }
        for (scope, verdict, of) in &found.scopes {
            who.scope(scope.name(), *verdict, condition(of.as_ref())?);
        }
        who.by_policy(&found);
        Ok(Output::object(Arc::new(who)))
    }
    .boxed()
}

/// `WhoMay.members`: whose roles and capabilities are theirs to know who read members.
fn members(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let action = context.parent::<WhoMay>()?.id;
        let scope = operation.scope::<resource::Member>()?;
        let page = first(&context)?;
        let slice = operation.reader().await?.members(&scope, &page).await?;
        let mut nodes = Vec::with_capacity(slice.rows.len());
        for member in slice.rows {
            let somebody = access::member(&operation.context, &member);
            let (verdict, condition) = decided(operation, &somebody, action)?;
            nodes.push(Arc::new(MemberAccess {
                member: Arc::new(member),
                verdict,
                condition,
            }));
        }
        Ok(Output::object(Arc::new(AccessPage {
            nodes,
            has_more: slice.has_more,
        })))
    }
    .boxed()
}

/// `WhoMay.tokens`: those that have not ended.
fn tokens(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let action = context.parent::<WhoMay>()?.id;
        let scope = operation.scope::<resource::ApiToken>()?;
        let wanted = usize::from(first(&context)?.limit);
        let reader = operation.reader().await?;
        let (mut nodes, mut has_more) = (Vec::new(), false);
        // Those that have ended are passed over, however many there are.
        let mut page = Page {
            limit: PAGE_MAX,
            direction: Direction::Forward,
            position: None,
        };
        loop {
            let slice = reader.api_tokens(&scope, &page).await?;
            page.position = slice.rows.last().map(Keyset::position);
            for token in slice.rows {
                let Some(somebody) = access::token(&operation.context, &token) else {
                    continue;
                };
                if nodes.len() == wanted {
                    has_more = true;
                    break;
                }
                let (verdict, condition) = decided(operation, &somebody, action)?;
                nodes.push(Arc::new(TokenAccess {
                    token: Arc::new(token),
                    verdict,
                    condition,
                }));
            }
            if has_more || !slice.has_more {
                break;
            }
        }
        Ok(Output::object(Arc::new(AccessPage { nodes, has_more })))
    }
    .boxed()
}

/// `WhoMay.machines`: the clients of the provider that are let in, by the scopes that they are registered with.
fn machines(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let action = context.parent::<WhoMay>()?.id;
        let scope = operation.scope::<resource::ApiToken>()?;
        let wanted = first(&context)?.limit;
        let reader = operation.reader().await?;
        let found = reader
            .live_machines(&scope, u64::from(wanted).saturating_add(1))
            .await?;
        let has_more = found.len() > usize::from(wanted);
        let mut nodes = Vec::with_capacity(found.len());
        for machine in found.into_iter().take(usize::from(wanted)) {
            // It was let in when it was found.
            let Some(somebody) = access::machine(&operation.context, &machine) else {
                continue;
            };
            let (verdict, condition) = decided(operation, &somebody, action)?;
            nodes.push(Arc::new(MachineAccess {
                machine,
                verdict,
                condition,
            }));
        }
        Ok(Output::object(Arc::new(AccessPage { nodes, has_more })))
    }
    .boxed()
}

/// `Viewer.access`: what whoever asks may do.
pub(super) fn of_viewer(operation: &Operation) -> Result<Output, GraphqlError> {
    every_action(operation, &access::viewer(&operation.context))
}

fn access_of(context: Context<'_>) -> Resolved<'_> {
    async move {
        let who = principal(&context).await?;
        every_action(context.operation, &who)
    }
    .boxed()
}

/// Every action but the frame of answers, which is open to whoever is let in.
fn every_action(operation: &Operation, who: &Somebody) -> Result<Output, GraphqlError> {
    let engine = &operation.services.engine;
    let actions = engine
        .actions()
        .filter(|(id, _)| !engine.is_in_group(*id, "structure"));
    let actions = actions.map(|(id, name)| {
        let (verdict, condition) = decided(operation, who, id)?;
        Ok(Arc::new(ActionAccess {
            action: name.to_owned(),
            group: engine.group_of(id).to_owned(),
            verdict,
            condition,
        }))
    });
    Ok(Output::objects(
        actions.collect::<Result<Vec<_>, GraphqlError>>()?,
    ))
}

fn decided(
    operation: &Operation,
    who: &Somebody,
    action: ActionId,
) -> Result<(Verdict, Option<Arc<Condition>>), GraphqlError> {
    let engine = &operation.services.engine;
    let (verdict, found) = engine.verdict(who, action);
    Ok((verdict, condition(engine, action, found.as_ref())?))
}

/// A condition on rows with the SQL that lists ask by.
fn condition(
    engine: &Engine,
    action: ActionId,
    found: Option<&RowCondition>,
) -> Result<Option<Arc<Condition>>, GraphqlError> {
    let Some(found) = found else { return Ok(None) };
    let sql =
        countersign_entities::row_condition_sql(engine.resource_of(action), &found.predicate)?;
    Ok(Some(Arc::new(Condition {
        words: found.words.clone(),
        sql,
    })))
}

/// The action of that name.
pub(super) fn action(
    operation: &Operation,
    arguments: &inputs::Input,
) -> Result<ActionId, GraphqlError> {
    let name = inputs::text(arguments, "action").unwrap_or_default();
    operation.services.engine.action(name).ok_or_else(|| {
        GraphqlError::BadInput(
            "there is no such action: name a field by its type, as `Transaction.amount`; \
             `viewer { access { action } }` lists them"
                .to_owned(),
        )
    })
}

/// The member, the token or the machine that is asked about, as far as whoever asks may know of them.
async fn principal(context: &Context<'_>) -> Result<Somebody, GraphqlError> {
    let operation = context.operation;
    let id = inputs::text(&context.arguments, "principalId").and_then(AnyId::parse);
    match id {
        Some(AnyId {
            kind: MemberId::PREFIX,
            uuid,
        }) => {
            let Ok(scope) = operation.scope::<resource::Member>() else {
                return Err(operation.not_here());
            };
            let ids = [MemberId::new(uuid)];
            let found = operation
                .reader()
                .await?
                .members_by_id(&scope, &ids)
                .await?;
            let found = found.first().ok_or_else(|| operation.not_here())?;
            Ok(access::member(&operation.context, found))
        }
        Some(AnyId {
            kind: ApiTokenId::PREFIX,
            uuid,
        }) => {
            // Whoever may read no token is told of none.
            let Ok(scope) = operation.scope::<resource::ApiToken>() else {
                return Err(operation.not_here());
            };
            let ids = [ApiTokenId::new(uuid)];
            let reader = operation.reader().await?;
            let found = reader.api_tokens_by_id(&scope, &ids).await?;
            let found = found.first().ok_or_else(|| operation.not_here())?;
            access::token(&operation.context, found).ok_or_else(|| {
                let sentence =
                    "this token has ended, and may do nothing: ask about one that is valid";
                GraphqlError::BadInput(sentence.to_owned())
            })
        }
        Some(AnyId {
            kind: MachineId::PREFIX,
            uuid,
        }) => {
            let Ok(scope) = operation.scope::<resource::ApiToken>() else {
                return Err(operation.not_here());
            };
            let reader = operation.reader().await?;
            let ids = [MachineId::new(uuid)];
            let found = reader.machines_by_id(&scope, &ids).await?;
            let found = found.first().ok_or_else(|| operation.not_here())?;
            access::machine(&operation.context, found).ok_or_else(|| {
                let sentence = "this machine is let in no more: ask about one that is";
                GraphqlError::BadInput(sentence.to_owned())
            })
        }
        // Of another kind: whether it is there is nothing to be learned from here.
        _ => Err(operation.not_here()),
    }
}

/// An action is decided on rows of one type.
fn check_type(engine: &Engine, action: ActionId, row: &Object) -> Result<(), GraphqlError> {
    let (name, wanted) = (engine.action_name(action), engine.resource_of(action));
    if row.ty == Some(wanted) {
        return Ok(());
    }
    Err(GraphqlError::BadInput(if wanted == "Books" {
        format!("`{name}` is decided for the books as a whole: leave out `nodeId`")
    } else {
        let found = row.ty.unwrap_or("row");
        format!("`{name}` is decided for each {wanted}, and `nodeId` names a {found}")
    }))
}

/// Shows a row in hand to `look`; `None` where no policy knows its type.
fn with_row<T>(row: &Object, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> Option<T> {
    macro_rules! of {
        ($($type:ident),*) => {
            match row.ty? {
                $(stringify!($type) => Some(row.value.downcast_ref::<$type>()?.with_row(tenant, look)),)*
                _ => None,
            }
        };
    }
    of!(
        Account,
        ApiToken,
        AuditEntry,
        Category,
        Credential,
        CustomRole,
        Import,
        Member,
        Statement,
        Tenant,
        Transaction
    )
}

/// So many rows from the first on.
fn first(context: &Context<'_>) -> Result<Page, GraphqlError> {
    let limit = connection::size(&context.arguments, "first")?;
    Ok(Page {
        limit: limit.unwrap_or(PAGE_DEFAULT),
        direction: Direction::Forward,
        position: None,
    })
}
