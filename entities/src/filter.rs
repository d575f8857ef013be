//! What lists are narrowed by: the caller's filter, and the policies' row condition as SQL.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use countersign_domain::{
    audit::Outcome,
    id::{AccountId, CategoryId},
    money::Magnitude,
};
use countersign_policies::{Literal, Predicate};
use rust_decimal::Decimal;
use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait, extension::postgres::PgExpr},
};

use crate::{
    error::StoreError,
    model::{accounts, audit_entries, transactions},
};

/// Money in or money out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Amounts above zero, and zero.
    In,
    /// Amounts below zero.
    Out,
}

/// Which transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// On this account.
    pub account: Option<AccountId>,
    /// In this category.
    pub category: Option<CategoryId>,
    /// Only those without a category.
    pub uncategorized: bool,
    /// Booked on this day or later.
    pub from: Option<NaiveDate>,
    /// Booked on this day or earlier.
    pub to: Option<NaiveDate>,
    /// Of this order of magnitude.
    pub magnitude: Option<Magnitude>,
    /// In or out.
    pub sign: Option<Sign>,
    /// Part of the description or the counterparty, without regard to case.
    pub text: Option<String>,
}

impl TransactionFilter {
    pub(crate) fn condition(&self) -> Condition {
        use transactions::Column;
        let text = self.text.as_deref().map(|text| {
            let pattern = format!("%{}%", escaped(text));
            let like =
                |column: Column| Expr::col((transactions::Entity, column)).ilike(pattern.clone());
            Condition::any()
                .add(like(Column::Description))
                .add(like(Column::Counterparty))
        });
        Condition::all()
            .add_option(self.account.map(|id| Column::AccountId.eq(id.uuid())))
            .add_option(self.category.map(|id| Column::CategoryId.eq(id.uuid())))
            .add_option(self.uncategorized.then(|| Column::CategoryId.is_null()))
            .add_option(self.from.map(|day| Column::BookedOn.gte(day)))
            .add_option(self.to.map(|day| Column::BookedOn.lte(day)))
            .add_option(
                self.magnitude
                    .map(|bucket| Column::Magnitude.eq(bucket.name())),
            )
            .add_option(self.sign.map(|sign| match sign {
                Sign::In => Column::Amount.gte(Decimal::ZERO),
                Sign::Out => Column::Amount.lt(Decimal::ZERO),
            }))
            .add_option(text)
    }
}

/// `%` and `_` are letters like any other in what people search for.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// What nearly all rows of a log have, which are in no index for it: see `audit_entries_by_action` and
/// `audit_entries_by_outcome` in the schema.
const READS: (&str, &str) = ("books.read", "action <> 'books.read'");
const DONE: (&str, &str) = ("DONE", "outcome <> 'DONE'");

/// What is asked for is not what nearly all rows have. It follows from what is asked, and PostgreSQL, which plans
/// before it knows that, uses an index of the other rows only where it is written out.
fn is_rare(asked: Option<&str>, (usual, other): (&str, &'static str)) -> Option<Expr> {
    asked.filter(|asked| *asked != usual)?;
    Some(Expr::cust(other))
}

/// Which rows of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// At this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Of this action: `statement.imported`.
    pub action: Option<String>,
    /// By this actor: `usr_…`, `tok_…`, `mch_…`.
    pub actor: Option<String>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// From this row on.
    pub from_seq: Option<i64>,
    /// Up to this row.
    pub to_seq: Option<i64>,
}

impl AuditFilter {
    /// The conditions as `name=value`, parted by spaces; `all` where there are none.
    pub fn text(&self) -> String {
        let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let conditions = [
            self.from.map(|at| format!("from={}", instant(at))),
            self.to.map(|at| format!("to={}", instant(at))),
            self.action
                .as_ref()
                .map(|action| format!("action={action}")),
            self.actor.as_ref().map(|actor| format!("actor={actor}")),
            self.outcome.map(|o| format!("outcome={}", o.name())),
            self.from_seq.map(|seq| format!("fromSeq={seq}")),
            self.to_seq.map(|seq| format!("toSeq={seq}")),
        ];
        let conditions: Vec<String> = conditions.into_iter().flatten().collect();
        if conditions.is_empty() {
            "all".to_owned()
        } else {
            conditions.join(" ")
        }
    }

    pub(crate) fn condition(&self) -> Condition {
        use audit_entries::Column;
        let outcome = self.outcome.map(Outcome::name);
        Condition::all()
            .add_option(self.from.map(|at| Column::OccurredAt.gte(at)))
            .add_option(self.to.map(|at| Column::OccurredAt.lt(at)))
            .add_option(self.action.as_ref().map(|action| Column::Action.eq(action)))
            .add_option(is_rare(self.action.as_deref(), READS))
            .add_option(self.actor.as_ref().map(|actor| Column::ActorId.eq(actor)))
            .add_option(outcome.map(|outcome| Column::Outcome.eq(outcome)))
            .add_option(is_rare(outcome, DONE))
            .add_option(self.from_seq.map(|seq| Column::Seq.gte(seq)))
            .add_option(self.to_seq.map(|seq| Column::Seq.lte(seq)))
    }
}

/// The columns that the policies' attributes of one resource stand for. An attribute without a
/// column makes the condition an error, never a silent truth.
pub(crate) struct Columns {
    pub(crate) id: Expr,
    pub(crate) tenant: Expr,
    pub(crate) user: Option<Expr>,
    /// The columns of the custodian and of whether it is personal.
    pub(crate) kept: Option<(Expr, Expr)>,
}

impl Columns {
    /// For a resource that policies know by its tenant alone.
    pub(crate) fn plain<C: ColumnTrait>(id: C, tenant: C) -> Self {
        Self {
            id: Expr::col(id.as_column_ref()),
            tenant: Expr::col(tenant.as_column_ref()),
            user: None,
            kept: None,
        }
    }

