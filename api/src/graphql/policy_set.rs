//! The policies that decide here, and what was proved of them (AUT-4).

use std::sync::Arc;

use async_graphql::dynamic::TypeRef;
use countersign_domain::id::TenantId;
use countersign_policies::{Certificate, Row};
use futures::FutureExt;

use super::{
    connection::without_row,
    field::{Context, ObjectBuilder, Resolved, Source},
    kind::Kind,
    scalars::instant_value,
    schema::Parts,
    value::{Leaf, Output},
};

/// The policies that decide.
#[derive(Debug)]
struct PolicySet {
    version: String,
    certificate: Option<Arc<Certificate>>,
}

without_row!(PolicySet, Certificate);

pub(super) fn register(parts: &mut Parts<'_>) {
    let set = ObjectBuilder::new(parts.engine, "PolicySet", "The policies that decide here.")
        .of(Kind::Explanation)
        .value(
            "version",
            TypeRef::named(TypeRef::STRING),
            "SHA-256 of all of them and their schema.",
            |set: &PolicySet| Some(Leaf::from(set.version.as_str())),
        )
        .of(Kind::Explanation)
        .object(
            "certificate",
            TypeRef::named("PolicyCertificate"),
            "What was proved of these very policies; null where nothing was.",
            |set| Some(Output::object(Arc::clone(set.certificate.as_ref()?))),
        );
    parts.object(set);
    let certificate = ObjectBuilder::new(
        parts.engine,
        "PolicyCertificate",
        "That every claim was proved of the policies.",
    )
    .of(Kind::Explanation)
    .value(
        "provedAt",
        TypeRef::named("DateTime"),
        "When.",
        |one: &Certificate| Some(instant_value(one.proved_at)),
    )
    .of(Kind::Explanation)
    .value(
        "invariantCount",
        TypeRef::named(TypeRef::INT),
        "How many invariants were claimed.",
        |one| counted(one.invariant_count),
    )
    .of(Kind::Explanation)
    .value(
        "environmentCount",
        TypeRef::named(TypeRef::INT),
        "For how many kinds of request.",
        |one| counted(one.environments),
    )
    .of(Kind::Explanation)
    .value(
        "claimCount",
        TypeRef::named(TypeRef::INT),
        "How many claims were proved.",
        |one| counted(one.claims.values().sum()),
    )
    .of(Kind::Explanation)
    .value(
        "solvers",
        TypeRef::named_nn_list(TypeRef::STRING),
        "The solvers that answered, and agreed.",
        |one| Some(one.solvers.iter().map(String::as_str).collect()),
    );
    parts.object(certificate);
    parts.query(|query| {
        query.of(Kind::Explanation).resolve(
            "policySet",
            TypeRef::named("PolicySet"),
            "The policies that decide here, and what was proved of them.",
            [],
            policy_set,
        )
    });
}

fn counted(count: usize) -> Option<Leaf<'static>> {
    i32::try_from(count).ok().map(Leaf::from)
}

fn policy_set(Context { operation, .. }: Context<'_>) -> Resolved<'_> {
    async move {
        let services = &operation.services;
        let set = PolicySet {
            version: services.engine.version().to_owned(),
            certificate: services.certificate.clone(),
        };
        Ok(Output::object(Arc::new(set)))
    }
    .boxed()
}
