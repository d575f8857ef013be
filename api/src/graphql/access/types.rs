//! The types of explanations.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, InputValue, TypeRef};
use countersign_domain::id::TenantId;
use countersign_entities::{ApiToken, Member};
use countersign_policies::{
    AccessExplanation, ActionId, Known, KnownRow, NearPermit, Row, Rule, Verdict,
    effects::Custodian,
};

use super::super::{
    connection::without_row,
    field::{ObjectBuilder, Source},
    scalars::enum_value,
    schema::Parts,
    value::{Leaf, Output},
};

/// Why somebody may, or may not.
#[derive(Debug)]
pub(super) struct Explained {
    action: String,
    verdict: Verdict,
    rules: Vec<Arc<Rule>>,
    nearest: Vec<Arc<Near>>,
    condition: Option<Arc<Condition>>,
    principal: Arc<Principal>,
    tenant_suspended: bool,
    row: Option<Arc<KnownRow>>,
}

#[derive(Debug)]
struct Near {
    rule: Arc<Rule>,
    fails: String,
    needs: Option<String>,
}

/// A condition on rows.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) words: String,
    pub(super) sql: Option<String>,
}

#[derive(Debug)]
struct Principal {
    known: Known,
    /// Of somebody else it is not known whether they gave a second factor.
    is_other: bool,
}

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

/// The first members.
#[derive(Debug)]
pub(super) struct MemberPage {
    pub(super) nodes: Vec<Arc<MemberAccess>>,
    pub(super) has_more: bool,
}

/// The first tokens.
#[derive(Debug)]
pub(super) struct TokenPage {
    pub(super) nodes: Vec<Arc<TokenAccess>>,
    pub(super) has_more: bool,
}

without_row!(
    Explained,
    Near,
    Rule,
    Condition,
    Principal,
    KnownRow,
    ActionAccess,
    WhoMay,
    Named,
    NamedScope,
    Opened,
    MemberAccess,
    TokenAccess,
    MemberPage,
    TokenPage,
);

impl Explained {
    pub(super) fn new(
        action: &str,
        explained: AccessExplanation,
        condition: Option<Arc<Condition>>,
        is_other: bool,
    ) -> Self {
        let near = |near: NearPermit| Near {
            rule: Arc::new(near.rule),
            fails: near.fails,
            needs: near.needs,
        };
        Self {
            action: action.to_owned(),
            verdict: explained.verdict,
            rules: explained.rules.into_iter().map(Arc::new).collect(),
            nearest: explained
                .nearest
                .into_iter()
                .map(near)
                .map(Arc::new)
                .collect(),
            condition,
            principal: Arc::new(Principal {
                known: explained.principal,
                is_other,
            }),
            tenant_suspended: explained.tenant_suspended,
            row: explained.row.map(Arc::new),
        }
    }
}

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

fn decision(verdict: Verdict) -> Leaf<'static> {
    enum_value(match verdict {
        Verdict::Allowed => "ALLOWED",
        Verdict::Refused => "REFUSED",
        Verdict::DependsOnRow => "DEPENDS_ON_ROW",
    })
}

fn condition(found: Option<&Arc<Condition>>) -> Option<Output> {
    found.map(|condition| Output::object(Arc::clone(condition)))
}

const SAYS: &str = "What the policies say.";
const ON_ROWS: &str = "The condition on rows, where it depends on them.";

/// Adds `decision` and `condition`, which say what an action comes to.
macro_rules! with_verdict {
    ($builder:expr, $($of:tt)+) => {
        $builder
            .value("decision", TypeRef::named("AccessDecision"), SAYS, |one| {
                Some(decision(one $($of)+.verdict))
            })
            .object("condition", TypeRef::named("RowCondition"), ON_ROWS, |one| {
                condition(one $($of)+.condition.as_ref())
            })
    };
    ($builder:expr) => {
        $builder
            .value("decision", TypeRef::named("AccessDecision"), SAYS, |one| {
                Some(decision(one.verdict))
            })
            .object("condition", TypeRef::named("RowCondition"), ON_ROWS, |one| {
                condition(one.condition.as_ref())
            })
    };
}

