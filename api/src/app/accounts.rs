//! Accounts: `createAccount`, `account.created`, `accounts:create`.

use countersign_domain::{
    audit::{Facts, Payload},
    books::Account,
    id::{AccountId, MemberId, UserId},
    money::Currency,
    sealed::TextColumn,
};
use countersign_entities::{NewAccount, NewAccountNumber};
use countersign_policies::{
    resource,
    row::{KeptRow, TenantRow},
};

use super::{AppError, Fault, FaultCode, Mutation, Services, Writer, attempt, constraint, name};

/// The longest name of an account, in characters.
pub const NAME_MAX: usize = 80;

/// The input of [`create`], as the caller gave it.
#[derive(Debug, Clone)]
pub struct CreateAccount {
    /// What to call it.
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// IBAN or the bank's own number; spaces do not count.
    pub number: Option<String>,
    /// The member who has it in their care.
    pub custodian: Option<MemberId>,
    /// Whether it is a personal account of the owner's household.
    pub personal: bool,
}

/// Enters an account into the books.
pub async fn create(
    services: &Services,
    writer: &Writer,
    input: CreateAccount,
) -> Result<Account, AppError> {
    let mutation = Mutation::begin(services, writer, "createAccount").await?;
    let parsed = attempt!(mutation, vec![], parse(&input));
    let custodian = custodian(&mutation, input.custodian).await;
    let custodian = attempt!(mutation, vec![], custodian);
    let id = AccountId::new(services.database.ids().uuid());
    // Of the account that is to be: nobody makes what they may not touch.
    let permit = mutation.permit(&KeptRow {
        tenant: writer.context().tenant(),
        id: id.uuid(),
        custodian,
        personal: input.personal,
    });
    let permit = attempt!(mutation, vec![], permit);
    let number = match parsed.number.as_deref() {
        Some(number) => Some(attempt!(
            mutation,
            vec![],
            seal_number(&mutation, id, number).await
        )),
        None => None,
    };
    let new = NewAccount {
        id,
        name: parsed.name,
        currency: parsed.currency,
        number,
        custodian,
        personal: input.personal,
    };
    let inserted = mutation.transaction.insert_account(&permit, &new).await;
    let account = attempt!(
        mutation,
        vec![],
        inserted.map_err(|error| constraint(error, unusable_number))
    );
    let after = Facts::new()
        .currency("currency", account.currency)
        .flag("personal", account.personal)
        .flag("hasNumber", account.number.is_some())
        .id("custodian", account.custodian);
    let payload = Payload::created(after);
    mutation
        .finish(permit, vec![account.id.into()], payload)
        .await?;
    Ok(account)
}

/// The user behind the member who is to have the account in their care.
async fn custodian(
    mutation: &Mutation<'_>,
    member: Option<MemberId>,
) -> Result<Option<UserId>, AppError> {
    let Some(member) = member else {
        return Ok(None);
    };
    let (services, actor) = (mutation.services, mutation.writer.context().actor());
    let scope = services.engine.read_scope::<resource::Member>(actor)?;
    let members = mutation
        .transaction
        .members_by_id(&scope, &[member])
        .await?;
    let unknown = || {
        Fault::new(
            FaultCode::NotFound,
            "custodianId",
            "there is no member with that id",
        )
    };
    let found = members.first().map(|member| member.user);
    Ok(Some(found.ok_or_else(unknown)?))
}

/// Seals a number for its account, unless an account is known to have it. One that is not sealed yet can not
/// be held against it by its index.
async fn seal_number(
    mutation: &Mutation<'_>,
    id: AccountId,
    number: &str,
) -> Result<NewAccountNumber, AppError> {
    let database = &mutation.services.database;
    let tenant = mutation.writer.context().tenant();
    let column = TextColumn::AccountNumber;
    let index = database.blind_index(tenant, column, number).await?;
    if is_taken_by_readable(mutation, number, &index).await? {
        let message = "another account has that number";
        return Err(Fault::new(FaultCode::Taken, "number", message).into());
    }
    if mutation.transaction.has_account_number(number).await? {
        return Err(unusable_number().into());
    }
    let sealed = database.seal_text(tenant, column, id.uuid(), number);
    Ok(NewAccountNumber {
        sealed: sealed.await?,
        index,
    })
}

/// Whether an account has that number of which the caller may read it: to nobody else it is told what is
/// wrong with the number.
async fn is_taken_by_readable(
    mutation: &Mutation<'_>,
    number: &str,
    index: &[u8; 32],
) -> Result<bool, AppError> {
    let (engine, actor) = (&mutation.services.engine, mutation.writer.context().actor());
    let Ok(scope) = engine.read_scope::<resource::Account>(actor) else {
        return Ok(false);
    };
    let found = mutation
        .transaction
        .lock_account_by_number(&scope, number, index);
    Ok(found.await?.is_some_and(|row| reads_number(mutation, &row)))
}

/// Whether the caller may read the number of that account.
pub(super) fn reads_number(mutation: &Mutation<'_>, account: &Account) -> bool {
    let (engine, context) = (&mutation.services.engine, mutation.writer.context());
    let row = TenantRow {
        tenant: context.tenant(),
        row: account,
    };
    let reads = engine.action("Account.number");
    reads.is_some_and(|reads| engine.permit(context.actor(), reads, &row).is_ok())
}

/// One answer for a number that is none and for one that the caller may not know of.
fn unusable_number() -> Fault {
    let message = "that number can not be used: give one of 1 to 40 letters and digits that no account of the \
                   tenant has";
    Fault::new(FaultCode::Invalid, "number", message)
}

struct Parsed {
    name: String,
    currency: Currency,
    number: Option<String>,
}

fn parse(input: &CreateAccount) -> Result<Parsed, AppError> {
    let mut faults = Vec::new();
    let name = name(&input.name, NAME_MAX, "name").map_err(|fault| faults.push(fault));
    let currency = input.currency.parse().map_err(|_| {
        faults.push(Fault::new(
            FaultCode::Invalid,
            "currency",
            "give a currency by its ISO 4217 code, such as EUR",
        ));
    });
    let number = input
        .number
        .as_deref()
        .map(account_number)
        .transpose()
        .map_err(|fault| {
            faults.push(fault);
        });
    match (name, currency, number) {
        (Ok(name), Ok(currency), Ok(number)) => Ok(Parsed {
            name,
            currency,
            number,
        }),
        _ => Err(AppError::Faults(faults)),
    }
}

/// An account number without spaces, in capitals. Whatever starts like an IBAN must be one.
fn account_number(text: &str) -> Result<String, Fault> {
    let number: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let number = number.to_ascii_uppercase();
    let plain = number
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.'));
    if number.is_empty() || number.len() > 40 || !plain {
        return Err(unusable_number());
    }
    Ok(number)
}
