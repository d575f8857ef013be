//! What is left of the policies when everything but the row is known.

use std::{collections::BTreeSet, fmt};

use smol_str::SmolStr;
use uuid::Uuid;

use crate::row::{Attribute, Row};

/// The placeholder that stands for whoever asks, in decisions that are kept for all of one shape.
/// No UUIDv7 is nil, so it can not be met by accident.
pub const SELF: Uuid = Uuid::nil();

/// A constant in a predicate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// A number.
    Long(i64),
    /// A text.
    Text(SmolStr),
    /// An entity, by its id.
    Id(Uuid),
}

/// A condition on a row. Attributes are by the names of the Cedar schema; the empty name is the
/// row's own id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    /// Always.
    True,
    /// Never.
    False,
    /// All of them.
    And(Vec<Self>),
    /// Any of them.
    Or(Vec<Self>),
    /// Not.
    Not(Box<Self>),
    /// The attribute is true.
    Is(SmolStr),
    /// The attribute is there.
    Has(SmolStr),
    /// The attribute equals the constant.
    Equals(SmolStr, Literal),
    /// The attribute is one of the constants.
    OneOf(SmolStr, BTreeSet<Literal>),
    /// The attribute, a number, is less than the constant.
    Less(SmolStr, i64),
    /// The attribute, a number, is the constant or less.
    LessOrEqual(SmolStr, i64),
    /// A part of a policy that is not understood, in its own words. It never permits.
    Opaque(String),
}

impl Predicate {
    /// All of them, folded.
    pub(crate) fn and(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::True => {}
                Self::False => return Self::False,
                Self::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Self::True,
            1 => kept.pop().unwrap_or(Self::True),
            _ => Self::And(kept),
        }
    }

    /// Any of them, folded.
    pub(crate) fn or(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::False => {}
                Self::True => return Self::True,
                Self::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        kept.sort();
        kept.dedup();
        match kept.len() {
            0 => Self::False,
            1 => kept.pop().unwrap_or(Self::False),
            _ => Self::Or(kept),
        }
    }

    /// The opposite, folded.
    pub(crate) fn negate(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Whether a part of it is not understood.
    pub fn is_opaque(&self) -> bool {
        match self {
            Self::Opaque(_) => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_opaque),
            Self::Not(inner) => inner.is_opaque(),
            Self::True
            | Self::False
            | Self::Is(_)
            | Self::Has(_)
            | Self::Equals(..)
            | Self::OneOf(..)
            | Self::Less(..)
            | Self::LessOrEqual(..) => false,
        }
    }

    /// Whether it speaks of no attribute but these.
    pub fn speaks_only_of(&self, names: &[&str]) -> bool {
        match self {
            Self::True | Self::False => true,
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().all(|part| part.speaks_only_of(names))
            }
            Self::Not(inner) => inner.speaks_only_of(names),
            Self::Is(name)
            | Self::Has(name)
            | Self::Equals(name, _)
            | Self::OneOf(name, _)
            | Self::Less(name, _)
            | Self::LessOrEqual(name, _) => names.contains(&name.as_str()),
            Self::Opaque(_) => false,
        }
    }

    /// Puts whoever asks in the place of [`SELF`].
    pub(crate) fn bind(&self, who: Uuid) -> Self {
        let literal = |literal: &Literal| match literal {
            Literal::Id(SELF) => Literal::Id(who),
            other => other.clone(),
        };
        let each = |parts: &[Self]| parts.iter().map(|part| part.bind(who)).collect();
        match self {
            Self::And(parts) => Self::And(each(parts)),
            Self::Or(parts) => Self::Or(each(parts)),
            Self::Not(inner) => Self::Not(Box::new(inner.bind(who))),
            Self::Equals(name, value) => Self::Equals(name.clone(), literal(value)),
            Self::OneOf(name, values) => {
                Self::OneOf(name.clone(), values.iter().map(literal).collect())
            }
            other => other.clone(),
        }
    }

    /// Whether the row meets it, with `who` in the place of [`SELF`]; `None` where that can not be said, which
    /// never permits.
    pub fn evaluate(&self, row: &dyn Row, who: Uuid) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::And(parts) => {
                for part in parts {
                    if !part.evaluate(row, who)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Self::Or(parts) => {
                for part in parts {
                    if part.evaluate(row, who)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Self::Not(inner) => inner.evaluate(row, who).map(|met| !met),
            Self::Is(name) => match row.attribute(name) {
                Attribute::Bool(value) => Some(value),
                _ => None,
            },
            Self::Has(name) => Some(row.attribute(name) != Attribute::Missing),
            Self::Equals(name, value) => equals(row.attribute(name), value, who),
            Self::OneOf(name, values) => {
                let attribute = row.attribute(name);
                if attribute == Attribute::Missing {
                    return None;
                }
                Some(
                    values
                        .iter()
                        .any(|value| equals(attribute, value, who) == Some(true)),
                )
            }
            Self::Less(name, bound) => long(row.attribute(name)).map(|n| n < *bound),
            Self::LessOrEqual(name, bound) => long(row.attribute(name)).map(|n| n <= *bound),
            Self::Opaque(_) => None,
        }
    }
}

fn equals(attribute: Attribute<'_>, literal: &Literal, who: Uuid) -> Option<bool> {
    match (attribute, literal) {
        (Attribute::Id(a), Literal::Id(SELF)) => Some(a == who),
        (Attribute::Bool(a), Literal::Bool(b)) => Some(a == *b),
        (Attribute::Long(a), Literal::Long(b)) => Some(a == *b),
        (Attribute::Text(a), Literal::Text(b)) => Some(a == b.as_str()),
        (Attribute::Id(a), Literal::Id(b)) => Some(a == *b),
        // The schema rules out other pairs, so the row is at fault.
        _ => None,
    }
}

fn long(attribute: Attribute<'_>) -> Option<i64> {
    match attribute {
        Attribute::Long(n) => Some(n),
        _ => None,
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            f.write_str("(")?;
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                part.fmt(f)?;
            }
            f.write_str(")")
        };
        match self {
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::And(parts) => list(f, parts, "and"),
            Self::Or(parts) => list(f, parts, "or"),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Is(name) => write!(f, "{name}"),
            Self::Has(name) => write!(f, "has {name}"),
            Self::Equals(name, value) => write!(f, "{name} = {value}"),
            Self::OneOf(name, values) => {
                write!(f, "{name} in [")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Less(name, bound) => write!(f, "{name} < {bound}"),
            Self::LessOrEqual(name, bound) => write!(f, "{name} <= {bound}"),
            Self::Opaque(text) => write!(f, "opaque `{text}`"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Long(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Id(id) if *id == SELF => f.write_str("self"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}
