//! The books: imports, exact amounts and their buckets.

use countersign_domain::{
    books::Transaction,
    money::{Magnitude, Money},
    sealed::TextColumn,
};
use countersign_entities::{
    NewAccount, NewAccountNumber, Page, Slice, TransactionFilter, WriteError,
};
use countersign_policies::{ReadScope, resource};
use rust_decimal::Decimal;

use crate::world::{Person, World, draft, eur, new_account};

pub(crate) const AMOUNTS: [&str; 7] = [
    "-5",
    "9.99",
    "-10",
    "100",
    "-100.01",
    "1000.000001",
    "10000.01",
];

pub(crate) async fn listed(
    world: &World,
    who: &Person,
    filter: &TransactionFilter,
    page: &Page,
) -> Slice<Transaction> {
    let (context, read) = world.enter(who).await;
    let scope: ReadScope<resource::Transaction> = world.scope(&context);
    let slice = read.transactions(&scope, filter, page).await.unwrap();
    if page.position.is_none() && page.limit == 200 {
        let count = read.transaction_count(&scope, filter).await.unwrap();
        assert_eq!(count, u64::try_from(slice.rows.len()).unwrap());
    }
    read.leave();
    slice
}

pub(crate) async fn seven() -> (World, Person) {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let account = world.account(&owner, new_account("Current")).await;
    world.import(&owner, account.id, 1, &AMOUNTS).await;
    (world, owner)
}

#[tokio::test]
async fn import_keeps_amounts_exact_and_moves_the_balance() {
    let (world, owner) = seven().await;
    let all = listed(
        &world,
        &owner,
        &TransactionFilter::default(),
        &Page::first(200),
    )
    .await;
    let mut amounts: Vec<Money> = all.rows.iter().map(|row| row.amount).collect();
    amounts.reverse();
    let given: Vec<Money> = AMOUNTS
        .iter()
        .map(|a| Money::parse(a, eur()).unwrap())
        .collect();
    assert_eq!(amounts, given);
    let (context, read) = world.enter(&owner).await;
    let accounts = read
        .accounts(&world.scope(&context), &Page::first(5))
        .await
        .unwrap();
    let (money, on) = accounts.rows[0].balance.unwrap();
    assert_eq!(
        (money.to_decimal_text(), on.to_string()),
        ("42.00".into(), "2026-01-07".into())
    );
}

#[tokio::test]
async fn same_file_and_same_entries_are_imported_once() {
    let (world, owner) = seven().await;
    let (context, write) = world.write(&owner).await;
    let account = write
        .accounts(&world.scope(&context), &Page::first(1))
        .await
        .unwrap()
        .rows
        .remove(0);
    let permit = world.permit(&context, "importStatement");
    let found = write
        .import_by_sha256(&world.scope(&context), &[1; 32])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.added_count, found.duplicate_count), (7, 0));
    assert!(
        write
            .import_by_sha256(&world.scope(&context), &[2; 32])
            .await
            .unwrap()
            .is_none()
    );
    // Another file with the same entries and one more.
    let mut amounts = AMOUNTS.to_vec();
    amounts.push("77");
    let overlapping = world
        .new_import(context.tenant(), account.id, 2, &amounts)
        .await;
    let (import, statements) = write
        .insert_import(&permit, &overlapping, |_| ())
        .await
        .unwrap();
    assert_eq!((import.added_count, import.duplicate_count), (1, 7));
    assert_eq!(statements[0].transaction_count, 8);
    write
        .finish(permit, draft("statement.imported"))
        .await
        .unwrap();
    // The very same file, a moment later.
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "importStatement");
    let same = world
        .new_import(context.tenant(), account.id, 2, &amounts)
        .await;
    let again = write.insert_import(&permit, &same, |_| ()).await;
    assert!(
        matches!(&again, Err(WriteError::Conflict(c)) if c.name() == "imports_file"),
        "{again:?}"
    );
    drop(write);
    let all = listed(
        &world,
        &owner,
        &TransactionFilter::default(),
        &Page::first(200),
    )
    .await;
    assert_eq!(all.rows.len(), 8);
}

