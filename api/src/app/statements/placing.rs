//! Which account each statement of a file is of.

use std::collections::BTreeSet;

use countersign_domain::{
    books::Account,
    id::AccountId,
    sealed::TextColumn,
    statements::{BalanceCheck, Statement},
};
use countersign_entities::Text;
use countersign_policies::{ReadScope, resource};

use super::{AppError, Fault, FaultCode, File, Mutation};

/// Finds the account of each statement, and locks it.
pub(super) async fn place<'f>(
    mutation: &Mutation<'_>,
    scope: &ReadScope<resource::Account>,
    chosen: Option<AccountId>,
    file: &'f File,
) -> Result<Vec<(Account, &'f Statement, BalanceCheck)>, AppError> {
    let mut placed = Vec::with_capacity(file.statements.len());
    if chosen.is_none() {
        lock_in_order(mutation, scope, file).await?;
    }
    for (statement, check) in &file.statements {
        let account = match (chosen, &statement.account_number) {
            (Some(id), number) => {
                let found = mutation.transaction.lock_account(scope, id).await?;
                let account = found.ok_or_else(|| {
                    Fault::new(
                        FaultCode::NotFound,
                        "accountId",
                        "there is no account with that id",
                    )
                })?;
                same_number(mutation, &account, number.as_deref()).await?;
                account
            }
            (None, Some(number)) => {
                let found = by_number(mutation, scope, number).await?;
                found.ok_or_else(|| {
                    let message = format!("no account has the number `{number}`: create it first");
                    Fault::new(FaultCode::AccountUnknown, "accountId", message)
                })?
            }
            (None, None) => {
                let message = "the file does not say which account it is of: choose one";
                return Err(Fault::new(FaultCode::AccountAmbiguous, "accountId", message).into());
            }
        };
        if account.currency != statement.currency {
            let message = format!(
                "the statement is in {} and the account in {}",
                statement.currency, account.currency
            );
            return Err(Fault::new(FaultCode::CurrencyMismatch, "accountId", message).into());
        }
        placed.push((account, statement, *check));
    }
    Ok(placed)
}

/// A file that names its account is not put on another one.
async fn same_number(
    mutation: &Mutation<'_>,
    account: &Account,
    stated: Option<&str>,
) -> Result<(), AppError> {
    let (Some(own), Some(stated)) = (&account.number, stated) else {
        return Ok(());
    };
    let database = &mutation.services.database;
    match database.open_text(mutation.writer.context(), own).await? {
        Text::Open(own) if own != stated => {
            let message = format!("the file is of account `{stated}`, not of the chosen one");
            Err(Fault::new(FaultCode::AccountUnknown, "accountId", message).into())
        }
        Text::Open(_) | Text::Destroyed => Ok(()),
    }
}

/// Locks the accounts of a file that is of several, before any of them is looked at: another file may have
/// them in another order.
async fn lock_in_order(
    mutation: &Mutation<'_>,
    scope: &ReadScope<resource::Account>,
    file: &File,
) -> Result<(), AppError> {
    let each = file.statements.iter();
    let numbers = each.filter_map(|(statement, _)| statement.account_number.clone());
    let numbers: BTreeSet<String> = numbers.collect();
    if numbers.len() < 2 {
        return Ok(());
    }
    let mut indexes = Vec::with_capacity(numbers.len());
    for number in &numbers {
        indexes.push(index(mutation, number).await?.to_vec());
    }
    let numbers = numbers.into_iter().collect();
    let transaction = &mutation.transaction;
    let locked = transaction.lock_accounts_by_number(scope, numbers, indexes);
    Ok(locked.await?)
}

/// The blind index of an account's number.
async fn index(mutation: &Mutation<'_>, number: &str) -> Result<[u8; 32], AppError> {
    let (database, tenant) = (
        &mutation.services.database,
        mutation.writer.context().tenant(),
    );
    let index = database.blind_index(tenant, TextColumn::AccountNumber, number);
    Ok(index.await?)
}

/// The account of a number, by its blind index.
async fn by_number(
    mutation: &Mutation<'_>,
    scope: &ReadScope<resource::Account>,
    number: &str,
) -> Result<Option<Account>, AppError> {
    let index = index(mutation, number).await?;
    let transaction = &mutation.transaction;
    let found = transaction.lock_account_by_number(scope, number, &index);
    Ok(found.await?)
}