pub(super) fn register(parts: &mut Parts<'_>) {
    enumerations(parts);
    explanation(parts);
    rules(parts);
    facts(parts);
    who_may(parts);
    by_policy(parts);
    members(parts);
    tokens(parts);
}

fn enumerations(parts: &mut Parts<'_>) {
    parts.enumeration(
        Enum::new("AccessDecision")
            .description("What the policies say: of the row in hand, or before any.")
            .item("ALLOWED")
            .item("REFUSED")
            .item("DEPENDS_ON_ROW"),
    );
    parts.enumeration(
        Enum::new("AccessCustodian")
            .description("Who has a row in their care, as seen by whom it is about.")
            .item("NOBODY")
            .item("THEMSELVES")
            .item("SOMEBODY_ELSE"),
    );
}

fn text() -> TypeRef {
    TypeRef::named(TypeRef::STRING)
}

fn explanation(parts: &mut Parts<'_>) {
    let explanation = ObjectBuilder::<Explained>::new(
        parts.engine,
        "AccessExplanation",
        "Why somebody may, or may not, do something.",
    )
    .value("action", text(), "What is asked about.", |e| {
        Some(Leaf::from(e.action.as_str()))
    })
    .object(
        "rules",
        TypeRef::named_nn_list("AccessRule"),
        "The rules that decide: those that permit, those that forbid, or those that look at the \
         row. None where no permit holds.",
        |e| Some(Output::objects(e.rules.iter().cloned())),
    )
    .object(
        "nearest",
        TypeRef::named_nn_list("NearestPermit"),
        "Where no permit holds: those that could, each with the first of its conditions that fails.",
        |e| Some(Output::objects(e.nearest.iter().cloned())),
    )
    .object(
        "principal",
        TypeRef::named("AccessPrincipal"),
        "What the policies see of whom it is about.",
        |e| Some(Output::object(Arc::clone(&e.principal))),
    )
    .value(
        "tenantSuspended",
        TypeRef::named(TypeRef::BOOLEAN),
        "Whether the tenant is suspended: it can be read, and not changed.",
        |e| Some(e.tenant_suspended.into()),
    )
    .object(
        "row",
        TypeRef::named("AccessRow"),
        "What the policies see of the row; null where none was named.",
        |e| e.row.as_ref().map(|row| Output::object(Arc::clone(row))),
    );
    parts.object(with_verdict!(explanation));
}

fn rules(parts: &mut Parts<'_>) {
    let rule = ObjectBuilder::<Rule>::new(parts.engine, "AccessRule", "A policy.")
        .value(
            "id",
            text(),
            "Its name, as refusals and the audit log use it.",
            |r| Some(Leaf::from(r.id.as_str())),
        )
        .value("sentence", text(), "What it says, in one sentence.", |r| {
            Some(Leaf::from(r.sentence.as_str()))
        })
        .value("text", text(), "What it says, in Cedar.", |r| {
            Some(Leaf::from(r.text.as_str()))
        });
    parts.object(rule);
    let near = ObjectBuilder::<Near>::new(
        parts.engine,
        "NearestPermit",
        "A permit that does not hold.",
    )
    .object("rule", TypeRef::named("AccessRule"), "The permit.", |n| {
        Some(Output::object(Arc::clone(&n.rule)))
    })
    .value(
        "fails",
        text(),
        "The first of its conditions that fails.",
        |n| Some(Leaf::from(n.fails.as_str())),
    )
    .value(
        "needs",
        text(),
        "What would meet that condition, in words, where there are some.",
        |n| n.needs.as_deref().map(Leaf::from),
    );
    parts.object(near);
    let condition = ObjectBuilder::<Condition>::new(
        parts.engine,
        "RowCondition",
        "What a row of the tenant must be.",
    )
    .value(
        "words",
        text(),
        "As it is said of a row: `in their own care, or not of the household`.",
        |c| Some(Leaf::from(c.words.as_str())),
    )
    .value(
        "sql",
        text(),
        "What lists ask the database, with `:principal` for whom it is about.",
        |c| c.sql.as_deref().map(Leaf::from),
    );
    parts.object(condition);
}