    /// For a resource that is, or is joined with, an account, which says who is custodian and whether it is
    /// personal.
    pub(crate) fn of_account<C: ColumnTrait>(id: C, tenant: C) -> Self {
        use accounts::Column;
        Self::plain(id, tenant).kept(Column::CustodianId, Column::Personal)
    }

    /// For a resource whose rows say it, in these columns.
    pub(crate) fn kept<C: ColumnTrait>(self, custodian: C, personal: C) -> Self {
        let column = |column: C| Expr::col(column.as_column_ref());
        Self {
            kept: Some((column(custodian), column(personal))),
            ..self
        }
    }

    pub(crate) fn with_user<C: ColumnTrait>(self, user: C) -> Self {
        Self {
            user: Some(Expr::col(user.as_column_ref())),
            ..self
        }
    }

    fn column(&self, attribute: &str) -> Result<Expr, StoreError> {
        let kept = self.kept.as_ref();
        match attribute {
            "" => Some(self.id.clone()),
            "tenant" => Some(self.tenant.clone()),
            "user" => self.user.clone(),
            "custodian" => kept.map(|(custodian, _)| custodian.clone()),
            "personal" => kept.map(|(_, personal)| personal.clone()),
            _ => None,
        }
        .ok_or_else(|| StoreError::Predicate(format!("`{attribute}` has no column")))
    }

    /// The condition as SQL.
    pub(crate) fn condition(&self, predicate: &Predicate) -> Result<Condition, StoreError> {
        Ok(match predicate {
            // Never an empty condition: sea-query leaves it out, and out of an `any` or a `not` that
            // would turn its meaning around.
            Predicate::True => Condition::all().add(Expr::val(true)),
            Predicate::False => Condition::all().add(Expr::val(false)),
            Predicate::And(parts) => self.each(Condition::all().add(Expr::val(true)), parts)?,
            Predicate::Or(parts) => self.each(Condition::any().add(Expr::val(false)), parts)?,
            Predicate::Not(part) => Condition::all().add(self.condition(part)?.not()),
            Predicate::Is(attribute) => Condition::all().add(self.column(attribute)?),
            Predicate::Has(attribute) => {
                Condition::all().add(self.column(attribute)?.is_not_null())
            }
            Predicate::Equals(attribute, literal) => {
                Condition::all().add(self.column(attribute)?.eq(value(literal)))
            }
            Predicate::OneOf(attribute, literals) => {
                let column = self.column(attribute)?;
                Condition::all().add(column.is_in(literals.iter().map(value)))
            }
            Predicate::Less(attribute, bound) => {
                Condition::all().add(self.column(attribute)?.lt(*bound))
            }
            Predicate::LessOrEqual(attribute, bound) => {
                Condition::all().add(self.column(attribute)?.lte(*bound))
            }
            Predicate::Opaque(text) => return Err(StoreError::Predicate(text.clone())),
        })
    }

    fn each(&self, whole: Condition, parts: &[Predicate]) -> Result<Condition, StoreError> {
        parts
            .iter()
            .try_fold(whole, |whole, part| Ok(whole.add(self.condition(part)?)))
    }
}

fn value(literal: &Literal) -> Expr {
    match literal {
        Literal::Bool(value) => Expr::val(*value),
        Literal::Long(value) => Expr::val(*value),
        Literal::Text(value) => Expr::val(value.as_str()),
        Literal::Id(value) => Expr::val(*value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::categories;

    #[test]
    fn attribute_without_a_column_is_an_error_and_never_true() {
        let plain = Columns::plain(categories::Column::Id, categories::Column::TenantId);
        let unknown = Predicate::Is("personal".into());
        for predicate in [
            unknown.clone(),
            Predicate::Opaque("like".into()),
            Predicate::Or(vec![Predicate::True, unknown.clone()]),
            Predicate::And(vec![Predicate::False, unknown.clone()]),
            Predicate::Not(Box::new(unknown.clone())),
            Predicate::Has("colour".into()),
            Predicate::Equals("custodian".into(), Literal::Bool(true)),
        ] {
            assert!(plain.condition(&predicate).is_err(), "{predicate}");
        }
        let of_account = Columns::of_account(categories::Column::Id, categories::Column::TenantId);
        assert!(of_account.condition(&unknown).is_ok());
    }

    #[test]
    fn constants_are_written_out_wherever_they_stand() {
        use sea_orm::{EntityTrait, QueryFilter, QueryTrait};
        let plain = Columns::plain(categories::Column::Id, categories::Column::TenantId);
        let sql = |predicate: &Predicate| {
            let condition = plain.condition(predicate).unwrap();
            let select = categories::Entity::find().filter(condition);
            let sql = select.build(sea_orm::DbBackend::Postgres).to_string();
            let condition = sql
                .split_once(" WHERE ")
                .map(|(_, condition)| condition.to_owned());
            condition.unwrap_or_default()
        };
        let not = |predicate| Predicate::Not(Box::new(predicate));
        for (predicate, expected) in [
            (Predicate::True, "TRUE"),
            (Predicate::False, "FALSE"),
            (Predicate::And(vec![]), "TRUE"),
            (Predicate::Or(vec![]), "FALSE"),
            (not(Predicate::True), "NOT TRUE"),
            (not(Predicate::Or(vec![])), "NOT FALSE"),
            (
                Predicate::Or(vec![not(Predicate::And(vec![]))]),
                "FALSE OR (NOT TRUE)",
            ),
            (
                Predicate::And(vec![Predicate::Or(vec![])]),
                "TRUE AND FALSE",
            ),
        ] {
            assert_eq!(sql(&predicate), expected, "{predicate}");
        }
    }
}
