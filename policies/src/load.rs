//! Reads the policies that are built in, and refuses every form that the engine's caching could not
//! stand on.

mod bare;
mod slices;

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, Policy, PolicyId, PolicySet, PrincipalConstraint,
    ResourceConstraint, Schema, SchemaFragment, ValidationMode, Validator,
};
use sha2::{Digest, Sha256};

pub(crate) use self::{
    bare::{Bare, RowSet, Sight},
    slices::Slice,
};
use crate::{action::Actions, engine::FENCE, error::PolicyError};

pub(crate) const SCHEMAS: [&str; 2] = [
    include_str!("../cedar/schema.cedarschema"),
    include_str!("../cedar/actions.cedarschema"),
];
/// In the order in which they are to be read.
pub(crate) const POLICIES: [&str; 9] = [
    include_str!("../cedar/fence.cedar"),
    include_str!("../cedar/humans.cedar"),
    include_str!("../cedar/sensitive.cedar"),
    include_str!("../cedar/household.cedar"),
    include_str!("../cedar/administration.cedar"),
    include_str!("../cedar/machines.cedar"),
    include_str!("../cedar/credentials.cedar"),
    include_str!("../cedar/exports.cedar"),
    include_str!("../cedar/imports.cedar"),
];
/// The namespace of every type.
pub(crate) const NAMESPACE: &str = "Countersign";

/// What the two kinds of principal are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Human,
    Machine,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Human, Self::Machine];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Human => "Human",
            Self::Machine => "Machine",
        }
    }
}

/// The policies, ready to decide.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) schema: Schema,
    pub(crate) actions: Actions,
    pub(crate) authorizer: Authorizer,
    /// The whole set, for decisions about one resource in hand.
    pub(crate) policies: PolicySet,
    /// Distinct slices: fields of one kind of data on one type share one.
    pub(crate) slices: Vec<Slice>,
    /// For each kind of principal, the slice of each action.
    pub(crate) slice_of: HashMap<Kind, Vec<usize>>,
    /// What is evaluated when a slice is decided before any row.
    pub(crate) bare: Bare,
    pub(crate) version: String,
    /// The same as bytes.
    pub(crate) sha256: [u8; 32],
}

pub(crate) fn load() -> Result<Loaded, PolicyError> {
    load_from(&SCHEMAS, &POLICIES)
}

/// Loads other texts than those built in: to compare them, and for tests.
pub(crate) fn load_from(schemas: &[&str], texts: &[&str]) -> Result<Loaded, PolicyError> {
    let schema = schema(schemas)?;
    let policies = parse(texts)?;
    for policy in policies.policies() {
        check_form(policy)?;
    }
    check_fence(&policies)?;
    validate(&schema, &policies)?;
    let actions = Actions::of(&schema)?;
    let (slices, slice_of) = slices::slices(&schema, &policies, &actions)?;
    let bare = Bare::of(schemas, &actions, &slices)?;
    let sha256 = sha256(schemas.iter().chain(texts).copied());
    let authorizer = Authorizer::new();
    Ok(Loaded {
        schema,
        actions,
        authorizer,
        policies,
        slices,
        slice_of,
        bare,
        version: hex::encode(sha256),
        sha256,
    })
}

/// SHA-256 of texts, each behind its length, in lower-case hexadecimal.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    hex::encode(sha256(texts))
}

fn sha256<'a>(texts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text.as_bytes());
    }
    digest.finalize().into()
}

/// The parts are one namespace, written in files that a reviewer reads apart.
fn whole(texts: &[&str]) -> String {
    let opening = format!("namespace {NAMESPACE} {{");
    let parts = texts.iter().filter_map(|text| {
        let (_, body) = text.split_once(&opening)?;
        Some(body.trim_end().strip_suffix('}').unwrap_or(body))
    });
    format!("{opening}{}}}\n", parts.collect::<String>())
}

/// The schema that is built in as one text, as other programs want it.
pub fn whole_schema() -> String {
    whole(&SCHEMAS)
}

/// The policies that are built in as one text, as other programs want them.
pub fn whole_policies() -> String {
    POLICIES.join("\n")
}

