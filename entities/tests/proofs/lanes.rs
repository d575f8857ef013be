//! Connections that requests share: nobody reads another's, and nobody waits for what is slow.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use countersign_domain::{access::Role, books::Transaction};
use countersign_entities::{
    Beside, EnterError, Page, Pointed, ReadTransaction, StoreError, TransactionFilter,
};
use countersign_migrations::{RolePasswords, migrate};
use countersign_policies::{ReadScope, resource};
use futures::future::join_all;
use secrecy::SecretString;
use sqlx::Executor;

use crate::{
    cluster::{Cluster, passwords},
    world::{Person, World, connect, facts, new_account, settings},
};

/// Reads as one who was let in a moment ago.
async fn presumed(
    world: &World,
    who: &Person,
) -> (countersign_entities::RequestContext, ReadTransaction) {
    let (credential, facts) = (who.credential(), facts());
    let presumed = world.database.presume(&credential, &facts, &[]);
    presumed.await.expect("they have entered before")
}

#[tokio::test]
async fn those_who_share_a_connection_read_their_own_and_fail_alone() {
    let world = World::new().await;
    let (_, north) = world.company("north").await;
    let (_, south) = world.company("south").await;
    let ours = world.account(&north, new_account("North's")).await.id;
    let theirs = world.account(&south, new_account("South's")).await.id;
    let read = async |n: usize| {
        let (who, own, other) = if n.is_multiple_of(2) {
            (&north, ours, theirs)
        } else {
            (&south, theirs, ours)
        };
        // Every seventh names what is not theirs, and another one comes when the session is over.
        let (strange, late) = (n % 7 == 3, n % 7 == 5);
        let named = if strange { vec![other.into()] } else { vec![] };
        let mut facts = facts();
        if late {
            facts.at += chrono::Duration::days(1_000);
        }
        let credential = who.credential();
        let presumed = world.database.presume(&credential, &facts, &named).await;
        // Whoever was rebutted is presumed to be nobody until they have entered again.
        let Some((context, read)) = presumed else {
            world.enter(who).await.1.leave();
            return 0;
        };
        let scope = world.scope::<resource::Account>(&context);
        let found = read.accounts_by_id(&scope, &[own, other]).await;
        if late {
            assert!(matches!(found, Err(StoreError::Rebutted)), "{found:?}");
            return 0;
        }
        let found: Vec<_> = found.unwrap().iter().map(|account| account.id).collect();
        assert_eq!(found, [own]);
        read.confirm().await.unwrap();
        assert_eq!(context.strange().is_some(), strange);
        1
    };
    let read: usize = join_all((0..300).map(read)).await.into_iter().sum();
    assert!(read > 100, "{read}");
    let lanes = world.database.connections();
    let lanes = lanes.iter().find(|(name, ..)| *name == "read_shared");
    assert!(lanes.is_some_and(|(_, open, _)| *open <= 2), "{lanes:?}");
}

