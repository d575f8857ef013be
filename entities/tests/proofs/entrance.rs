//! What each credential opens, and when it stops opening it.

use std::collections::BTreeSet;

use countersign_domain::{
    access::{Role, Scope},
    id::{AccountId, AnyId, CategoryId, TenantId, TransactionId},
    principal::Principal,
    token::PlainToken,
};
use countersign_entities::{
    Beside, Credential, EndedBy, EnterError, NewMachine, Page, ReadTransaction, RequestContext,
    RequestFacts, SessionSecret, SessionsOf, StoreError, Strange, TransactionFilter, Why,
    WriteError,
};
use countersign_policies::{resource, row::TenantOnly};
use uuid::Uuid;

use crate::world::{ISSUER, World, asking, draft, facts, identity, new_account, new_session, now};

async fn why(world: &World, credential: &Credential, facts: &RequestFacts) -> Option<Why> {
    match world.database.enter(credential, facts, &[]).await {
        Err(EnterError::Unauthenticated(why)) => Some(why),
        Err(other) => panic!("{other:?}"),
        Ok(_) => None,
    }
}

fn later(days: i64) -> RequestFacts {
    RequestFacts {
        at: now() + chrono::Duration::days(days),
        ..facts()
    }
}

#[tokio::test]
async fn session_opens_its_tenant_until_it_ends() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (context, read) = world.enter(&owner).await;
    assert_eq!(context.tenant(), tenant);
    assert_eq!(read.tenant_id(), tenant);
    let human = context.actor().human().unwrap();
    assert_eq!(
        (human.user, human.role, human.mfa),
        (owner.user, Role::Owner, false)
    );
    read.leave();

    let unknown = Credential::Session(SessionSecret::new([1; 32]));
    assert_eq!(why(&world, &unknown, &facts()).await, Some(Why::Unknown));
    assert_eq!(
        why(&world, &owner.credential(), &later(1)).await,
        Some(Why::Expired)
    );
    let entry = world.database.entry();
    let which = SessionsOf::Secret(&owner.secret);
    let ended = entry.end_sessions(which, EndedBy::Person, &facts()).await;
    assert!(matches!(ended.unwrap().as_slice(), [Some(_)]));
    assert_eq!(
        why(&world, &owner.credential(), &facts()).await,
        Some(Why::Ended)
    );
}

#[tokio::test]
async fn session_without_a_tenant_is_told_so() {
    let world = World::new().await;
    let entry = world.database.entry();
    let user = entry
        .sign_in_user(&identity("nobody"), now())
        .await
        .unwrap();
    let secret = entry
        .open_session(new_session(user, "nobody"), &facts())
        .await
        .unwrap();
    let entered = world
        .database
        .enter(&Credential::Session(secret), &facts(), &[])
        .await;
    assert!(matches!(entered, Err(EnterError::NoTenant)), "{entered:?}");
}

#[tokio::test]
async fn removed_member_is_refused_at_the_next_request() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let worker = world.person(tenant, "wanda", Role::Worker).await;
    let account = world
        .account(
            &owner,
            countersign_entities::NewAccount {
                custodian: Some(worker.user),
                ..new_account("Card")
            },
        )
        .await;
    let (before, held) = world.enter(&worker).await;

    let (context, write) = world.write(&owner).await;
    let action = world.engine.action("Mutation.removeMember").unwrap();
    let row = TenantOnly {
        tenant,
        id: worker.member.uuid(),
    };
    let permit = world.engine.permit(context.actor(), action, &row).unwrap();
    write.remove_member(&permit, worker.member).await.unwrap();
    write.finish(permit, draft("member.removed")).await.unwrap();

    drop(held);
    assert_eq!(
        why(&world, &worker.credential(), &facts()).await,
        Some(Why::NoMembership)
    );
    let again = world.database.write(&before, None).await;
    assert!(
        matches!(again, Err(EnterError::Unauthenticated(Why::NoMembership))),
        "{again:?}"
    );
    // Their care of the account went with them.
    let (context, read) = world.enter(&owner).await;
    let scope = world.scope::<resource::Account>(&context);
    let accounts = read.accounts_by_id(&scope, &[account.id]).await.unwrap();
    assert_eq!(accounts[0].custodian, None);
}