fn schema(texts: &[&str]) -> Result<Schema, PolicyError> {
    let fault = |error: &dyn std::error::Error| PolicyError::Schema(chain(error));
    let whole = whole(texts);
    let (fragment, mut warnings) =
        SchemaFragment::from_cedarschema_str(&whole).map_err(|error| fault(&error))?;
    if let Some(warning) = warnings.next() {
        return Err(PolicyError::Schema(warning.to_string()));
    }
    Schema::from_schema_fragments([fragment]).map_err(|error| fault(&error))
}

fn parse(texts: &[&str]) -> Result<PolicySet, PolicyError> {
    let mut named = Vec::new();
    for text in texts {
        let set: PolicySet = text
            .parse()
            .map_err(|error: cedar_policy::ParseErrors| PolicyError::Parse(chain(&error)))?;
        if set.templates().next().is_some() {
            return Err(PolicyError::Id("a template has no place here".to_owned()));
        }
        for policy in set.policies() {
            let id = policy.annotation("id").filter(|id| !id.is_empty());
            let id =
                id.ok_or_else(|| PolicyError::Id(format!("a policy has no `@id`: {policy}")))?;
            if policy.annotation("description").is_none_or(str::is_empty) {
                return Err(PolicyError::Id(format!(
                    "policy `{id}` has no `@description`"
                )));
            }
            named.push(policy.new_id(PolicyId::new(id)));
        }
    }
    PolicySet::from_policies(named).map_err(|error| PolicyError::Id(chain(&error)))
}

/// Strict, no warnings, and level 1: attributes of principal and resource only, so that no other
/// entity has to be loaded for a decision.
fn validate(schema: &Schema, policies: &PolicySet) -> Result<(), PolicyError> {
    let validator = Validator::new(schema.clone());
    let result = validator.validate_with_level(policies, ValidationMode::Strict, 1);
    if result.validation_passed_without_warnings() {
        return Ok(());
    }
    let errors = result.validation_errors().map(ToString::to_string);
    let warnings = result.validation_warnings().map(ToString::to_string);
    Err(PolicyError::Invalid(
        errors.chain(warnings).collect::<Vec<_>>().join("; "),
    ))
}

/// Decisions are kept for a shape of principal, with placeholders for ids. That is sound because
/// Cedar treats ids as opaque, as long as no policy names one.
fn check_form(policy: &Policy) -> Result<(), PolicyError> {
    let closed = ["Action", "Role", "Capability", "Scope"];
    for uid in policy.entity_literals() {
        if !closed.contains(&uid.type_name().basename()) {
            let fault = format!("names the entity `{uid}`; only closed sets may be named");
            return Err(PolicyError::Form {
                id: policy.id().to_string(),
                fault,
            });
        }
    }
    let form = |fault: String| PolicyError::Form {
        id: policy.id().to_string(),
        fault,
    };
    let pst = policy.to_pst().map_err(|error| form(error.to_string()))?;
    // The slices are by action, so a condition must not speak of it again.
    if format!("{:?}", pst.body().clauses()).contains("Var(Action)") {
        return Err(form("speaks of `action` in a condition".to_owned()));
    }
    Ok(())
}

