//! The types of explanations: why somebody may, or may not.

use super::super::kind::Kind;
use std::sync::Arc;

use async_graphql::dynamic::{Enum, TypeRef};
use countersign_domain::id::TenantId;
use countersign_policies::{
    AccessExplanation, Known, KnownRow, NearPermit, Row, Rule, Verdict, effects::Custodian,
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

without_row!(Explained, Near, Rule, Condition, Principal, KnownRow);

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

pub(super) fn decision(verdict: Verdict) -> Leaf<'static> {
    enum_value(match verdict {
        Verdict::Allowed => "ALLOWED",
        Verdict::Refused => "REFUSED",
        Verdict::DependsOnRow => "DEPENDS_ON_ROW",
    })
}

pub(super) fn condition(found: Option<&Arc<Condition>>) -> Option<Output> {
    found.map(|condition| Output::object(Arc::clone(condition)))
}

pub(super) const SAYS: &str = "What the policies say.";
pub(super) const ON_ROWS: &str = "The condition on rows, where it depends on them.";

/// Adds `decision` and `condition`, which say what an action comes to, of a kind of data.
macro_rules! with_verdict {
    ($builder:expr, $kind:expr, $($of:tt)+) => {
        $builder
            .of($kind)
            .value("decision", TypeRef::named("AccessDecision"), SAYS, |one| {
                Some(decision(one $($of)+.verdict))
            })
            .of($kind)
            .object("condition", TypeRef::named("RowCondition"), ON_ROWS, |one| {
                condition(one $($of)+.condition.as_ref())
            })
    };
    ($builder:expr, $kind:expr) => {
        $builder
            .of($kind)
            .value("decision", TypeRef::named("AccessDecision"), SAYS, |one| {
                Some(decision(one.verdict))
            })
            .of($kind)
            .object("condition", TypeRef::named("RowCondition"), ON_ROWS, |one| {
                condition(one.condition.as_ref())
            })
    };
}

pub(super) use with_verdict;

pub(super) fn register(parts: &mut Parts<'_>) {
    enumerations(parts);
    explanation(parts);
    rules(parts);
    facts(parts);
    row(parts);
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

pub(super) fn text() -> TypeRef {
    TypeRef::named(TypeRef::STRING)
}

fn explanation(parts: &mut Parts<'_>) {
    let explanation = ObjectBuilder::<Explained>::new(
        parts.engine,
        "AccessExplanation",
        "Why somebody may, or may not, do something.",
    )
    .of(Kind::Explanation).value("action", text(), "What is asked about.", |e| {
        Some(Leaf::from(e.action.as_str()))
    })
    .of(Kind::Explanation).object(
        "rules",
        TypeRef::named_nn_list("AccessRule"),
        "The rules that decide: those that permit, those that forbid, or those that look at the \
         row. None where no permit holds.",
        |e| Some(Output::objects(e.rules.iter().cloned())),
    )
    .of(Kind::Explanation).object(
        "nearest",
        TypeRef::named_nn_list("NearestPermit"),
        "Where no permit holds: those that could, each with the first of its conditions that fails.",
        |e| Some(Output::objects(e.nearest.iter().cloned())),
    )
    .of(Kind::Explanation).object(
        "principal",
        TypeRef::named("AccessPrincipal"),
        "What the policies see of whom it is about.",
        |e| Some(Output::object(Arc::clone(&e.principal))),
    )
    .of(Kind::Explanation).value(
        "tenantSuspended",
        TypeRef::named(TypeRef::BOOLEAN),
        "Whether the tenant is suspended: it can be read, and not changed.",
        |e| Some(e.tenant_suspended.into()),
    )
    .of(Kind::Explanation).object(
        "row",
        TypeRef::named("AccessRow"),
        "What the policies see of the row; null where none was named.",
        |e| e.row.as_ref().map(|row| Output::object(Arc::clone(row))),
    );
    parts.object(with_verdict!(explanation, Kind::Explanation));
}

fn rules(parts: &mut Parts<'_>) {
    let rule = ObjectBuilder::<Rule>::new(parts.engine, "AccessRule", "A policy.")
        .of(Kind::Explanation).value(
            "name",
            text(),
            "Its name, as refusals and the audit log use it.",
            |r| Some(Leaf::from(r.id.as_str())),
        )
        .of(Kind::Explanation).value(
            "number",
            TypeRef::named(TypeRef::INT),
            "The number of the sentence that it implements, among those that the policies are written from.",
            |r| Some(i32::try_from(r.number?).ok()?.into()),
        )
        .of(Kind::Explanation).value("sentence", text(), "What it says, in one sentence.", |r| {
            Some(Leaf::from(r.sentence.as_str()))
        })
        .of(Kind::Explanation).value("text", text(), "What it says, in Cedar.", |r| {
            Some(Leaf::from(r.text.as_str()))
        });
    parts.object(rule);
    let near = ObjectBuilder::<Near>::new(
        parts.engine,
        "NearestPermit",
        "A permit that does not hold.",
    )
    .of(Kind::Explanation)
    .object("rule", TypeRef::named("AccessRule"), "The permit.", |n| {
        Some(Output::object(Arc::clone(&n.rule)))
    })
    .of(Kind::Explanation)
    .value(
        "fails",
        text(),
        "The first of its conditions that fails.",
        |n| Some(Leaf::from(n.fails.as_str())),
    )
    .of(Kind::Explanation)
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
    .of(Kind::Explanation)
    .value(
        "words",
        text(),
        "As it is said of a row: `in their own care, or not of the household`.",
        |c| Some(Leaf::from(c.words.as_str())),
    )
    .of(Kind::Explanation)
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
    .of(Kind::Explanation)
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
    .of(Kind::Explanation)
    .value("role", text(), "The one role of a human.", |p| {
        match &p.known {
            Known::Human { role, .. } => Some(Leaf::from(role.name())),
            Known::Machine { .. } => None,
        }
    })
    .of(Kind::Explanation)
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
    .of(Kind::Explanation)
    .value(
        "scopes",
        names(),
        "What a machine was given.",
        |p| match &p.known {
            Known::Machine { scopes } => Some(scopes.iter().map(|one| one.name()).collect()),
            Known::Human { .. } => None,
        },
    )
    .of(Kind::Explanation)
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
}

fn row(parts: &mut Parts<'_>) {
    let row = ObjectBuilder::<KnownRow>::new(
        parts.engine,
        "AccessRow",
        "What the policies see of a row, and never more.",
    )
    .of(Kind::Explanation)
    .value(
        "personal",
        TypeRef::named(TypeRef::BOOLEAN),
        "Whether it is of the owner's household; null where rows of its type can not be.",
        |r| r.personal.map(Leaf::from),
    )
    .of(Kind::Explanation)
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
