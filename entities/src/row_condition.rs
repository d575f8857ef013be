//! The policies' row conditions as the SQL that lists ask by, for whoever wants to know.

use countersign_policies::{Predicate, Resource, SELF, resource};
use sea_orm::{DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait};

use crate::{error::StoreError, store::Stored};

/// What stands for whoever asks.
const PRINCIPAL: &str = ":principal";

/// The condition on rows of a resource, by its name without a namespace: `Transaction`. [`SELF`] is
/// written `:principal`. `None` where the resource has no rows that are listed.
pub fn row_condition_sql(
    resource: &str,
    predicate: &Predicate,
) -> Result<Option<String>, StoreError> {
    macro_rules! of {
        ($($name:ident),*) => {
            match resource {
                $(<resource::$name as Resource>::NAME => of_stored::<resource::$name>(predicate).map(Some),)*
                _ => Ok(None),
            }
        };
    }
    of!(
        Account,
        ApiToken,
        AuditEntry,
        Category,
        CustomRole,
        Import,
        Member,
        Statement,
        Transaction
    )
}

fn of_stored<R: Stored>(predicate: &Predicate) -> Result<String, StoreError> {
    let condition = R::columns().condition(predicate)?;
    let select = R::Table::find().select_only().filter(condition);
    let sql = select.build(DbBackend::Postgres).to_string();
    let condition = sql.split_once(" WHERE ").map(|(_, condition)| condition);
    let condition = condition.unwrap_or_default().replace('"', "");
    Ok(condition.replace(&format!("'{SELF}'"), PRINCIPAL))
}

#[cfg(test)]
mod tests {
    use countersign_policies::Literal;

    use super::*;

    #[test]
    fn whoever_asks_is_named_by_no_id() {
        let own = Predicate::Equals("custodian".into(), Literal::Id(SELF));
        let open = Predicate::Not(Box::new(Predicate::Is("personal".into())));
        let either = Predicate::Or(vec![own, open]);
        for name in ["Account", "Transaction", "Statement"] {
            let sql = row_condition_sql(name, &either).unwrap().unwrap();
            assert!(sql.contains("custodian_id = :principal"), "{sql}");
            assert!(sql.contains("NOT ") && sql.contains("personal"), "{sql}");
            assert!(
                !sql.contains('"') && !sql.contains(&SELF.to_string()),
                "{sql}"
            );
        }
    }

    #[test]
    fn what_a_resource_has_no_column_for_is_an_error() {
        let personal = Predicate::Is("personal".into());
        assert!(row_condition_sql("Category", &personal).is_err());
        assert_eq!(row_condition_sql("Books", &personal).unwrap(), None);
    }
}
