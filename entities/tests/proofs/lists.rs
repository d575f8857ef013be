//! Lists: pages, filters, and what policies leave of them.

use chrono::NaiveDate;
use countersign_domain::{
    access::{Role, Scope},
    books::Transaction,
    id::AccountId,
    money::Magnitude,
};
use countersign_entities::{
    AuditFilter, Direction, Keyset, NewAccount, Page, Sign, TransactionFilter,
};
use countersign_policies::{resource, row::TenantRow};

use crate::{
    books::{AMOUNTS, listed, seven},
    world::{World, draft, facts, new_account, uuid},
};

#[tokio::test]
async fn pages_meet_without_a_gap_in_both_directions() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    // Two accounts, so that every day has two rows and the id must decide.
    for file in [1, 2] {
        let account = world.account(&owner, new_account("Current")).await;
        world.import(&owner, account.id, file, &AMOUNTS).await;
    }
    let none = TransactionFilter::default();
    let all = listed(&world, &owner, &none, &Page::first(200)).await.rows;
    assert_eq!(all.len(), 14);
    let keys: Vec<_> = all.iter().map(|row| (row.booked_on, row.id)).collect();
    assert!(keys.is_sorted_by(|a, b| a > b));
    for limit in [1, 3, 13, 14, 15] {
        for direction in [Direction::Forward, Direction::Backward] {
            let mut page = Page {
                limit,
                direction,
                position: None,
            };
            let mut walked: Vec<Transaction> = Vec::new();
            loop {
                let slice = listed(&world, &owner, &none, &page).await;
                if direction == Direction::Forward {
                    page.position = slice.rows.last().map(Keyset::position);
                    walked.extend(slice.rows);
                } else {
                    page.position = slice.rows.first().map(Keyset::position);
                    walked.splice(0..0, slice.rows);
                }
                if !slice.has_more {
                    break;
                }
            }
            assert_eq!(walked, all, "{limit} {direction:?}");
        }
    }
    let (context, read) = world.enter(&owner).await;
    let wrong = Page {
        position: Some(all[0].position()),
        ..Page::first(1)
    };
    assert!(
        read.accounts(&world.scope(&context), &wrong).await.is_err(),
        "a position of another list"
    );
    for limit in [0, 501] {
        assert!(
            read.accounts(&world.scope(&context), &Page::first(limit))
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn filters_narrow_as_they_say() {
    let (world, owner) = seven().await;
    let amounts = async |filter: TransactionFilter| -> Vec<String> {
        let found = listed(&world, &owner, &filter, &Page::first(200)).await;
        let mut amounts: Vec<String> = found
            .rows
            .iter()
            .map(|row| row.amount.amount().to_string())
            .collect();
        amounts.reverse();
        amounts
    };
    let none = TransactionFilter::default;
    let day = |day| NaiveDate::from_ymd_opt(2026, 1, day);
    assert_eq!(
        amounts(TransactionFilter {
            from: day(2),
            to: day(3),
            ..none()
        })
        .await,
        ["9.99", "-10"]
    );
    assert_eq!(
        amounts(TransactionFilter {
            sign: Some(Sign::Out),
            ..none()
        })
        .await,
        ["-5", "-10", "-100.01"]
    );
    let small = TransactionFilter {
        magnitude: Some(Magnitude::Small),
        ..none()
    };
    assert_eq!(amounts(small).await, ["-10", "100"]);
    // What looks like a pattern is a text.
    let text = |text: &str| TransactionFilter {
        text: Some(text.into()),
        ..none()
    };
    assert_eq!(amounts(text("shop 3")).await, ["100"]);
    assert_eq!(amounts(text("of 100%")).await.len(), 7);
    assert!(amounts(text("B%l")).await.is_empty() && amounts(text("Sho_ 3")).await.is_empty());
    assert!(amounts(text("\\")).await.is_empty());

    let elsewhere = TransactionFilter {
        account: Some(AccountId::new(uuid())),
        ..none()
    };
    assert!(amounts(elsewhere).await.is_empty());
}

#[tokio::test]
async fn transaction_is_found_by_its_category() {
    let (world, owner) = seven().await;
    let none = TransactionFilter::default;
    let first = listed(&world, &owner, &none(), &Page::first(1))
        .await
        .rows
        .remove(0);
    let category = world.category(&owner, "Rent").await;
    let (context, write) = world.write(&owner).await;
    let locked = write
        .lock_transaction(&world.scope(&context), first.id)
        .await
        .unwrap()
        .unwrap();
    let action = world
        .engine
        .action("Mutation.categorizeTransaction")
        .unwrap();
    let row = TenantRow {
        tenant: context.tenant(),
        row: &locked,
    };
    let permit = world.engine.permit(context.actor(), action, &row).unwrap();
    write
        .set_transaction_category(&permit, first.id, Some(category))
        .await
        .unwrap();
    write
        .finish(permit, draft("transaction.categorized"))
        .await
        .unwrap();
    let sorted = TransactionFilter {
        category: Some(category),
        ..none()
    };
    let found = listed(&world, &owner, &sorted, &Page::first(200))
        .await
        .rows;
    assert_eq!(
        found.iter().map(|row| row.id).collect::<Vec<_>>(),
        [first.id]
    );
    let rest = TransactionFilter {
        uncategorized: true,
        ..none()
    };
    assert_eq!(
        listed(&world, &owner, &rest, &Page::first(200))
            .await
            .rows
            .len(),
        6
    );
}

/// What the policies' row condition leaves in the list is what they decide row by row.
#[tokio::test]
async fn lists_hold_what_each_role_may_know_of() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push(world.person(tenant, role.name(), *role).await);
    }
    for (file, (custodian, personal)) in (1..).zip([
        (None, false),
        (None, true),
        (Some(&people[4]), false),
        (Some(&people[4]), true),
        (Some(&people[5]), true),
    ]) {
        let new = NewAccount {
            custodian: custodian.map(|p| p.user),
            personal,
            ..new_account("A")
        };
        let account = world.account(&owner, new).await;
        world.import(&owner, account.id, file, &["1"]).await;
    }
    let everything = listed(
        &world,
        &owner,
        &TransactionFilter::default(),
        &Page::first(200),
    )
    .await
    .rows;
    assert_eq!(everything.len(), 5);
    let action = world.engine.action("Transaction.id").unwrap();
    let mut sizes = Vec::new();
    for person in &people {
        let shown = listed(
            &world,
            person,
            &TransactionFilter::default(),
            &Page::first(200),
        )
        .await
        .rows;
        let (context, _read) = world.enter(person).await;
        let may = |row: &&Transaction| {
            let row = TenantRow { tenant, row: *row };
            world.engine.permit(context.actor(), action, &row).is_ok()
        };
        let expected: Vec<_> = everything.iter().filter(may).cloned().collect();
        assert_eq!(shown, expected, "{:?}", context.actor());
        sizes.push(shown.len());
    }
    // owner, admin, manager, accountant, worker (custodian of one personal), family, auditor
    assert_eq!(sizes, [5, 2, 2, 2, 3, 3, 2]);
}

