//! `Credential`: what a tenant gives this product to act for it at an outside provider.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputObject, InputValue, TypeRef};
use countersign_domain::{
    credentials::{CheckOutcome, Provider},
    id::{CredentialId, TenantId, UserId},
};
use countersign_entities::{Member, ProviderCredential as Credential};
use countersign_policies::{Row, row::TenantOnly};
use futures::FutureExt;

use super::{
    connection::{self, Names, pages},
    error::GraphqlError,
    field::{Context, ObjectBuilder, Resolved, Source},
    inputs,
    kind::Kind,
    permissions::viewer_can,
    scalars::{self, enum_value},
    schema::Parts,
    texts,
    user_errors::{made, payload, payload_builder},
    value::{Leaf, Output},
};
use crate::app::{
    self,
    credentials::{CredentialState, StoreCredential},
};

impl Source for Credential {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&TenantOnly {
            tenant,
            id: self.id.uuid(),
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    enums(parts);
    object(parts);
    connection::register::<Credential>(
        parts,
        Names {
            connection: "CredentialConnection",
            edge: "CredentialEdge",
            node: "Credential",
        },
    );
    parts.query(|query| {
        query.of(Kind::Credential).resolve(
            "credentials",
            TypeRef::named("CredentialConnection"),
            "The tenant's credentials at outside providers, newest first.",
            connection::page_arguments(),
            pages!("credentials", Credential, credentials),
        )
    });
    store(parts);
    of_one(
        parts,
        "checkCredential",
        ("CheckCredentialInput", "CheckCredentialPayload"),
        "Asks the provider whether the credential lets in: it is opened for that one call.",
        check_credential,
    );
    of_one(
        parts,
        "revokeCredential",
        ("RevokeCredentialInput", "RevokeCredentialPayload"),
        "Revokes a credential here: what the vault has of it is erased. Revoke it at the provider as well.",
        revoke_credential,
    );
}

fn enums(parts: &mut Parts<'_>) {
    let mut providers = Enum::new("CredentialProvider").description("An outside provider.");
    for provider in Provider::ALL {
        providers = providers.item(provider.name());
    }
    parts.enumeration(providers);
    let mut states = Enum::new("CredentialState")
        .description("What can be done with a credential. One that is `DESTROYED` can not be read again: the key of the tenant that it was sealed under is.");
    for (_, state) in CredentialState::ALL {
        states = states.item(state);
    }
    parts.enumeration(states);
    let mut outcomes =
        Enum::new("CredentialCheckOutcome").description("What a provider said of a credential.");
    for outcome in CheckOutcome::ALL {
        outcomes = outcomes.item(outcome.name());
    }
    parts.enumeration(outcomes);
}

fn object(parts: &mut Parts<'_>) {
    let instant = || TypeRef::named("DateTime");
    let credential = ObjectBuilder::<Credential>::new(
        parts.engine,
        "Credential",
        "What a tenant gave this product to act for it at an outside provider. Nobody reads it: it is opened \
         for calls to its provider alone.",
    )
    .implements("Node")
    .of(Kind::Credential).value("id", TypeRef::named_nn(TypeRef::ID), "`crd_…`, its handle.", |c| {
        Some(Leaf::shown(c.id))
    })
    .of(Kind::Credential).value(
        "provider",
        TypeRef::named_nn("CredentialProvider"),
        "Whom it is for.",
        |c| Some(enum_value(c.provider.name())),
    )
    .of(Kind::Credential).resolve(
        "name",
        TypeRef::named_nn(TypeRef::STRING),
        "What the tenant calls it.",
        [],
        texts::field::<Credential>(|c| Some(&c.name)),
    )
    .of(Kind::Credential).value(
        "prefix",
        TypeRef::named_nn(TypeRef::STRING),
        "Its first characters, to tell one from another; no more of it is ever shown.",
        |c| Some(Leaf::from(c.prefix.as_str())),
    )
    .of(Kind::Credential).resolve(
        "state",
        TypeRef::named_nn("CredentialState"),
        "What can be done with it.",
        [],
        |context| async move { state(&context).await }.boxed(),
    )
    .of(Kind::Credential).related::<Member>("createdBy", "Member", "Who stored it.", |c| {
        c.created_by.map(UserId::uuid)
    })
    .of(Kind::Credential).value(
        "createdAt",
        TypeRef::named_nn("DateTime"),
        "When it was stored.",
        |c| Some(scalars::instant_value(c.created_at)),
    )
    .of(Kind::Credential).value("checkedAt", instant(), "When it was checked last.", |c| {
        c.checked.map(|(_, at)| scalars::instant_value(at))
    })
    .of(Kind::Credential).value(
        "checkOutcome",
        TypeRef::named("CredentialCheckOutcome"),
        "What the provider said of it then.",
        |c| c.checked.map(|(outcome, _)| enum_value(outcome.name())),
    )
    .of(Kind::Credential).value("revokedAt", instant(), "When it was revoked.", |c| {
        c.revoked_at.map(scalars::instant_value)
    });
    parts.object(viewer_can(credential, "Credential", Kind::Credential));
}

async fn state(context: &Context<'_>) -> Result<Output, GraphqlError> {
    let operation = context.operation;
    let credential = context.parent::<Credential>()?;
    let state = if credential.revoked_at.is_some() {
        CredentialState::Revoked
    } else {
        let (tenant, version) = (operation.tenant(), credential.key_version);
        let database = &operation.services.database;
        if database.is_key_destroyed(tenant, version).await? {
            CredentialState::Destroyed
        } else {
            CredentialState::Active
        }
    };
    Ok(Output::Leaf(enum_value(state.name())))
}

fn store(parts: &mut Parts<'_>) {
    parts.input(
        InputObject::new("StoreCredentialInput")
            .description("The credential to be stored.")
            .field(
                InputValue::new("provider", TypeRef::named_nn("CredentialProvider"))
                    .description("Whom it is for."),
            )
            .field(
                InputValue::new("name", TypeRef::named_nn(TypeRef::STRING))
                    .description("What to call it, from 1 to 60 characters."),
            )
            .field(
                InputValue::new("secret", TypeRef::named_nn(TypeRef::STRING))
                    .description("The credential as the provider shows it. Give it as a variable, never in the document's text."),
            ),
    );
    let stored = payload_builder::<Arc<Credential>>(parts, "StoreCredentialPayload")
        .of(Kind::Structure)
        .object(
            "credential",
            TypeRef::named("Credential"),
            "The credential, without its secret.",
            made,
        );
    parts.object(stored);
    parts.mutation(|mutation| {
        mutation.of(Kind::AdminCredential).resolve(
            "storeCredential",
            TypeRef::named("StoreCredentialPayload"),
            "Puts a credential into the vault, from which nobody reads it but the calls to its provider.",
            vec![InputValue::new(
                "input",
                TypeRef::named_nn("StoreCredentialInput"),
            )],
            store_credential,
        )
    });
}

/// A mutation of one credential, by its id.
fn of_one(
    parts: &mut Parts<'_>,
    field: &'static str,
    (input, answer): (&'static str, &'static str),
    description: &str,
    resolver: impl for<'a> Fn(Context<'a>) -> Resolved<'a> + Send + Sync + 'static,
) {
    parts.input(
        InputObject::new(input)
            .description("The credential that is meant.")
            .field(InputValue::new(
                "credentialId",
                TypeRef::named_nn(TypeRef::ID),
            )),
    );
    let done = payload_builder::<Arc<Credential>>(parts, answer)
        .of(Kind::Structure)
        .object(
            "credential",
            TypeRef::named("Credential"),
            "The credential.",
            made,
        );
    parts.object(done);
    parts.mutation(|mutation| {
        let arguments = vec![InputValue::new("input", TypeRef::named_nn(input))];
        mutation.of(Kind::AdminCredential).on("Credential").resolve(
            field,
            TypeRef::named(answer),
            description,
            arguments,
            resolver,
        )
    });
}