#[tokio::test]
async fn changed_role_ends_the_request_that_was_decided_with_the_old_one() {
    let world = World::new().await;
    let (tenant, _) = world.company("north").await;
    let manager = world.person(tenant, "mara", Role::Manager).await;
    let (context, read) = world.enter(&manager).await;
    read.leave();
    let mut admin = world.bare("postgres").await;
    sqlx::query("UPDATE countersign.memberships SET role = 'family' WHERE id = $1")
        .bind(manager.member.uuid())
        .execute(&mut admin)
        .await
        .unwrap();
    let is_changed = |error| matches!(error, EnterError::Unauthenticated(Why::Changed));
    let written = world.database.write(&context, None).await;
    assert!(is_changed(written.unwrap_err()));
    let read = world.database.read(&context).await;
    assert!(is_changed(read.unwrap_err()));
}

#[tokio::test]
async fn api_token_opens_its_tenant_with_its_scopes_until_revoked() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (id, token) = world.api_token(&owner, &[Scope::BasicRead]).await;
    let (context, read) = world.database.enter(&token, &facts(), &[]).await.unwrap();
    read.leave();
    assert_eq!(context.tenant(), tenant);
    let Principal::Machine(machine) = &context.actor().principal else {
        panic!("a token is a machine");
    };
    assert_eq!(machine.scopes, BTreeSet::from([Scope::BasicRead]));
    assert_eq!(why(&world, &token, &later(2)).await, Some(Why::Expired));

    let (context, write) = world.write(&owner).await;
    let scope = world.scope::<resource::ApiToken>(&context);
    let before = write.lock_api_token(&scope, id).await.unwrap().unwrap();
    assert!(before.last_used_at.is_some() && before.revoked_at.is_none());
    let action = world.engine.action("Mutation.revokeApiToken").unwrap();
    let row = TenantOnly {
        tenant,
        id: id.uuid(),
    };
    let permit = world.engine.permit(context.actor(), action, &row).unwrap();
    write.revoke_api_token(&permit, id, now()).await.unwrap();
    write
        .finish(permit, draft("api_token.revoked"))
        .await
        .unwrap();
    assert_eq!(why(&world, &token, &facts()).await, Some(Why::Ended));
    let other = Credential::ApiToken(PlainToken::from_random(&[3; 32]).hashed());
    assert_eq!(why(&world, &other, &facts()).await, Some(Why::Unknown));
}

#[tokio::test]
async fn machine_has_the_scopes_that_it_brings_and_is_registered_with() {
    let world = World::new().await;
    let (north, _) = world.company("north").await;
    let (south, _) = world.company("south").await;
    let new = NewMachine {
        issuer: ISSUER.into(),
        client_id: "importer'; --".into(),
        name: "Importer".into(),
        scopes: BTreeSet::from([Scope::BasicRead, Scope::StatementsImport]),
    };
    let operator = world.database.operator();
    operator.add_machine(north, &new).await.unwrap();
    let credential = |client: &str| Credential::ClientCredentials {
        issuer: ISSUER.into(),
        client_id: client.into(),
        scopes: BTreeSet::from([Scope::StatementsImport, Scope::AuditRead]),
        ends_at: now() + chrono::Duration::minutes(5),
    };
    let known = credential(&new.client_id);
    let (context, _read) = world.database.enter(&known, &facts(), &[]).await.unwrap();
    let Principal::Machine(machine) = &context.actor().principal else {
        panic!("a client is a machine");
    };
    assert_eq!(machine.scopes, BTreeSet::from([Scope::StatementsImport]));
    assert_eq!(
        why(&world, &credential("other"), &facts()).await,
        Some(Why::Unknown)
    );
    // The token is over for whoever goes on with it, and not only for who comes with it.
    let late = RequestFacts {
        at: now() + chrono::Duration::minutes(5),
        ..facts()
    };
    assert!(world.database.presume(&known, &late, &[]).await.is_none());
    assert_eq!(why(&world, &known, &late).await, Some(Why::Expired));
    // A client that two tenants have registered acts in neither.
    operator.add_machine(south, &new).await.unwrap();
    assert_eq!(why(&world, &known, &facts()).await, Some(Why::Unknown));
}