/// The engine compares tenants natively for the sake of this policy, so it must be there and hold
/// for everything.
fn check_fence(policies: &PolicySet) -> Result<(), PolicyError> {
    let fence = policies.policy(&PolicyId::new(FENCE));
    let is_whole = fence.is_some_and(|fence| {
        fence.effect() == Effect::Forbid
            && fence.principal_constraint() == PrincipalConstraint::Any
            && fence.action_constraint() == ActionConstraint::Any
            && fence.resource_constraint() == ResourceConstraint::Any
    });
    if is_whole {
        return Ok(());
    }
    Err(PolicyError::Form {
        id: FENCE.to_owned(),
        fault: "must be there and forbid without a scope".to_owned(),
    })
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_domain::{
        access::{Role, Scope},
        id::{ApiTokenId, TenantId},
        principal::{Actor, Machine, MachineCredential, Principal},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{Decision, Engine, row::TenantOnly};

    /// Loads the built-in policies with one more.
    fn with(policy: &str) -> Result<Loaded, PolicyError> {
        let texts: Vec<&str> = POLICIES.into_iter().chain([policy]).collect();
        load_from(&SCHEMAS, &texts)
    }

    fn refused(policy: &str, why: &str) {
        let error = with(policy).expect_err(policy).to_string();
        assert!(error.contains(why), "{policy}: {error}");
    }

    const HEAD: &str = "@id(\"t\") @description(\"A test.\") ";

    #[test]
    fn bad_habits_are_refused() {
        refused("permit (principal, action, resource);", "has no `@id`");
        refused(
            "@id(\"t\") permit (principal, action, resource);",
            "has no `@description`",
        );
        let twice =
            "@id(\"fence.tenant\") @description(\"x\") forbid (principal, action, resource);";
        refused(twice, "fence.tenant");
        let named = "permit (principal == Countersign::Human::\"me\", action, resource);";
        refused(&format!("{HEAD}{named}"), "names the entity");
        let again = "permit (principal, action, resource) \
                     when { action in Countersign::Action::\"read\" };";
        refused(&format!("{HEAD}{again}"), "speaks of `action`");
        refused(
            &format!("{HEAD}permit (principal == ?principal, action, resource);"),
            "template",
        );
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused() {
        for condition in [
            // An attribute that is not there, and one that may be missing.
            "resource.amount == 1",
            "resource.custodian == principal",
            // A misspelt name.
            "principal in Countersign::Role::\"ownr\"",
            // Never true: Cedar only warns.
            "principal == resource",
            // Further than the principal and the resource.
            "resource has custodian && resource.custodian.tenant == principal.tenant",
        ] {
            let scope = "permit (principal is Countersign::Human, action in \
                         Countersign::Action::\"read.basic\", resource is Countersign::Account)";
            let error = with(&format!("{HEAD}{scope} when {{ {condition} }};"));
            assert!(
                matches!(error, Err(PolicyError::Invalid(_))),
                "{condition}: {error:?}"
            );
        }
    }

    #[test]
    fn policies_without_the_fence_are_refused() {
        let fenceless = POLICIES.map(|text| text.replace("\"fence.tenant\"", "\"fence.other\""));
        let texts: Vec<&str> = fenceless.iter().map(String::as_str).collect();
        let error = load_from(&SCHEMAS, &texts).unwrap_err();
        assert!(error.to_string().contains("fence.tenant"), "{error}");
    }

    #[test]
    fn action_that_no_policy_speaks_of_is_refused_to_all() {
        let forgotten = "namespace Countersign { action \"Account.secret\" appliesTo { \
                         principal: [Human, Machine], resource: [Account], context: Facts }; }";
        let schemas: Vec<&str> = SCHEMAS.into_iter().chain([forgotten]).collect();
        let engine = Engine::of(load_from(&schemas, &POLICIES).unwrap());
        let action = engine.action("Account.secret").unwrap();
        let tenant = TenantId::new(Uuid::from_u128(1));
        let scopes: BTreeSet<Scope> = Scope::ALL.iter().copied().collect();
        let credential = MachineCredential::ApiToken(ApiTokenId::new(Uuid::from_u128(2)));
        let mut actors = vec![Principal::Machine(Machine {
            credential,
            scopes,
            documents_only: false,
        })];
        actors.extend(Role::ALL.iter().map(|role| {
            Principal::Human(countersign_domain::principal::Human {
                user: countersign_domain::id::UserId::new(Uuid::from_u128(3)),
                member: countersign_domain::id::MemberId::new(Uuid::from_u128(4)),
                session: countersign_domain::id::SessionId::new(Uuid::from_u128(5)),
                role: *role,
                capabilities: BTreeSet::new(),
                mfa: true,
            })
        }));
        for principal in actors {
            let actor = Actor {
                tenant,
                principal,
                tenant_suspended: false,
            };
            let decisions = engine.decide(&actor, &[action]);
            assert!(
                matches!(decisions.get(action), Decision::Deny(_)),
                "{actor:?}"
            );
            assert!(
                engine
                    .permit(&actor, action, &TenantOnly::books(tenant))
                    .is_err()
            );
        }
    }

    #[test]
    fn version_is_of_every_byte() {
        let version = load().unwrap().version;
        assert_eq!(version.len(), 64);
        let other = with(&format!("{HEAD}forbid (principal, action, resource);")).unwrap();
        assert_ne!(other.version, version);
    }
}
