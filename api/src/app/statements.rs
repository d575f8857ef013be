//! Statements: `importStatement`, `statement.imported`, `statements:import`.

mod places;
mod placing;

use std::collections::HashMap;

use chrono::NaiveDate;
use countersign_domain::{
    audit::{Facts, Payload},
    books::kept_together,
    id::{AccountId, AnyId, ImportId, StatementId, TenantId, TransactionId},
    sealed::TextColumn,
    statements::{
        self, BalanceCheck, CsvMapping, Entry, Format, Statement as Parsed, StatementError,
    },
};
use countersign_entities::{Import, NewImport, NewStatement, NewTransaction, Statement};
use countersign_policies::{Permit, resource, row::KeptRow};
use sha2::{Digest, Sha256};

pub use self::places::ImportPlaces;
use self::placing::Placed;
use super::{
    AppError, Fault, FaultCode, Mutation, Services, Writer, attempt,
    import_progress::{ImportProgress, ImportStage, ImportTelling},
};

/// The longest name of a file, in characters.
pub const FILE_NAME_MAX: usize = 200;

/// The input of [`import`], as the caller gave it.
#[derive(Debug)]
pub struct ImportStatement {
    /// The name of the file, as people know it.
    pub file_name: String,
    /// The file.
    pub content: Vec<u8>,
    /// The account that it belongs to, where the file does not say.
    pub account: Option<AccountId>,
    /// How columns are read, for CSV.
    pub csv: Option<CsvMapping>,
}

/// What an import did.
#[derive(Debug)]
pub struct Imported {
    /// The import, new or of before.
    pub import: Import,
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Whether this very file was imported before; nothing was changed then.
    pub already: bool,
}

/// A file that was read and checked, before any account is known.
struct File {
    name: String,
    sha256: [u8; 32],
    bytes: usize,
    format: Format,
    statements: Vec<(Parsed, BalanceCheck)>,
}

/// Imports a file, all or nothing.
pub async fn import(
    services: &Services,
    writer: &Writer,
    input: ImportStatement,
) -> Result<Imported, AppError> {
    let account = input.account;
    let mut telling = services.imports.begin(ImportProgress {
        tenant: writer.context().tenant(),
        request: writer.context().request(),
        file_name: input.file_name.chars().take(FILE_NAME_MAX).collect(),
        stage: ImportStage::Reading,
        transaction_count: None,
        written_count: 0,
        import: None,
        // Whose accounts the file is of is known when it was read: until then it is told to whom it would be
        // if it were of the household, and to the person who imports.
        custodian: writer.context().actor().human().map(|human| human.user),
        personal: true,
    });
    // Eight megabytes take a while to parse: not on a thread that serves others, nor in a transaction.
    writer.close().await?;
    let place = services.import_places.take(writer.context().tenant());
    let place = place.await.ok_or(AppError::Busy)?;
    // The place goes with the work, which goes on where the caller hangs up.
    let read = tokio::task::spawn_blocking(move || (read(&input), place)).await;
    let mutation = Mutation::begin(services, writer, "importStatement").await?;
    let (file, _place) = read.map_or_else(
        |_| (Err(unreadable()), None),
        |(file, place)| (file, Some(place)),
    );
    let file = attempt!(mutation, vec![], file);

    let actor = writer.context().actor();
    let imports = services.engine.read_scope::<resource::Import>(actor);
    let imports = attempt!(mutation, vec![], imports);
    let before = mutation
        .transaction
        .import_by_sha256(&imports, &file.sha256)
        .await;
    if let Some(import) = attempt!(mutation, vec![], before) {
        return again(mutation, import, telling).await;
    }

    let scope = services.engine.read_scope::<resource::Account>(actor);
    let scope = attempt!(mutation, vec![], scope);
    let placed = placing::place(&mutation, &scope, account, &file).await;
    let (placed, permit) = attempt!(mutation, vec![], placed);
    let kept = placed
        .iter()
        .map(|(account, ..)| (account.custodian, account.personal));
    let (custodian, personal) = kept_together(kept);
    telling.goes_to(custodian, personal);
    let new = new_import(services, writer.context().tenant(), &file, placed).await;
    let new = attempt!(mutation, vec![], new);
    telling.writes(new.transaction_count());
    let imported = commit(mutation, permit, &new, &mut telling).await?;
    telling.done(imported.import.id);
    Ok(imported)
}

fn unreadable() -> Fault {
    let message = "the file can not be read";
    Fault::new(FaultCode::StatementBroken, "content", message)
}

/// The file was imported before, as the caller may know: nothing is changed.
async fn again(
    mutation: Mutation<'_>,
    import: Import,
    mut telling: ImportTelling,
) -> Result<Imported, AppError> {
    telling.goes_to(import.custodian, import.personal);
    let permit = mutation.permit(&KeptRow {
        tenant: mutation.writer.context().tenant(),
        id: import.id.uuid(),
        custodian: import.custodian,
        personal: import.personal,
    });
    let permit = attempt!(mutation, vec![], permit);
    let actor = mutation.writer.context().actor();
    let scope = mutation
        .services
        .engine
        .read_scope::<resource::Statement>(actor);
    let scope = attempt!(mutation, vec![], scope);
    let statements = mutation.transaction.statements_by_import(&scope, import.id);
    let statements = attempt!(mutation, vec![], statements.await);
    let facts = Facts::new().flag("alreadyImported", true);
    let targets = vec![import.id.into()];
    mutation.finish(permit, targets, facts.into()).await?;
    telling.done(import.id);
    Ok(Imported {
        import,
        statements,
        already: true,
    })
}

