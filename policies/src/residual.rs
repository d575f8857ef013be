//! From Cedar's residual policies to a [`Predicate`], by way of the public syntax tree.

use std::collections::BTreeSet;

use cedar_policy::{
    Policy,
    pst::{BinaryOp, Clause, Expr, Literal as PstLiteral, UnaryOp, Var},
};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::predicate::{Literal, Predicate};

/// What is known of every row that the predicate will meet: it is of this tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) tenant: Uuid,
}

/// The condition under which a residual policy is satisfied.
pub(crate) fn condition(policy: &Policy, facts: Facts) -> Predicate {
    match policy.to_pst() {
        Ok(pst) => Predicate::and(pst.body().clauses().iter().map(|clause| match clause {
            Clause::When(expression) => convert(expression, facts),
            Clause::Unless(expression) => convert(expression, facts).negate(),
        })),
        Err(error) => Predicate::Opaque(error.to_string()),
    }
}

enum Term {
    Attribute(SmolStr),
    Literal(Literal),
}

fn convert(expression: &Expr, facts: Facts) -> Predicate {
    let converted = match expression {
        Expr::Literal(PstLiteral::Bool(true)) => Some(Predicate::True),
        Expr::Literal(PstLiteral::Bool(false)) => Some(Predicate::False),
        Expr::BinaryOp {
            op: BinaryOp::And,
            left,
            right,
        } => Some(Predicate::and([
            convert(left, facts),
            convert(right, facts),
        ])),
        Expr::BinaryOp {
            op: BinaryOp::Or,
            left,
            right,
        } => Some(Predicate::or([convert(left, facts), convert(right, facts)])),
        Expr::UnaryOp {
            op: UnaryOp::Not,
            expr,
        } => Some(convert(expr, facts).negate()),
        Expr::BinaryOp { op, left, right } => compare(*op, left, right, facts),
        Expr::HasAttr { expr, attrs } => match (attribute(expr), attrs.first(), attrs.len()) {
            (Some(path), name, 1) if path.is_empty() => Some(if name == "tenant" {
                Predicate::True
            } else {
                Predicate::Has(name.clone())
            }),
            _ => None,
        },
        Expr::GetAttr { .. } => attribute(expression).map(Predicate::Is),
        _ => None,
    };
    converted
        .unwrap_or_else(|| Predicate::Opaque(format!("{expression:?}").chars().take(120).collect()))
}

fn compare(op: BinaryOp, left: &Expr, right: &Expr, facts: Facts) -> Option<Predicate> {
    match op {
        BinaryOp::Eq => equal(term(left, facts)?, term(right, facts)?),
        BinaryOp::NotEq => equal(term(left, facts)?, term(right, facts)?).map(Predicate::negate),
        BinaryOp::Less => less(term(left, facts)?, term(right, facts)?),
        BinaryOp::LessEq => less(term(right, facts)?, term(left, facts)?).map(Predicate::negate),
        BinaryOp::Greater => less(term(right, facts)?, term(left, facts)?),
        BinaryOp::GreaterEq => less(term(left, facts)?, term(right, facts)?).map(Predicate::negate),
        BinaryOp::Contains => Some(one_of(term(right, facts)?, literals(left)?)),
        _ => None,
    }
}

fn equal(left: Term, right: Term) -> Option<Predicate> {
    match (left, right) {
        (Term::Literal(a), Term::Literal(b)) => Some(if a == b {
            Predicate::True
        } else {
            Predicate::False
        }),
        (Term::Attribute(name), Term::Literal(value))
        | (Term::Literal(value), Term::Attribute(name)) => Some(Predicate::Equals(name, value)),
        (Term::Attribute(_), Term::Attribute(_)) => None,
    }
}

fn less(left: Term, right: Term) -> Option<Predicate> {
    match (left, right) {
        (Term::Literal(Literal::Long(a)), Term::Literal(Literal::Long(b))) => Some(if a < b {
            Predicate::True
        } else {
            Predicate::False
        }),
        (Term::Attribute(name), Term::Literal(Literal::Long(bound))) => {
            Some(Predicate::Less(name, bound))
        }
        (Term::Literal(Literal::Long(bound)), Term::Attribute(name)) => {
            Some(Predicate::LessOrEqual(name, bound).negate())
        }
        _ => None,
    }
}

fn one_of(term: Term, set: BTreeSet<Literal>) -> Predicate {
    match term {
        Term::Literal(value) if set.contains(&value) => Predicate::True,
        Term::Literal(_) => Predicate::False,
        Term::Attribute(_) if set.is_empty() => Predicate::False,
        Term::Attribute(name) => Predicate::OneOf(name, set),
    }
}