#[tokio::test]
async fn what_is_slow_is_asked_again_where_nobody_waits_for_it() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let account = world.account(&owner, new_account("Current")).await.id;
    let mut admin = world.bare("postgres").await;
    let lock = "BEGIN; LOCK TABLE countersign.categories IN ACCESS EXCLUSIVE MODE";
    admin.execute(lock).await.unwrap();

    let (context, slow) = presumed(&world, &owner).await;
    let scope = world.scope::<resource::Category>(&context);
    let page = Page::first(5);
    let mut slow = Box::pin(slow.categories(&scope, &page));
    // Sent, and held up.
    assert!(futures::poll!(&mut slow).is_pending());

    // On the same connection, behind it: it is answered while the other is still locked out.
    let (context, quick) = presumed(&world, &owner).await;
    let scope = world.scope::<resource::Account>(&context);
    let ids = [account];
    let read = quick.accounts_by_id(&scope, &ids);
    let found = tokio::select! {
        found = read => found.unwrap(),
        slow = &mut slow => panic!("it is locked out: {slow:?}"),
    };
    assert_eq!(found.len(), 1);

    admin.execute("ROLLBACK").await.unwrap();
    assert!(slow.await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn those_who_share_a_connection_do_so_over_tls_with_a_password() {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let url = cluster.url(&name, "postgres");
    migrate(&url, passwords()).await.unwrap();
    let mut world = World::of(Arc::clone(&cluster), name.clone()).await;
    let (_, owner) = world.company("north").await;
    let account = world.account(&owner, new_account("Current")).await.id;
    let roles = RolePasswords {
        books: Some(SecretString::from("books' own")),
        renew: true,
        ..passwords()
    };
    migrate(&url, roles).await.unwrap();
    let authority = cluster.secure("countersign_books").await;
    let (_, port) = cluster.address();
    let books = |host: &str, authority: &str| {
        let query = format!("sslmode=verify-full&sslrootcert={authority}");
        format!("postgres://countersign_books:books%27%20own@{host}:{port}/{name}?{query}").into()
    };
    let entry = || cluster.url(&name, "countersign_entry");
    let url = books("localhost", authority.to_str().unwrap());
    world.database = connect(settings(entry(), url)).await;
    world.enter(&owner).await.1.leave();

    let (context, read) = presumed(&world, &owner).await;
    let scope = world.scope::<resource::Account>(&context);
    let found = read.accounts_by_id(&scope, &[account]).await.unwrap();
    assert_eq!(found.len(), 1);
    let lanes = world.database.connections();
    let lanes = lanes.iter().find(|(name, ..)| *name == "read_shared");
    assert!(lanes.is_some_and(|(_, open, _)| *open == 1), "{lanes:?}");
    let mut admin = world.bare("postgres").await;
    let bare = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
        WHERE a.usename = 'countersign_books' AND NOT s.ssl";
    let bare: i64 = sqlx::query_scalar(bare)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(bare, 0);

    // Another host's certificate opens no lane, nor anything else.
    let elsewhere = books("127.0.0.1", authority.to_str().unwrap());
    let database = connect(settings(entry(), elsewhere)).await;
    let refused = database.enter(&owner.credential(), &facts(), &[]).await;
    assert!(
        matches!(refused, Err(EnterError::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_was_closed_opens_no_connection_again() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    world.enter(&owner).await.1.leave();
    presumed(&world, &owner).await.1.leave();
    let open = || {
        let counts = world.database.connections();
        let of = |wanted| counts.iter().find(|(name, ..)| *name == wanted).unwrap().1;
        of("read_shared")
    };
    assert_eq!(open(), 1);
    world.database.close().await;
    let late = world
        .database
        .presume(&owner.credential(), &facts(), &[])
        .await;
    assert!(late.is_none());
    assert_eq!(open(), 0);
}

/// The transactions, and what they point to.
async fn with_accounts(world: &World, who: &Person) -> (Vec<Transaction>, Pointed) {
    let (context, read) = presumed(world, who).await;
    let scope: ReadScope<resource::Transaction> = world.scope(&context);
    let beside = Beside {
        accounts: Some(world.scope(&context)),
        categories: None,
    };
    let (none, page) = (TransactionFilter::default(), Page::first(100));
    let listed = read
        .transactions_beside(&scope, &none, &page, &beside)
        .await;
    let (slice, pointed) = listed.unwrap();
    let ids: Vec<_> = slice.rows.iter().map(|row| row.id).collect();
    let alone = read.transactions_by_id(&scope, &ids).await.unwrap();
    let by_id: BTreeSet<_> = alone.iter().map(|row| format!("{row:?}")).collect();
    let listed: BTreeSet<_> = slice.rows.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(by_id, listed);
    // By the same statement, each with values of its own.
    for row in slice.rows.iter().take(5) {
        let alone = read.transactions_by_id(&scope, &[row.id]).await.unwrap();
        assert_eq!(format!("{alone:?}"), format!("{:?}", [row]));
    }
    (slice.rows, pointed)
}

#[tokio::test]
async fn transactions_know_their_accounts_however_many_there_are() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let [worker, family] = [Role::Worker, Role::Family].map(|role| (role.name(), role));
    let worker = world.person(tenant, worker.0, worker.1).await;
    let family = world.person(tenant, family.0, family.1).await;
    let mut accounts = Vec::new();
    for n in 0..60_u8 {
        let custodian = match n % 3 {
            0 => Some(worker.user),
            1 => Some(family.user),
            _ => None,
        };
        let new = countersign_entities::NewAccount {
            custodian,
            personal: n % 5 == 0,
            ..new_account(&format!("Account {n}"))
        };
        let account = world.account(&owner, new).await;
        world.import(&owner, account.id, n, &["1.00"]).await;
        accounts.push(account);
    }
    // Too many to read them all, which whoever asks first finds out for everybody.
    for (who, first) in [
        (&owner, (false, 51)),
        (&worker, (true, 52)),
        (&family, (true, 12)),
    ] {
        let (context, read) = world.enter(who).await;
        let scope = world.scope::<resource::Account>(&context);
        let listed = read.accounts(&scope, &Page::first(100)).await.unwrap();
        let listed: BTreeSet<_> = listed.rows.iter().map(|row| row.id).collect();
        read.leave();
        let mut told = Vec::new();
        for _ in 0..2 {
            let (rows, pointed) = with_accounts(&world, who).await;
            let found: BTreeSet<_> = rows.iter().map(|row| row.account).collect();
            assert_eq!(found, listed);
            for row in &rows {
                let account = accounts.iter().find(|account| account.id == row.account);
                let account = account.unwrap();
                let care = (row.custodian, row.personal);
                assert_eq!(care, (account.custodian, account.personal));
            }
            let known = pointed.accounts.unwrap();
            let of_rows: BTreeSet<_> = known.rows.iter().map(|account| account.id).collect();
            if known.is_all {
                assert!(of_rows.is_superset(&found));
            }
            told.push((known.is_all, known.rows.len()));
        }
        assert_eq!(told, [first, (true, listed.len())]);
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_ended() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    let lock = "BEGIN; LOCK TABLE countersign.categories IN ACCESS EXCLUSIVE MODE";
    admin.execute(lock).await.unwrap();
    let (context, read) = world.enter(&owner).await;
    let scope = world.scope::<resource::Category>(&context);
    let page = Page::first(5);
    let waits = tokio::time::timeout(Duration::from_millis(300), read.categories(&scope, &page));
    assert!(waits.await.is_err(), "it is locked out");
    drop(read);
    let mut other = world.bare("postgres").await;
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let ended = async {
        loop {
            let left: i64 = sqlx::query_scalar(waiting)
                .fetch_one(&mut other)
                .await
                .unwrap();
            if left == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Long before its own time is over.
    let ended = tokio::time::timeout(Duration::from_secs(8), ended).await;
    assert!(ended.is_ok(), "it is still waited for");
}
