//! Accounts, transactions and categories, as stores return them and use cases pass them on.

use chrono::{DateTime, NaiveDate, Utc};

use crate::{
    id::{AccountId, CategoryId, StatementId, TransactionId, UserId},
    money::{Currency, Money},
    sealed::StoredText,
};

/// A bank account in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Identifier.
    pub id: AccountId,
    /// What the tenant calls it.
    pub name: String,
    /// The currency that it is kept in.
    pub currency: Currency,
    /// IBAN or the bank's own number, without spaces. Personal data.
    pub number: Option<StoredText>,
    /// The member who has the account or its card in their care.
    pub custodian: Option<UserId>,
    /// A personal account of the owner's household, hidden from the company's people.
    pub personal: bool,
    /// The closing balance of the newest statement, and its date.
    pub balance: Option<(Money, NaiveDate)>,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
}

/// How policies see what is of all of these accounts at once, each with its custodian and whether it is personal:
/// personal where any is, and in somebody's care where each is in theirs. Of no account at all nothing is known,
/// and it is the household's.
pub fn kept_together(
    accounts: impl Iterator<Item = (Option<UserId>, bool)>,
) -> (Option<UserId>, bool) {
    let both = |(one, personal): (Option<UserId>, bool), (other, is_personal)| {
        (one.filter(|_| one == other), personal || is_personal)
    };
    accounts.reduce(both).unwrap_or((None, true))
}

/// A booked movement of money on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Identifier.
    pub id: TransactionId,
    /// The account it stands on.
    pub account: AccountId,
    /// The statement it came with.
    pub statement: StatementId,
    /// Where it is sorted, if it is.
    pub category: Option<CategoryId>,
    /// The day the bank booked it.
    pub booked_on: NaiveDate,
    /// The day it counts for interest, if the bank says.
    pub value_on: Option<NaiveDate>,
    /// The exact amount: positive in, negative out.
    pub amount: Money,
    /// The other party, if known. Personal data.
    pub counterparty: Option<String>,
    /// Remittance information, as the bank sent it. Personal data.
    pub description: String,
    /// The bank's reference, if any.
    pub reference: Option<String>,
    /// The custodian of the account, for decisions by row.
    pub custodian: Option<UserId>,
    /// Whether the account is personal, for decisions by row.
    pub personal: bool,
}

/// A category that transactions are sorted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Identifier.
    pub id: CategoryId,
    /// Its name, unique in the tenant without regard to case.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_of_several_accounts_is_as_the_strictest_of_them() {
        let [one, other] = [1, 2].map(|n| Some(UserId::new(Uuid::from_u128(n))));
        let kept = |accounts: &[(Option<UserId>, bool)]| kept_together(accounts.iter().copied());
        assert_eq!(kept(&[(one, false)]), (one, false));
        assert_eq!(kept(&[(one, false), (one, true)]), (one, true));
        assert_eq!(kept(&[(one, true), (other, false)]), (None, true));
        assert_eq!(kept(&[(None, false), (one, false)]), (None, false));
        assert_eq!(
            kept(&[(one, false), (None, false), (one, false)]),
            (None, false)
        );
        assert_eq!(kept(&[]), (None, true));
    }
}