fn term(expression: &Expr, facts: Facts) -> Option<Term> {
    if let Expr::Literal(value) = expression {
        return literal(value).map(Term::Literal);
    }
    let name = attribute(expression)?;
    Some(if name == "tenant" {
        Term::Literal(Literal::Id(facts.tenant))
    } else {
        Term::Attribute(name)
    })
}

/// The name of an attribute of the resource; empty for the resource itself.
fn attribute(expression: &Expr) -> Option<SmolStr> {
    match expression {
        Expr::Var(Var::Resource) => Some(SmolStr::default()),
        Expr::GetAttr { expr, attr } => attribute(expr)
            .filter(SmolStr::is_empty)
            .map(|_| attr.clone()),
        _ => None,
    }
}

fn literals(expression: &Expr) -> Option<BTreeSet<Literal>> {
    match expression {
        Expr::Set(members) => members
            .iter()
            .map(|member| match &**member {
                Expr::Literal(value) => literal(value),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn literal(value: &PstLiteral) -> Option<Literal> {
    match value {
        PstLiteral::Bool(value) => Some(Literal::Bool(*value)),
        PstLiteral::Long(value) => Some(Literal::Long(*value)),
        PstLiteral::String(value) => Some(Literal::Text(value.clone())),
        // Every entity that a row can point to has a UUID. The others are enum entities, which only
        // the principal meets, and it is known.
        PstLiteral::EntityUID(uid) => Uuid::try_parse(&uid.eid).ok().map(Literal::Id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        predicate::SELF,
        row::{Attribute, Row},
    };

    const TENANT: Uuid = Uuid::from_u128(1);

    /// A row with one number, one flag and no custodian.
    struct Sample;

    impl Row for Sample {
        fn attribute(&self, name: &str) -> Attribute<'_> {
            match name {
                "size" => Attribute::Long(5),
                "personal" => Attribute::Bool(true),
                "state" => Attribute::Text("open"),
                _ => Attribute::Missing,
            }
        }
    }

    fn of(text: &str) -> Predicate {
        let policy = format!("permit (principal, action, resource) when {{ {text} }};");
        condition(
            &Policy::parse(None, policy).unwrap(),
            Facts { tenant: TENANT },
        )
    }

    #[test]
    fn comparisons_keep_their_meaning() {
        for (text, truth) in [
            ("resource.size < 6", true),
            ("resource.size < 5", false),
            ("resource.size <= 5", true),
            ("resource.size <= 4", false),
            ("resource.size > 4", true),
            ("resource.size > 5", false),
            ("resource.size >= 5", true),
            ("resource.size >= 6", false),
            ("6 > resource.size", true),
            ("resource.size == 5 && resource.state == \"open\"", true),
            ("resource.size != 5", false),
            ("resource.state != \"shut\"", true),
            ("[\"open\", \"shut\"].contains(resource.state)", true),
            ("[\"shut\"].contains(resource.state)", false),
            ("!(resource.personal) || resource.size == 5", true),
            (
                "resource has custodian && resource.custodian == resource",
                false,
            ),
            ("resource has personal && resource.personal", true),
        ] {
            let predicate = of(text);
            if text.contains("custodian ==") {
                // Two attributes of a row are not compared: not understood, so it never permits.
                assert!(predicate.is_opaque(), "{text}");
            } else {
                assert_eq!(
                    predicate.evaluate(&Sample, SELF),
                    Some(truth),
                    "{text}: {predicate}"
                );
            }
        }
    }

    #[test]
    fn tenant_of_the_row_is_taken_for_granted() {
        let own = format!("resource.tenant == Countersign::Tenant::\"{TENANT}\"");
        assert_eq!(of(&own), Predicate::True);
        assert_eq!(of(&format!("!({own})")), Predicate::False);
    }

    #[test]
    fn what_is_not_understood_says_so() {
        for text in [
            "resource.size + 1 == 6",
            "resource.state like \"o*\"",
            "resource.tags.isEmpty()",
            "resource.custodian.tenant == resource.tenant",
            "if resource.personal then true else false",
            "resource.custodian in Countersign::Role::\"worker\"",
        ] {
            assert!(of(text).is_opaque(), "{text}");
            assert_eq!(of(text).evaluate(&Sample, SELF), None, "{text}");
            assert!(of(&format!("!({text})")).is_opaque(), "{text}");
        }
    }

    #[test]
    fn missing_attribute_is_neither_true_nor_false() {
        let mine = format!("resource.custodian == Countersign::Human::\"{TENANT}\"");
        assert_eq!(of(&mine).evaluate(&Sample, SELF), None);
        assert_eq!(of(&format!("!({mine})")).evaluate(&Sample, SELF), None);
        assert_eq!(
            of(&format!("resource has custodian && {mine}")).evaluate(&Sample, SELF),
            Some(false)
        );
    }
}
