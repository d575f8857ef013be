//! Which account each statement of a file is of.

use std::collections::BTreeSet;

use countersign_domain::{
    books::Account,
    id::AccountId,
    sealed::TextColumn,
    statements::{BalanceCheck, Statement},
};
use countersign_entities::Text;
use countersign_policies::{Permit, ReadScope, resource, row::TenantRow};

use super::{super::accounts::reads_number, AppError, Fault, FaultCode, File, Mutation};

/// A statement, and the account that it is of.
pub(super) type Placed<'f> = (Account, &'f Statement, BalanceCheck);

/// Finds the account of each statement, and locks it, with the permit to import into every one of them. To who may
/// not read the number of an account nothing tells whether it is the one that the file names.
pub(super) async fn place<'f>(
    mutation: &Mutation<'_>,
    scope: &ReadScope<resource::Account>,
    chosen: Option<AccountId>,
    file: &'f File,
) -> Result<(Vec<Placed<'f>>, Permit), AppError> {
    let mut placed = Vec::with_capacity(file.statements.len());
    let mut permit = None;
    if chosen.is_none() {
        lock_in_order(mutation, scope, file).await?;
    }
    for (statement, check) in &file.statements {
        let number = statement.account_number.as_deref();
        let account = match (chosen, number) {
            (Some(id), _) => {
                let found = mutation.transaction.lock_account(scope, id).await?;
                found.ok_or_else(|| {
                    Fault::new(
                        FaultCode::NotFound,
                        "accountId",
                        "there is no account with that id",
                    )
                })?
            }
            (None, Some(number)) => {
                let found = by_number(mutation, scope, number).await?;
                found.ok_or_else(|| unknown(number))?
            }
            (None, None) => {
                let message = "the file does not say which account it is of: choose one";
                return Err(Fault::new(FaultCode::AccountAmbiguous, "accountId", message).into());
            }
        };
        let hidden = number.filter(|_| !reads_number(mutation, &account));
        let taken = take(mutation, chosen, &account, statement).await;
        permit = Some(taken.map_err(|error| match (error, hidden) {
            (AppError::Faults(_), Some(_)) if chosen.is_some() => unfit().into(),
            (AppError::Faults(_) | AppError::Refused(_), Some(number)) if chosen.is_none() => {
                unknown(number).into()
            }
            (error, _) => error,
        })?);
        placed.push((account, statement, *check));
    }
    let permit = permit.ok_or_else(|| {
        let message = "the file has no statement";
        Fault::new(FaultCode::StatementBroken, "content", message)
    })?;
    Ok((placed, permit))
}

/// The permit to import a statement into an account that it is of.
async fn take(
    mutation: &Mutation<'_>,
    chosen: Option<AccountId>,
    account: &Account,
    statement: &Statement,
) -> Result<Permit, AppError> {
    let tenant = mutation.writer.context().tenant();
    let permit = mutation.permit(&TenantRow {
        tenant,
        row: account,
    })?;
    if chosen.is_some() {
        same_number(mutation, account, statement.account_number.as_deref()).await?;
    }
    if account.currency != statement.currency {
        let message = format!(
            "the statement is in {} and the account in {}",
            statement.currency, account.currency
        );
        return Err(Fault::new(FaultCode::CurrencyMismatch, "accountId", message).into());
    }
    Ok(permit)
}

fn unknown(number: &str) -> Fault {
    let message = format!("no account has the number `{number}`: create it first");
    Fault::new(FaultCode::AccountUnknown, "accountId", message)
}

/// One answer for another number and for another currency.
fn unfit() -> Fault {
    let message =
        "the file does not fit the chosen account: its number or its currency is another one";
    Fault::new(FaultCode::AccountUnknown, "accountId", message)
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