/// Whatever the policies leave to the row, of every resource and for every kind of principal, can be
/// written as SQL.
#[tokio::test]
async fn every_row_condition_is_sql() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let mut credentials = Vec::new();
    for role in Role::ALL {
        credentials.push(world.person(tenant, role.name(), *role).await.credential());
    }
    credentials.push(world.api_token(&owner, Scope::ALL).await.1);
    credentials.push(world.api_token(&owner, &[Scope::BasicRead]).await.1);
    let page = Page::first(5);
    let mut lists = 0;
    for credential in credentials {
        let (context, read) = world
            .database
            .enter(&credential, &facts(), &[])
            .await
            .unwrap();
        macro_rules! list {
            ($($resource:ident: |$scope:ident| $list:expr;)*) => {$(
                if let Ok($scope) = world.engine.read_scope::<resource::$resource>(context.actor()) {
                    $list.await.unwrap();
                    lists += 1;
                }
            )*};
        }
        list! {
            Tenant: |scope| read.tenant(&scope);
            Member: |scope| read.members(&scope, &page);
            Account: |scope| read.accounts(&scope, &page);
            Transaction: |scope| read.transactions(&scope, &TransactionFilter::default(), &page);
            Category: |scope| read.categories(&scope, &page);
            Statement: |scope| read.statements(&scope, &page);
            Import: |scope| read.imports(&scope, &page);
            ApiToken: |scope| read.api_tokens(&scope, &page);
            AuditEntry: |scope| read.audit_entries(&scope, &AuditFilter::default(), &page);
        }
        read.leave();
    }
    assert!(lists > 60, "{lists}");
}