async fn commit(
    mutation: Mutation<'_>,
    permit: Permit,
    new: &NewImport,
    telling: &mut ImportTelling,
) -> Result<Imported, AppError> {
    let wrote = |transactions| telling.wrote(transactions);
    let inserted = mutation
        .transaction
        .insert_import(&permit, new, wrote)
        .await;
    let inserted = inserted.map_err(|error| {
        super::constraint(error, || {
            Fault::new(
                FaultCode::AlreadyDone,
                "content",
                "the file was imported a moment ago",
            )
        })
    });
    let (import, statements) = attempt!(mutation, vec![], inserted);
    let mut targets = vec![import.id.into()];
    targets.extend(statements.iter().map(|statement| AnyId::from(statement.id)));
    let payload = Payload::created(recorded(&import, &statements));
    mutation.finish(permit, targets, payload).await?;
    Ok(Imported {
        import,
        statements,
        already: false,
    })
}

/// What the audit log keeps of an import: neither the name of the file nor what it says. Nor its hash, by which
/// those who read the log and not the import could confirm what it says: the import has it.
fn recorded(import: &Import, statements: &[Statement]) -> Facts {
    Facts::new()
        .word("format", import.format.name())
        .count("statements", import.statement_count.into())
        .count("imported", import.added_count.into())
        .count("duplicates", import.duplicate_count.into())
        .words(
            "balanceChecks",
            statements.iter().map(|s| s.balance_check.name()),
        )
}

/// Parses and checks the file. Pure work on bytes.
fn read(input: &ImportStatement) -> Result<File, Fault> {
    let name = super::name(&input.file_name, FILE_NAME_MAX, "fileName")?;
    if input.content.len() > statements::BYTES_MAX {
        let limit = statements::BYTES_MAX / 1024 / 1024;
        let message = format!("the file is larger than {limit} MiB: split it by month");
        return Err(Fault::new(FaultCode::TooLarge, "content", message));
    }
    let broken = |error: StatementError| {
        Fault::new(FaultCode::StatementBroken, "content", error.to_string())
    };
    let (format, parsed) = statements::parse(&input.content, input.csv.as_ref()).map_err(broken)?;
    let unbalanced = |error: StatementError| {
        Fault::new(FaultCode::StatementUnbalanced, "content", error.to_string())
    };
    let checked = parsed.into_iter().map(|statement| {
        statements::check_balance(&statement)
            .map(|check| (statement, check))
            .map_err(unbalanced)
    });
    Ok(File {
        name,
        sha256: Sha256::digest(&input.content).into(),
        bytes: input.content.len(),
        format,
        statements: checked.collect::<Result<_, _>>()?,
    })
}

async fn new_import(
    services: &Services,
    tenant: TenantId,
    file: &File,
    placed: Vec<Placed<'_>>,
) -> Result<NewImport, AppError> {
    let (database, ids) = (&services.database, services.database.ids());
    // Counts equal entries over the whole file, so that two equal card payments are both kept and
    // an overlapping file adds neither again.
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    let mut statements = Vec::with_capacity(placed.len());
    for (account, parsed, check) in placed {
        let id = StatementId::new(ids.uuid());
        let transactions = parsed.entries.iter().map(|entry| NewTransaction {
            id: TransactionId::new(ids.uuid()),
            fingerprint: occurrence(account.id, entry, &mut seen),
            entry: entry.clone(),
        });
        let transactions = transactions.collect();
        let (period_start, period_end) = period(parsed);
        let column = TextColumn::StatementReference;
        let reference = match &parsed.reference {
            Some(text) => Some(database.seal_text(tenant, column, id.uuid(), text).await?),
            None => None,
        };
        statements.push(NewStatement {
            id,
            account: account.id,
            reference,
            currency: parsed.currency,
            period_start,
            period_end,
            opening: parsed.opening,
            closing: parsed.closing,
            balance_check: check,
            transactions,
        });
    }
    let id = ImportId::new(ids.uuid());
    let column = TextColumn::ImportFileName;
    let file_name = database
        .seal_text(tenant, column, id.uuid(), &file.name)
        .await?;
    Ok(NewImport {
        id,
        file_name,
        format: file.format,
        sha256: file.sha256,
        byte_count: u32::try_from(file.bytes).unwrap_or(u32::MAX),
        statements,
    })
}

fn occurrence(account: AccountId, entry: &Entry, seen: &mut HashMap<[u8; 32], u32>) -> [u8; 32] {
    let nth = seen
        .entry(statements::fingerprint(account, entry, 0))
        .or_default();
    let fingerprint = statements::fingerprint(account, entry, *nth);
    *nth = nth.saturating_add(1);
    fingerprint
}

/// The days that a statement speaks of: its balances' days, or its entries'.
fn period(statement: &Parsed) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let days = || statement.entries.iter().map(|entry| entry.booked_on);
    let start = statement
        .opening
        .and_then(|balance| balance.on)
        .or_else(|| days().min());
    let end = statement
        .closing
        .and_then(|balance| balance.on)
        .or_else(|| days().max());
    (
        start.into_iter().chain(days().min()).min(),
        end.into_iter().chain(days().max()).max(),
    )
}