fn facts(parts: &mut Parts<'_>) {
    let names = || TypeRef::named_nn_list(TypeRef::STRING);
    let principal = ObjectBuilder::<Principal>::new(
        parts.engine,
        "AccessPrincipal",
        "What the policies see of somebody.",
    )
    .value(
        "kind",
        TypeRef::named("PrincipalKind"),
        "Human or machine.",
        |p| {
            Some(enum_value(match p.known {
                Known::Human { .. } => "HUMAN",
                Known::Machine { .. } => "MACHINE",
            }))
        },
    )
    .value("role", text(), "The one role of a human.", |p| {
        match &p.known {
            Known::Human { role, .. } => Some(Leaf::from(role.name())),
            Known::Machine { .. } => None,
        }
    })
    .value(
        "capabilities",
        names(),
        "What the tenant granted a human beside the role.",
        |p| match &p.known {
            Known::Human { capabilities, .. } => {
                Some(capabilities.iter().map(|one| one.name()).collect())
            }
            Known::Machine { .. } => None,
        },
    )
    .value(
        "scopes",
        names(),
        "What a machine was given.",
        |p| match &p.known {
            Known::Machine { scopes } => Some(scopes.iter().map(|one| one.name()).collect()),
            Known::Human { .. } => None,
        },
    )
    .value(
        "secondFactor",
        TypeRef::named(TypeRef::BOOLEAN),
        "Whether whoever asks gave a second factor; null of others, who are taken to have.",
        |p| match (&p.known, p.is_other) {
            (Known::Human { mfa, .. }, false) => Some((*mfa).into()),
            _ => None,
        },
    );
    parts.object(principal);
    let row = ObjectBuilder::<KnownRow>::new(
        parts.engine,
        "AccessRow",
        "What the policies see of a row, and never more.",
    )
    .value(
        "personal",
        TypeRef::named(TypeRef::BOOLEAN),
        "Whether it is of the owner's household; null where rows of its type can not be.",
        |r| r.personal.map(Leaf::from),
    )
    .value(
        "custodian",
        TypeRef::named("AccessCustodian"),
        "In whose care it is; null where rows of its type are in nobody's.",
        |r| {
            r.custodian.map(|custodian| {
                enum_value(match custodian {
                    Custodian::Nobody => "NOBODY",
                    Custodian::Themselves => "THEMSELVES",
                    Custodian::Other => "SOMEBODY_ELSE",
                })
            })
        },
    );
    parts.object(row);
}

fn who_may(parts: &mut Parts<'_>) {
    let first = || {
        vec![
            InputValue::new("first", TypeRef::named(TypeRef::INT))
                .description("The first so many rows, from 1 to 500; 50 where nothing is said."),
        ]
    };
    let who = ObjectBuilder::<WhoMay>::new(parts.engine, "WhoMay", "Who may do something.")
        .value("action", text(), "What is asked about.", |w| {
            Some(Leaf::from(w.action.as_str()))
        })
        .value(
            "group",
            text(),
            "The group that policies know it by.",
            |w| Some(Leaf::from(w.group.as_str())),
        )
        .object(
            "roles",
            TypeRef::named_nn_list("RoleAccess"),
            "Every role.",
            |w| Some(Output::objects(w.roles.iter().cloned())),
        )
        .object(
            "capabilities",
            TypeRef::named_nn_list("CapabilityAccess"),
            "The capabilities that let some role do more than it may without.",
            |w| Some(Output::objects(w.capabilities.iter().cloned())),
        )
        .value(
            "anyMachine",
            TypeRef::named(TypeRef::BOOLEAN),
            "Whether a machine needs no scope for it.",
            |w| Some(w.any_machine.into()),
        )
        .object(
            "scopes",
            TypeRef::named_nn_list("ScopeAccess"),
            "The scopes that a machine may with, each alone.",
            |w| Some(Output::objects(w.scopes.iter().cloned())),
        )
        .resolve(
            "members",
            TypeRef::named("MemberAccessPage"),
            "What it comes to for each of the tenant's members.",
            first(),
            super::members,
        )
        .resolve(
            "tokens",
            TypeRef::named("TokenAccessPage"),
            "What it comes to for each of the tenant's API tokens that has not ended.",
            first(),
            super::tokens,
        );
    parts.object(who);
    let action = ObjectBuilder::<ActionAccess>::new(
        parts.engine,
        "ActionAccess",
        "What an action comes to for somebody.",
    )
    .value("action", text(), "As `Transaction.amount`.", |a| {
        Some(Leaf::from(a.action.as_str()))
    })
    .value(
        "group",
        text(),
        "The group that policies know it by.",
        |a| Some(Leaf::from(a.group.as_str())),
    );
    parts.object(with_verdict!(action));
}

