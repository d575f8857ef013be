//! `ApiToken`: what a machine shows to be let in.

use std::sync::Arc;

use async_graphql::dynamic::{InputObject, InputValue, TypeRef};
use countersign_domain::{
    id::{ApiTokenId, TenantId, UserId},
    token::PlainToken,
};
use countersign_entities::{ApiToken, Member};
use countersign_policies::{Row, row::TenantOnly};
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
    value::{Leaf, Output},
};
use crate::app::{self, api_tokens::CreateApiToken};

impl Source for ApiToken {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

/// The life of a token where nothing is said, in days.
const DAYS_DEFAULT: i64 = 90;

/// A token that was just made: the one time that its text is at hand.
struct Created {
    row: Arc<ApiToken>,
    plain: PlainToken,
}

pub(super) fn register(parts: &mut Parts<'_>) {
    object(parts);
    connection::register::<ApiToken>(
        parts,
        Names {
            connection: "ApiTokenConnection",
            edge: "ApiTokenEdge",
            node: "ApiToken",
        },
    );
    parts.query(|query| {
        query.of(Kind::Token).resolve(
            "apiTokens",
            TypeRef::named("ApiTokenConnection"),
            "The tenant's API tokens.",
            connection::page_arguments(),
            pages!("apiTokens", ApiToken, api_tokens),
        )
    });
    create(parts);
    revoke(parts);
}

fn object(parts: &mut Parts<'_>) {
    let token = ObjectBuilder::<ApiToken>::new(
        parts.engine,
        "ApiToken",
        "What a machine shows to be let in. The token itself is not kept.",
    )
    .implements("Node")
    .of(Kind::Token)
    .value("id", TypeRef::named_nn(TypeRef::ID), "`tok_…`.", |t| {
        Some(Leaf::shown(t.id))
    })
    .of(Kind::Token)
    .resolve(
        "name",
        TypeRef::named_nn(TypeRef::STRING),
        "What it is for.",
        [],
        texts::field::<ApiToken>(|t| Some(&t.name)),
    )
    .of(Kind::Token)
    .value(
        "scopes",
        TypeRef::named_nn_list_nn(TypeRef::STRING),
        "What it may do.",
        |t| Some(t.scopes.iter().map(|scope| scope.name()).collect()),
    )
    .of(Kind::Token)
    .value(
        "documentsOnly",
        TypeRef::named_nn(TypeRef::BOOLEAN),
        "Whether it may send published documents only, and no query of its own.",
        |t| Some(t.documents_only.into()),
    )
    .of(Kind::Token)
    .value(
        "lastFour",
        TypeRef::named_nn(TypeRef::STRING),
        "The last four digits, to tell tokens apart.",
        |t| Some(Leaf::from(t.last_four.as_str())),
    )
    .of(Kind::Token)
    .related::<Member>(
        "createdBy",
        "Member",
        "Who made it, while they are a member.",
        |t| t.created_by.map(UserId::uuid),
    )
    .of(Kind::Token)
    .value(
        "makerId",
        TypeRef::named(TypeRef::STRING),
        "Who made it, `usr_…` as the audit log has it, also when they are no member any more.",
        |t| t.maker.map(Leaf::shown),
    );
    parts.object(viewer_can(times(token), "ApiToken", Kind::Token));
}

/// When it was made, used and ended.
fn times(token: ObjectBuilder<'_, ApiToken>) -> ObjectBuilder<'_, ApiToken> {
    let instant = || TypeRef::named("DateTime");
    token
        .of(Kind::Token)
        .value(
            "createdAt",
            TypeRef::named_nn("DateTime"),
            "When it was made.",
            |t| Some(scalars::instant_value(t.created_at)),
        )
        .of(Kind::Token)
        .value(
            "expiresAt",
            TypeRef::named_nn("DateTime"),
            "When it ends by itself.",
            |t| Some(scalars::instant_value(t.expires_at)),
        )
        .of(Kind::Token)
        .value(
            "lastUsedAt",
            instant(),
            "When it was last used, to the minute.",
            |t| t.last_used_at.map(scalars::instant_value),
        )
        .of(Kind::Token)
        .value("revokedAt", instant(), "When it was revoked.", |t| {
            t.revoked_at.map(scalars::instant_value)
        })
}

fn create(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("CreateApiTokenInput")
            .description("The token to be made.")
            .field(
                InputValue::new("name", TypeRef::named_nn(TypeRef::STRING))
                    .description("What it is for, from 1 to 60 characters."),
            )
            .field(
                InputValue::new("scopes", TypeRef::named_nn_list_nn(TypeRef::STRING))
                    .description("What it may do: at least one scope."),
            )
            .field(
                InputValue::new("documentsOnly", TypeRef::named_nn(TypeRef::BOOLEAN))
                    .default_value(false)
                    .description("Whether it may send published documents only."),
            )
            .field(
                InputValue::new("expiresInDays", TypeRef::named_nn(TypeRef::INT))
                    .default_value(DAYS_DEFAULT)
                    .description("From 1 to 365."),
            ),
    );
    let created = payload_builder::<Created>(parts, "CreateApiTokenPayload")
        .of(Kind::Structure)
        .object(
            "apiToken",
            TypeRef::named("ApiToken"),
            "The new token's row.",
            |payload| {
                let made = payload.made.as_ref()?;
                Some(Output::object(Arc::clone(&made.row)))
            },
        )
        .of(Kind::Structure)
        .value(
            "plainToken",
            TypeRef::named(TypeRef::STRING),
            "The token, shown this once.",
            |payload| {
                payload
                    .made
                    .as_ref()
                    .map(|made| Leaf::from(made.plain.reveal()))
            },
        );
    parts.object(created);
    parts.mutation(|mutation| {
        mutation.of(Kind::AdminToken).resolve(
            "createApiToken",
            TypeRef::named("CreateApiTokenPayload"),
            "Makes an API token and shows it once.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("CreateApiTokenInput"),
            )],
            create_api_token,
        )
    });
}

fn revoke(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("RevokeApiTokenInput")
            .description("The token to be revoked.")
            .field(InputValue::new(
                "apiTokenId",
                TypeRef::named_nn(TypeRef::ID),
            )),
    );
    let revoked = payload_builder::<Arc<ApiToken>>(parts, "RevokeApiTokenPayload")
        .of(Kind::Structure)
        .object("apiToken", TypeRef::named("ApiToken"), "The token.", made);
    parts.object(revoked);
    parts.mutation(|mutation| {
        mutation.of(Kind::AdminToken).on("ApiToken").resolve(
            "revokeApiToken",
            TypeRef::named("RevokeApiTokenPayload"),
            "Revokes a token: its very next use is refused.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("RevokeApiTokenInput"),
            )],
            revoke_api_token,
        )
    });
}

fn create_api_token(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let command = CreateApiToken {
            name: inputs::required(input, "name")?,
            scopes: inputs::texts(input, "scopes"),
            documents_only: inputs::boolean(input, "documentsOnly"),
            expires_in_days: inputs::int(input, "expiresInDays").unwrap_or(DAYS_DEFAULT),
        };
        let created =
            app::api_tokens::create(&operation.services, operation.writer().await?, command).await;
        payload(created.map(|(row, plain)| Created {
            row: Arc::new(row),
            plain,
        }))
    }
    .boxed()
}

fn revoke_api_token(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id: ApiTokenId = inputs::required_id(inputs::input(&context.arguments)?, "apiTokenId")?;
        let revoked =
            app::api_tokens::revoke(&operation.services, operation.writer().await?, id).await;
        payload(revoked.map(Arc::new))
    }
    .boxed()
}
