//! The types of who may: by policy, by member, by token, and what one of them may.

use std::sync::Arc;

use async_graphql::dynamic::{InputValue, TypeRef};
use countersign_domain::id::TenantId;
use countersign_entities::{ApiToken, Member, RegisteredMachine};
use countersign_policies::{ActionId, Row, Verdict};

use super::{
    super::{
        connection::without_row,
        field::{ObjectBuilder, Source},
        kind::Kind,
        schema::Parts,
        value::{Leaf, Output},
    },
    explanation::{Condition, ON_ROWS, SAYS, condition, decision, text, with_verdict},
};

/// What one action comes to for somebody.
#[derive(Debug)]
pub(super) struct ActionAccess {
    pub(super) action: String,
    pub(super) group: String,
    pub(super) verdict: Verdict,
    pub(super) condition: Option<Arc<Condition>>,
}

/// Who may do something.
#[derive(Debug)]
pub(super) struct WhoMay {
    pub(super) id: ActionId,
    action: String,
    group: String,
    roles: Vec<Arc<Named>>,
    capabilities: Vec<Arc<Opened>>,
    any_machine: bool,
    scopes: Vec<Arc<NamedScope>>,
}

/// What it comes to for a role.
#[derive(Debug)]
struct Named {
    name: &'static str,
    verdict: Verdict,
    condition: Option<Arc<Condition>>,
}

/// What it comes to for a scope.
#[derive(Debug)]
struct NamedScope(Named);

/// A capability with the roles that it lets do more.
#[derive(Debug)]
struct Opened {
    capability: &'static str,
    roles: Vec<&'static str>,
}

/// What it comes to for a member.
#[derive(Debug)]
pub(super) struct MemberAccess {
    pub(super) member: Arc<Member>,
    pub(super) verdict: Verdict,
    pub(super) condition: Option<Arc<Condition>>,
}

/// What it comes to for a token.
#[derive(Debug)]
pub(super) struct TokenAccess {
    pub(super) token: Arc<ApiToken>,
    pub(super) verdict: Verdict,
    pub(super) condition: Option<Arc<Condition>>,
}

/// What it comes to for a client of the provider.
#[derive(Debug)]
pub(super) struct MachineAccess {
    pub(super) machine: RegisteredMachine,
    pub(super) verdict: Verdict,
    pub(super) condition: Option<Arc<Condition>>,
}

/// The first of what there is.
#[derive(Debug)]
pub(super) struct AccessPage<T> {
    pub(super) nodes: Vec<Arc<T>>,
    pub(super) has_more: bool,
}

without_row!(
    ActionAccess,
    WhoMay,
    Named,
    NamedScope,
    Opened,
    MemberAccess,
    TokenAccess,
    MachineAccess,
    @[T] AccessPage<T>,
);

impl WhoMay {
    pub(super) fn new(id: ActionId, action: &str, group: &str) -> Self {
        Self {
            id,
            action: action.to_owned(),
            group: group.to_owned(),
            roles: Vec::new(),
            capabilities: Vec::new(),
            any_machine: false,
            scopes: Vec::new(),
        }
    }

    pub(super) fn role(
        &mut self,
        name: &'static str,
        verdict: Verdict,
        condition: Option<Arc<Condition>>,
    ) {
        self.roles.push(Arc::new(Named {
            name,
            verdict,
            condition,
        }));
    }

    pub(super) fn scope(
        &mut self,
        name: &'static str,
        verdict: Verdict,
        condition: Option<Arc<Condition>>,
    ) {
        self.scopes.push(Arc::new(NamedScope(Named {
            name,
            verdict,
            condition,
        })));
    }