fn by_policy(parts: &mut Parts<'_>) {
    let role =
        ObjectBuilder::<Named>::new(parts.engine, "RoleAccess", "What it comes to for a role.")
            .value("role", text(), "The role, without capabilities.", |r| {
                Some(Leaf::from(r.name))
            });
    parts.object(with_verdict!(role));
    let scope = ObjectBuilder::<NamedScope>::new(
        parts.engine,
        "ScopeAccess",
        "What it comes to for a machine with this one scope.",
    )
    .value("scope", text(), "The scope.", |s| {
        Some(Leaf::from(s.0.name))
    });
    parts.object(with_verdict!(scope, .0));
    let capability = ObjectBuilder::<Opened>::new(
        parts.engine,
        "CapabilityAccess",
        "A capability, with whom it lets do more.",
    )
    .value("capability", text(), "The capability.", |c| {
        Some(Leaf::from(c.capability))
    })
    .value(
        "roles",
        TypeRef::named_nn_list(TypeRef::STRING),
        "The roles that may more with it.",
        |c| Some(c.roles.iter().copied().collect()),
    );
    parts.object(capability);
}

fn members(parts: &mut Parts<'_>) {
    let page = ObjectBuilder::<MemberPage>::new(parts.engine, "MemberAccessPage", "Members.")
        .object(
            "nodes",
            TypeRef::named_nn_list("MemberAccess"),
            "The members.",
            |p| Some(Output::objects(p.nodes.iter().cloned())),
        )
        .value(
            "hasMore",
            TypeRef::named(TypeRef::BOOLEAN),
            "Whether there are more than were asked for.",
            |p| Some(p.has_more.into()),
        );
    parts.object(page);
    let member = ObjectBuilder::<MemberAccess>::new(
        parts.engine,
        "MemberAccess",
        "What it comes to for a member.",
    )
    .object("member", TypeRef::named("Member"), "The member.", |m| {
        Some(Output::object(Arc::clone(&m.member)))
    });
    parts.object(with_verdict!(member));
}

fn tokens(parts: &mut Parts<'_>) {
    let page = ObjectBuilder::<TokenPage>::new(parts.engine, "TokenAccessPage", "API tokens.")
        .object(
            "nodes",
            TypeRef::named_nn_list("TokenAccess"),
            "The tokens.",
            |p| Some(Output::objects(p.nodes.iter().cloned())),
        )
        .value(
            "hasMore",
            TypeRef::named(TypeRef::BOOLEAN),
            "Whether there are more than were asked for.",
            |p| Some(p.has_more.into()),
        );
    parts.object(page);
    let token = ObjectBuilder::<TokenAccess>::new(
        parts.engine,
        "TokenAccess",
        "What it comes to for an API token.",
    )
    .object("token", TypeRef::named("ApiToken"), "The token.", |t| {
        Some(Output::object(Arc::clone(&t.token)))
    });
    parts.object(with_verdict!(token));
}