#[tokio::test]
async fn whoever_was_let_in_reads_at_once_and_only_while_the_database_says_the_same() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let account = world.account(&owner, new_account("Ours")).await.id;
    let foreign = world.account(&other, new_account("Theirs")).await.id;
    let credential = owner.credential();
    let presume = async |at: RequestFacts, named: &[AnyId]| {
        world.database.presume(&credential, &at, named).await
    };
    let rebutted = async |(context, read): (RequestContext, ReadTransaction)| {
        let scope = world.scope::<resource::Account>(&context);
        let rows = read.accounts_by_id(&scope, &[account]).await;
        assert!(matches!(rows, Err(StoreError::Rebutted)), "{rows:?}");
        let confirmed = read.confirm().await;
        assert!(matches!(confirmed, Err(StoreError::Rebutted)));
    };
    // The owner has entered when the account was made; a stranger's credential has not.
    let (context, read) = presume(facts(), &[account.into()]).await.unwrap();
    let scope = world.scope::<resource::Account>(&context);
    let rows = read.accounts_by_id(&scope, &[account]).await.unwrap();
    assert_eq!((rows.len(), context.tenant()), (1, tenant));
    read.confirm().await.unwrap();
    read.leave();
    let stranger = Credential::Session(SessionSecret::new([1; 32]));
    let presumed = world.database.presume(&stranger, &facts(), &[]).await;
    assert!(presumed.is_none());

    // Another tenant's id is told of with the rows, and says nothing of who asks.
    let (context, read) = presume(facts(), &[foreign.into()]).await.unwrap();
    read.confirm().await.unwrap();
    let (foreign, missing) = (1, 0);
    assert_eq!(context.strange(), Some(Strange { foreign, missing }));
    read.leave();

    // Whatever does not hold is forgotten, until the credential has been let in again.
    rebutted(presume(later(1), &[]).await.unwrap()).await;
    assert!(presume(facts(), &[]).await.is_none());
    world.enter(&owner).await.1.leave();
    rebutted(presume(later(1), &[]).await.unwrap()).await;
    world.enter(&owner).await.1.leave();
    let mut admin = world.bare("postgres").await;
    let demote = "UPDATE countersign.memberships SET capabilities = '{read.pii}' WHERE id = $1";
    let demote = sqlx::query(demote).bind(owner.member.uuid());
    demote.execute(&mut admin).await.unwrap();
    rebutted(presume(facts(), &[]).await.unwrap()).await;
}

#[tokio::test]
async fn a_credential_was_used_where_nothing_came_of_it_too() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    for refuses in [true, false] {
        let (id, credential) = world.api_token(&owner, &[Scope::CategoriesCreate]).await;
        let entered = world
            .database
            .enter_to_write(&credential, &facts(), &[], asking(0))
            .await;
        let (_, write) = entered.unwrap();
        if refuses {
            write.refuse(draft("category.created")).await.unwrap();
        } else {
            write.abandon().await;
        }
        let sql = "SELECT last_used_at IS NOT NULL FROM countersign.api_tokens WHERE id = $1";
        let used = sqlx::query_scalar(sql).bind(id.uuid());
        let used: bool = used.fetch_one(&mut admin).await.unwrap();
        assert!(used, "refuses: {refuses}");
    }
}

#[tokio::test]
async fn named_id_of_another_tenant_refuses_the_whole_request() {
    let world = World::new().await;
    let (north, owner) = world.company("north").await;
    let (south, other) = world.company("south").await;
    let own = world.account(&owner, new_account("Ours")).await.id;
    let foreign = world.account(&other, new_account("Theirs")).await.id;
    let enter = async |named: &[AnyId]| {
        world
            .database
            .enter(&owner.credential(), &facts(), named)
            .await
    };
    let fine = [own.into(), north.into(), owner.member.into(), own.into()];
    assert_eq!(enter(&fine).await.unwrap().0.strange(), None);

    let counts = async |named: &[AnyId]| {
        let (context, _) = enter(named).await.unwrap();
        assert_eq!(context.tenant(), north);
        // Whoever goes on all the same is not recorded as having been served.
        let recorded = world.database.record(&context, draft("books.read"));
        recorded.await.unwrap_err();
        let strange = context.strange().unwrap();
        (strange.foreign, strange.missing)
    };
    let unknown = AccountId::new(Uuid::from_u128(5));
    let misnamed = CategoryId::new(own.uuid());
    assert_eq!(counts(&[own.into(), foreign.into()]).await, (1, 0));
    let all = [
        foreign.into(),
        foreign.into(),
        other.member.into(),
        south.into(),
    ];
    assert_eq!(counts(&all).await, (3, 0));
    assert_eq!(counts(&[unknown.into()]).await, (0, 1));
    assert_eq!(counts(&[misnamed.into(), own.into()]).await, (0, 1));
    let mixed = [own.into(), foreign.into(), unknown.into()];
    assert_eq!(counts(&mixed).await, (1, 1));

    // Nor is anything written, for one who is let in now or was a moment ago.
    let (credential, named) = (owner.credential(), [foreign.into()]);
    let database = &world.database;
    let request = facts();
    let entered = database.enter_to_write(&credential, &request, &named, asking(0));
    let entered = entered.await.unwrap();
    let presumed = database.presume_to_write(&credential, &request, &named, asking(0));
    for (context, write) in [entered, presumed.unwrap()] {
        let permit = world.permit(&context, "createAccount");
        let written = write.insert_account(&permit, &new_account("More")).await;
        assert!(matches!(
            written,
            Err(WriteError::Store(StoreError::Inconsistent(_)))
        ));
    }
}