#[tokio::test]
async fn file_of_many_statements_and_entries_is_imported_whole_or_not_at_all() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let account = world.account(&owner, new_account("Current")).await;
    let amounts: Vec<String> = (1..=2500).map(|n| format!("{n}")).collect();
    let amounts: Vec<&str> = amounts.iter().map(String::as_str).collect();
    let (context, write) = world.write(&owner).await;
    let permit = world.permit(&context, "importStatement");
    let mut broken = world
        .new_import(context.tenant(), account.id, 1, &amounts)
        .await;
    broken.statements[0].transactions[2400].entry.description = "x".repeat(4001);
    let refused = write.insert_import(&permit, &broken, |_| ()).await;
    assert!(
        matches!(&refused, Err(WriteError::Conflict(c)) if c.name() == "transactions_description_length"),
        "{refused:?}"
    );
    write.refuse(draft("statement.imported")).await.unwrap();
    let (_, read) = world.enter(&owner).await;
    assert_eq!(
        read.transaction_count(&world.scope(&context), &TransactionFilter::default())
            .await
            .unwrap(),
        0
    );
    let import = world.import(&owner, account.id, 1, &amounts).await;
    let found = read
        .imports_by_id(&world.scope(&context), &[import])
        .await
        .unwrap();
    assert_eq!(found[0].added_count, 2500);
    assert_eq!(
        read.statements_by_import(&world.scope(&context), import)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn bucket_of_the_schema_is_the_bucket_of_the_domain() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    let steps = [
        "0",
        "0.000001",
        "9.999999",
        "10",
        "10.000001",
        "99.999999",
        "100",
        "100.000001",
        "1000",
        "1000.000001",
        "10000",
        "10000.000001",
        "999999999999999.999999",
    ];
    for step in steps {
        for sign in ["", "-"] {
            let amount: Decimal = format!("{sign}{step}").parse().unwrap();
            let stored: String = sqlx::query_scalar("SELECT countersign.magnitude($1)")
                .bind(amount)
                .fetch_one(&mut admin)
                .await
                .unwrap();
            assert_eq!(stored, Magnitude::of(amount).name(), "{amount}");
        }
    }
}

#[tokio::test]
async fn locked_row_is_the_one_asked_for_and_waits_for_nobody_else() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let number = "DE89370400440532013000";
    let plain = new_account("Current");
    let (row, column) = (plain.id.uuid(), TextColumn::AccountNumber);
    let index = world.database.blind_index(tenant, column, number);
    let index = index.await.unwrap();
    let sealed = world.seal(tenant, column, row, number).await;
    let numbered = NewAccount {
        number: Some(NewAccountNumber { sealed, index }),
        ..plain
    };
    let account = world.account(&owner, numbered).await;
    let (context, write) = world.write(&owner).await;
    let accounts = world.scope(&context);
    let by_number = write
        .lock_account_by_number(&accounts, number, &index)
        .await;
    assert_eq!(by_number.unwrap().as_ref(), Some(&account));
    assert_eq!(
        write
            .lock_account_by_number(&accounts, "DE0", &[0; 32])
            .await
            .unwrap(),
        None
    );
    let members = world.scope(&context);
    let member = write
        .lock_members_and_owners(&members, &[owner.member])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        write
            .members_by_user(&members, &[owner.user])
            .await
            .unwrap(),
        [member]
    );
    // Somebody else waits for the row, and gets it when this transaction is over.
    let (_, second) = world.write(&owner).await;
    let waiting = second.lock_account(&accounts, account.id);
    let moment = std::time::Duration::from_millis(200);
    let mut waiting = std::pin::pin!(waiting);
    assert!(
        tokio::time::timeout(moment, &mut waiting).await.is_err(),
        "the row was not locked"
    );
    write.refuse(draft("account.created")).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Some(account));
}
