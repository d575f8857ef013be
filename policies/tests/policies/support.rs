//! Actors, rows, and Cedar asked without the engine: the oracle that the engine is held to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Policy, PolicyId, PolicySet, Request, Schema,
    SchemaFragment,
};
use countersign_domain::{
    access::{Capability, Role, Scope},
    id::{ApiTokenId, MemberId, SessionId, TenantId, UserId},
    principal::{Actor, Human, Machine, MachineCredential, Principal},
};
use countersign_policies::{Attribute, Engine, Row};
use serde_json::{Value, json};
use uuid::Uuid;

/// The actor's own tenant.
pub(crate) const OWN: Uuid = Uuid::from_u128(0xa1);
/// Another tenant.
pub(crate) const FOREIGN: Uuid = Uuid::from_u128(0xa2);
/// The actor.
pub(crate) const ME: Uuid = Uuid::from_u128(0xb1);
/// Somebody else.
pub(crate) const OTHER: Uuid = Uuid::from_u128(0xb2);

/// The crate's folder.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the crate.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The Cedar files, sorted.
pub(crate) fn policy_files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("cedar")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "cedar")
        })
        .collect();
    files.sort();
    files
}

/// The policies, by their ids.
pub(crate) fn policies() -> Vec<Policy> {
    let mut all = Vec::new();
    for file in policy_files() {
        let set: PolicySet = fs::read_to_string(file).unwrap().parse().unwrap();
        for policy in set.policies() {
            all.push(policy.new_id(PolicyId::new(policy.annotation("id").unwrap())));
        }
    }
    all.sort_by_key(|policy| policy.id().to_string());
    all
}

/// Any row, of any type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnyRow {
    pub(crate) tenant: Uuid,
    pub(crate) custodian: Option<Uuid>,
    pub(crate) personal: bool,
    /// Whether the type has a custodian and can be personal.
    pub(crate) is_kept: bool,
}

impl AnyRow {
    pub(crate) fn own(resource: &str) -> Self {
        Self {
            tenant: OWN,
            custodian: None,
            personal: false,
            is_kept: is_kept(resource),
        }
    }
}

/// Whether rows of a type have a custodian and can be personal.
pub(crate) fn is_kept(resource: &str) -> bool {
    ["Account", "Transaction", "Statement", "Import"].contains(&resource)
}

impl Row for AnyRow {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "" => Attribute::Id(Uuid::from_u128(0xc1)),
            "tenant" => Attribute::Id(self.tenant),
            "custodian" if self.is_kept => self.custodian.map_or(Attribute::Missing, Attribute::Id),
            "personal" if self.is_kept => Attribute::Bool(self.personal),
            _ => Attribute::Missing,
        }
    }
}

pub(crate) fn human(role: Role, capabilities: BTreeSet<Capability>) -> Actor {
    let principal = Principal::Human(Human {
        user: UserId::new(ME),
        member: MemberId::new(Uuid::from_u128(0xd1)),
        session: SessionId::new(Uuid::from_u128(0xd2)),
        role,
        capabilities,
        mfa: false,
    });
    Actor {
        tenant: TenantId::new(OWN),
        principal,
        tenant_suspended: false,
    }
}

pub(crate) fn machine(scopes: BTreeSet<Scope>) -> Actor {
    let credential = MachineCredential::ApiToken(ApiTokenId::new(ME));
    let principal = Principal::Machine(Machine {
        credential,
        scopes,
        documents_only: false,
    });
    Actor {
        tenant: TenantId::new(OWN),
        principal,
        tenant_suspended: false,
    }
}

/// Every role without capabilities, and machines without and with every scope.
pub(crate) fn everybody() -> Vec<Actor> {
    let mut all: Vec<_> = Role::ALL
        .iter()
        .map(|role| human(*role, BTreeSet::new()))
        .collect();
    all.push(machine(BTreeSet::new()));
    all.push(machine(Scope::ALL.iter().copied().collect()));
    all
}

/// Cedar's answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) allowed: bool,
    pub(crate) rules: BTreeSet<String>,
    pub(crate) errors: usize,
}