#[tokio::test]
async fn every_table_with_ids_is_in_the_census() {
    let world = World::new().await;
    let mut admin = world.bare("postgres").await;
    let forgotten: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id'
         JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = 'id'
         WHERE c.relnamespace = 'countersign'::regnamespace AND c.relkind IN ('r', 'p')
         AND NOT c.relispartition
         AND (SELECT p.prosrc FROM pg_proc p WHERE p.proname = 'census')
             NOT LIKE '%countersign.' || c.relname || ' x%'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(
        forgotten.is_empty(),
        "add {forgotten:?} to `countersign.census`"
    );
}

#[tokio::test]
async fn scope_or_permit_of_another_tenant_is_an_error() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (south, other) = world.company("south").await;
    let (foreign, read) = world.enter(&other).await;
    read.leave();
    let foreign_scope = world.scope::<resource::Account>(&foreign);
    let foreign_permit = world.permit(&foreign, "createCategory");

    let (_, write) = world.write(&owner).await;
    let page = Page::first(1);
    let refused = |error: &StoreError| matches!(error, StoreError::ForeignScope { found, .. } if *found == south);
    assert!(refused(
        &write.accounts(&foreign_scope, &page).await.unwrap_err()
    ));
    let inserted = write
        .insert_account(&foreign_permit, &new_account("x"))
        .await;
    assert!(refused(&StoreError::from(inserted.unwrap_err())));
    assert!(refused(
        &write.finish(foreign_permit, draft("x")).await.unwrap_err()
    ));
    assert_ne!(TenantId::new(Uuid::nil()), south);

    // What is read beside the lists of resources is of its own tenant as well.
    let (foreign, read) = world.enter(&other).await;
    let log = world.scope::<resource::AuditEntry>(&foreign);
    let operator = world.database.operator();
    operator
        .make_checkpoint(south, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        read.audit_checkpoints(&log, &page)
            .await
            .unwrap()
            .rows
            .len(),
        1
    );
    assert!(
        read.audit_key(&log, &world.database)
            .await
            .unwrap()
            .is_some()
    );
    let (_, read) = world.enter(&owner).await;
    let leaf = std::slice::from_ref(&(0..1));
    assert!(refused(
        &read.audit_checkpoints(&log, &page).await.unwrap_err()
    ));
    assert!(refused(
        &read.audit_checkpoint(&log, None).await.unwrap_err()
    ));
    assert!(refused(
        &read.audit_tree_roots(&log, leaf).await.unwrap_err()
    ));
    assert!(refused(
        &read.audit_key(&log, &world.database).await.unwrap_err()
    ));
}

#[tokio::test]
async fn statements_that_are_remembered_are_for_their_own_tenant_as_well() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let page = Page::first(1);
    let refused = |error: &StoreError| matches!(error, StoreError::ForeignScope { .. });
    let (foreign, read) = world.enter(&other).await;
    let scope = world.scope::<resource::Transaction>(&foreign);
    let (none, ids) = (
        TransactionFilter::default(),
        [TransactionId::new(Uuid::nil())],
    );
    read.transactions(&scope, &none, &page).await.unwrap();
    read.transactions_by_id(&scope, &ids).await.unwrap();
    let (context, read) = world.enter(&owner).await;
    let listed = read.transactions(&scope, &none, &page).await;
    assert!(refused(&listed.unwrap_err()));
    let found = read.transactions_by_id(&scope, &ids).await;
    assert!(refused(&found.unwrap_err()));
    // And so is what rows point to.
    let own = world.scope::<resource::Transaction>(&context);
    let accounts = |of| Beside {
        accounts: Some(world.scope(of)),
        categories: None,
    };
    let categories = Beside {
        accounts: None,
        categories: Some(world.scope(&foreign)),
    };
    for (beside, is_refused) in [
        (accounts(&context), false),
        (accounts(&foreign), true),
        (categories, true),
    ] {
        let found = read.transactions_by_id_beside(&own, &ids, &beside).await;
        assert_eq!(found.is_err_and(|error| refused(&error)), is_refused);
    }
}