    /// What does not need a condition said.
    pub(super) fn by_policy(&mut self, found: &countersign_policies::WhoMay) {
        self.any_machine = found.any_machine;
        let capabilities = found.capabilities.iter().map(|(capability, roles)| {
            Arc::new(Opened {
                capability: capability.name(),
                roles: roles.iter().map(|role| role.name()).collect(),
            })
        });
        self.capabilities = capabilities.collect();
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    who_may(parts);
    by_action(parts);
    by_policy(parts);
    members(parts);
    tokens(parts);
    machines(parts);
}

fn who_may(parts: &mut Parts<'_>) {
    let first = || {
        vec![
            InputValue::new("first", TypeRef::named(TypeRef::INT))
                .description("The first so many rows, from 1 to 500; 50 where nothing is said."),
        ]
    };
    let who = ObjectBuilder::<WhoMay>::new(parts.engine, "WhoMay", "Who may do something.")
        .of(Kind::Explanation).value("action", text(), "What is asked about.", |w| {
            Some(Leaf::from(w.action.as_str()))
        })
        .of(Kind::Explanation).value(
            "group",
            text(),
            "The group that policies know it by.",
            |w| Some(Leaf::from(w.group.as_str())),
        )
        .of(Kind::Explanation).object(
            "roles",
            TypeRef::named_nn_list("RoleAccess"),
            "Every role.",
            |w| Some(Output::objects(w.roles.iter().cloned())),
        )
        .of(Kind::Explanation).object(
            "capabilities",
            TypeRef::named_nn_list("CapabilityAccess"),
            "The capabilities that let some role do more than it may without.",
            |w| Some(Output::objects(w.capabilities.iter().cloned())),
        )
        .of(Kind::Explanation).value(
            "anyMachine",
            TypeRef::named(TypeRef::BOOLEAN),
            "Whether a machine needs no scope for it.",
            |w| Some(w.any_machine.into()),
        )
        .of(Kind::Explanation).object(
            "scopes",
            TypeRef::named_nn_list("ScopeAccess"),
            "The scopes that a machine may with, each alone.",
            |w| Some(Output::objects(w.scopes.iter().cloned())),
        )
        .of(Kind::Member).resolve(
            "members",
            TypeRef::named("MemberAccessPage"),
            "What it comes to for each of the tenant's members.",
            first(),
            super::members,
        )
        .of(Kind::Token).resolve(
            "tokens",
            TypeRef::named("TokenAccessPage"),
            "What it comes to for each of the tenant's API tokens that has not ended.",
            first(),
            super::tokens,
        )
        .of(Kind::Token).resolve(
            "machines",
            TypeRef::named("MachineAccessPage"),
            "What it comes to for each client of the provider that is let in, with all that it is registered with.",
            first(),
            super::machines,
        );
    parts.object(who);
}

fn by_action(parts: &mut Parts<'_>) {
    let action = ObjectBuilder::<ActionAccess>::new(
        parts.engine,
        "ActionAccess",
        "What an action comes to for somebody.",
    )
    .of(Kind::Explanation)
    .value("action", text(), "As `Transaction.amount`.", |a| {
        Some(Leaf::from(a.action.as_str()))
    })
    .of(Kind::Explanation)
    .value(
        "group",
        text(),
        "The group that policies know it by.",
        |a| Some(Leaf::from(a.group.as_str())),
    );
    parts.object(with_verdict!(action, Kind::Explanation));
}

fn by_policy(parts: &mut Parts<'_>) {
    let role =
        ObjectBuilder::<Named>::new(parts.engine, "RoleAccess", "What it comes to for a role.")
            .of(Kind::Explanation)
            .value("role", text(), "The role, without capabilities.", |r| {
                Some(Leaf::from(r.name))
            });
    parts.object(with_verdict!(role, Kind::Explanation));
    let scope = ObjectBuilder::<NamedScope>::new(
        parts.engine,
        "ScopeAccess",
        "What it comes to for a machine with this one scope.",
    )
    .of(Kind::Explanation)
    .value("scope", text(), "The scope.", |s| {
        Some(Leaf::from(s.0.name))
    });
    parts.object(with_verdict!(scope, Kind::Explanation, .0));
    let capability = ObjectBuilder::<Opened>::new(
        parts.engine,
        "CapabilityAccess",
        "A capability, with whom it lets do more.",
    )
    .of(Kind::Explanation)
    .value("capability", text(), "The capability.", |c| {
        Some(Leaf::from(c.capability))
    })
    .of(Kind::Explanation)
    .value(
        "roles",
        TypeRef::named_nn_list(TypeRef::STRING),
        "The roles that may more with it.",
        |c| Some(c.roles.iter().copied().collect()),
    );
    parts.object(capability);
}

/// A page of those.
fn page<T: Source>(
    parts: &mut Parts<'_>,
    (name, node): (&'static str, &'static str),
    kind: Kind,
    description: &str,
) {
    let page = ObjectBuilder::<AccessPage<T>>::new(parts.engine, name, description)
        .of(kind)
        .object("nodes", TypeRef::named_nn_list(node), description, |p| {
            Some(Output::objects(p.nodes.iter().cloned()))
        })
        .of(kind)
        .value(
            "hasMore",
            TypeRef::named(TypeRef::BOOLEAN),
            "Whether there are more than were asked for.",
            |p| Some(p.has_more.into()),
        );
    parts.object(page);
}

fn members(parts: &mut Parts<'_>) {
    page::<MemberAccess>(
        parts,
        ("MemberAccessPage", "MemberAccess"),
        Kind::Member,
        "The members.",
    );
    let member = ObjectBuilder::<MemberAccess>::new(
        parts.engine,
        "MemberAccess",
        "What it comes to for a member.",
    )
    .of(Kind::Member)
    .object("member", TypeRef::named("Member"), "The member.", |m| {
        Some(Output::object(Arc::clone(&m.member)))
    });
    parts.object(with_verdict!(member, Kind::Member));
}

fn tokens(parts: &mut Parts<'_>) {
    page::<TokenAccess>(
        parts,
        ("TokenAccessPage", "TokenAccess"),
        Kind::Token,
        "The tokens.",
    );
    let token = ObjectBuilder::<TokenAccess>::new(
        parts.engine,
        "TokenAccess",
        "What it comes to for an API token.",
    )
    .of(Kind::Token)
    .object("token", TypeRef::named("ApiToken"), "The token.", |t| {
        Some(Output::object(Arc::clone(&t.token)))
    });
    parts.object(with_verdict!(token, Kind::Token));
}

fn machines(parts: &mut Parts<'_>) {
    page::<MachineAccess>(
        parts,
        ("MachineAccessPage", "MachineAccess"),
        Kind::Token,
        "The clients of the provider.",
    );
    let machine = ObjectBuilder::<MachineAccess>::new(
        parts.engine,
        "MachineAccess",
        "What it comes to for a client of the provider.",
    )
    .of(Kind::Token)
    .value(
        "machineId",
        TypeRef::named(TypeRef::ID),
        "Its id, `mch_…`, by which more is asked of it.",
        |m| Some(Leaf::from(m.machine.id.to_string())),
    )
    .of(Kind::Token)
    .value("clientId", text(), "What the provider calls it.", |m| {
        Some(Leaf::from(m.machine.client_id.as_str()))
    })
    .of(Kind::Token)
    .value("name", text(), "What the operator calls it.", |m| {
        Some(Leaf::from(m.machine.name.as_str()))
    })
    .of(Kind::Token)
    .value(
        "scopes",
        TypeRef::named_nn_list(TypeRef::STRING),
        "The most that it may: what its token carries of these.",
        |m| Some(m.machine.scopes.iter().map(|scope| scope.name()).collect()),
    );
    parts.object(with_verdict!(machine, Kind::Token));
}