/// Cedar with the files as they lie there: all policies, entities from JSON, nothing kept.
pub(crate) struct Oracle {
    schema: Schema,
    policies: PolicySet,
    declared: Value,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self::of(policies())
    }

    /// The same with other policies.
    pub(crate) fn of(named: Vec<Policy>) -> Self {
        let fragments = ["cedar/schema.cedarschema", "cedar/actions.cedarschema"]
            .map(|path| SchemaFragment::from_cedarschema_str(&text(path)).unwrap().0);
        let mut declared = json!({});
        for fragment in &fragments {
            let declaring = fragment.clone().to_json_value().unwrap();
            for (name, action) in declaring["Countersign"]["actions"].as_object().unwrap() {
                declared[name] = action.clone();
            }
        }
        let schema = Schema::from_schema_fragments(fragments).unwrap();
        Self {
            schema,
            policies: PolicySet::from_policies(named).unwrap(),
            declared,
        }
    }

    pub(crate) fn rules(&self) -> BTreeSet<String> {
        self.policies
            .policies()
            .map(|policy| policy.id().to_string())
            .collect()
    }

    /// The type that an action is done on, as the schema declares it.
    pub(crate) fn resource_of(&self, action: &str) -> &str {
        self.declared[action]["appliesTo"]["resourceTypes"][0]
            .as_str()
            .unwrap()
    }

    pub(crate) fn ask(&self, actor: &Actor, action: &str, row: &AnyRow) -> Answer {
        let uid =
            |kind: &str, id: &str| json!({ "type": format!("Countersign::{kind}"), "id": id });
        let tenant = |id: Uuid| json!({ "__entity": uid("Tenant", &id.to_string()) });
        let set = |kind: &str, names: Vec<&str>| -> Value {
            names
                .iter()
                .map(|name| json!({ "__entity": uid(kind, name) }))
                .collect()
        };
        let (kind, name, granted, parents, mfa) = match &actor.principal {
            Principal::Human(human) => (
                "Human",
                "capabilities",
                set(
                    "Capability",
                    human.capabilities.iter().map(|item| item.name()).collect(),
                ),
                vec![uid("Role", human.role.name())],
                human.mfa,
            ),
            Principal::Machine(machine) => {
                let scopes = machine.scopes.iter().map(|item| item.name()).collect();
                ("Machine", "scopes", set("Scope", scopes), vec![], false)
            }
        };
        let principal = uid(kind, &ME.to_string());
        let resource = uid(self.resource_of(action), "row");
        let mut attributes = BTreeMap::from([("tenant", tenant(row.tenant))]);
        if row.is_kept {
            attributes.insert("personal", json!(row.personal));
            if let Some(custodian) = row.custodian {
                let custodian = uid("Human", &custodian.to_string());
                attributes.insert("custodian", json!({ "__entity": custodian }));
            }
        }
        let entities = json!([
            { "uid": principal, "attrs": { "tenant": tenant(actor.tenant.uuid()), name: granted }, "parents": parents },
            { "uid": resource, "attrs": attributes, "parents": [] },
        ]);
        let entities = Entities::from_json_value(entities, Some(&self.schema)).unwrap();
        let context = json!({ "mfa": mfa, "tenantSuspended": actor.tenant_suspended });
        let parse = |uid: Value| cedar_policy::EntityUid::from_json(uid).unwrap();
        let request = Request::new(
            parse(principal),
            parse(uid("Action", action)),
            parse(resource),
            Context::from_json_value(context, None).unwrap(),
            Some(&self.schema),
        )
        .unwrap();
        self.answer(&request, &entities)
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What Cedar says to a request as it is.
    pub(crate) fn answer(&self, request: &Request, entities: &Entities) -> Answer {
        let response = Authorizer::new().is_authorized(request, &self.policies, entities);
        Answer {
            allowed: response.decision() == Decision::Allow,
            rules: response
                .diagnostics()
                .reason()
                .map(ToString::to_string)
                .collect(),
            errors: response.diagnostics().errors().count(),
        }
    }
}

/// The engine with the built-in policies.
pub(crate) fn engine() -> Engine {
    Engine::embedded().unwrap()
}

/// An account of the actor's own tenant.
pub(crate) fn kept(custodian: Option<Uuid>, personal: bool) -> AnyRow {
    AnyRow {
        custodian,
        personal,
        ..AnyRow::own("Account")
    }
}