fn store_credential(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let input = inputs::input(&context.arguments)?;
        let provider = inputs::member(input, "provider").unwrap_or_default();
        let command = StoreCredential {
            provider: provider
                .parse()
                .map_err(|error| GraphqlError::BadInput(format!("{error}")))?,
            name: inputs::required(input, "name")?,
            secret: inputs::required(input, "secret")?.into(),
        };
        let writer = operation.writer().await?;
        let stored = app::credentials::store(&operation.services, writer, command).await;
        payload(stored.map(Arc::new))
    }
    .boxed()
}

fn check_credential(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id = named(&context)?;
        let (services, writer) = (&operation.services, operation.writer().await?);
        let checked = app::credentials::check(services, &services.providers, writer, id).await;
        payload(checked.map(Arc::new))
    }
    .boxed()
}

fn revoke_credential(context: Context<'_>) -> Resolved<'_> {
    async move {
        let operation = context.operation;
        let id = named(&context)?;
        let writer = operation.writer().await?;
        let revoked = app::credentials::revoke(&operation.services, writer, id).await;
        payload(revoked.map(Arc::new))
    }
    .boxed()
}

fn named(context: &Context<'_>) -> Result<CredentialId, GraphqlError> {
    inputs::required_id(inputs::input(&context.arguments)?, "credentialId")
}
