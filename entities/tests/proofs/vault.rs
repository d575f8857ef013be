//! The vault against somebody who changes its rows as the owner of the database.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use countersign_domain::{
    audit::Outcome,
    credentials::{PlainCredential, Provider},
    id::{CredentialId, TenantId},
    sealed::TextColumn,
};
use countersign_entities::{AuditFilter, NewCredential, Page, StoreError, Text, VaultError};
use countersign_policies::{Permit, resource, row::TenantOnly};
use futures::FutureExt;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::world::{Person, World, draft, uuid};

const SECRET: &str = "sk-live-0123456789abcdef0123456789abcdef";

fn plain(text: &str) -> PlainCredential {
    PlainCredential::parse(text.to_owned().into()).unwrap_or_else(|error| panic!("{error}"))
}

async fn stored(world: &World, owner: &Person, secret: &str) -> CredentialId {
    let id = CredentialId::new(uuid());
    let (context, write) = world.write(owner).await;
    let permit = world.permit(&context, "storeCredential");
    let secret = plain(secret);
    let sealed = world.database.vault().seal(&context, id, &secret).await;
    let (tenant, column) = (context.tenant(), TextColumn::CredentialName);
    let new = NewCredential {
        provider: Provider::OpenAi,
        name: world.seal(tenant, column, id.uuid(), "the name").await,
        prefix: secret.prefix(),
        secret: sealed.unwrap(),
        created_by: Some(owner.user),
    };
    let (_, insertion) = write.new_credential(&permit, new).unwrap();
    let stored = write.insert(permit, insertion, draft("credential.stored"));
    stored.await.unwrap();
    id
}

fn permit(
    world: &World,
    context: &countersign_entities::RequestContext,
    id: CredentialId,
) -> Permit {
    let action = world.engine.action("Mutation.checkCredential").unwrap();
    let row = TenantOnly {
        tenant: context.tenant(),
        id: id.uuid(),
    };
    world.engine.permit(context.actor(), action, &row).unwrap()
}

/// What the call saw, if there was one.
async fn opened(world: &World, owner: &Person, id: CredentialId) -> Result<String, VaultError> {
    let (context, read) = world.enter(owner).await;
    read.leave();
    let permit = permit(world, &context, id);
    let vault = world.database.vault();
    vault
        .open(&context, &permit, id, "a test", |secret| {
            async move { secret.reveal().to_owned() }.boxed()
        })
        .await
}

/// Runs SQL as nobody of the product may.
async fn tamper(world: &World, sql: String) {
    let mut admin = world.bare("postgres").await;
    let mut change = admin.begin().await.unwrap();
    let done = change.execute(AssertSqlSafe(sql)).await.unwrap();
    assert!(done.rows_affected() > 0);
    change.commit().await.unwrap();
}

/// The newest row of the log that says that a credential was opened, or was not.
async fn recorded(world: &World, owner: &Person) -> (Outcome, Vec<String>, String) {
    let (context, read) = world.enter(owner).await;
    let filter = AuditFilter {
        action: Some("credential.opened".into()),
        ..AuditFilter::default()
    };
    let scope = world.scope::<resource::AuditEntry>(&context);
    let log = read.audit_entries(&scope, &filter, &Page::first(1)).await;
    let event = log.unwrap().rows.remove(0).event;
    (event.outcome, event.targets, event.payload)
}

/// The tampered credential does not open, no call is made, and the log says so.
async fn refused(world: &World, owner: &Person, id: CredentialId) {
    let error = opened(world, owner, id).await.unwrap_err();
    assert!(matches!(error, VaultError::Unopened), "{error:?}");
    let (outcome, targets, payload) = recorded(world, owner).await;
    assert_eq!((outcome, targets), (Outcome::Failed, vec![id.to_string()]));
    assert!(
        payload.contains("does not open") && !payload.contains("sk-"),
        "{payload}"
    );
}

#[tokio::test]
async fn credential_is_opened_for_its_call_and_the_log_says_so_before() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let id = stored(&world, &owner, SECRET).await;
    assert_eq!(opened(&world, &owner, id).await.unwrap(), SECRET);
    let (outcome, targets, payload) = recorded(&world, &owner).await;
    assert_eq!((outcome, targets), (Outcome::Done, vec![id.to_string()]));
    assert!(
        payload.contains("a test") && !payload.contains("sk-"),
        "{payload}"
    );
    let unknown = opened(&world, &owner, CredentialId::new(uuid())).await;
    assert!(matches!(unknown, Err(VaultError::Gone)));
}

#[tokio::test]
async fn database_holds_no_part_of_it_in_the_open_but_its_prefix() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    stored(&world, &owner, SECRET).await;
    let mut admin = world.bare("postgres").await;
    let row: String = sqlx::query_scalar(
        "SELECT c::text || encode(secret_sealed, 'escape') || encode(name_sealed, 'escape')
         FROM countersign.credentials c",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert!(row.contains("sk-live-"));
    assert!(
        !row.contains("sk-live-0") && !row.contains("the name"),
        "{row}"
    );
}

#[tokio::test]
async fn credential_of_another_tenant_does_not_open() {
    let world = World::new().await;
    let (north, owner) = world.company("north").await;
    let (south, other) = world.company("south").await;
    let id = stored(&world, &owner, SECRET).await;
    let theirs = stored(&world, &other, &SECRET.replace("live", "test")).await;
    // Not by its handle: the row is not there for the other.
    let foreign = opened(&world, &other, id).await;
    assert!(matches!(foreign, Err(VaultError::Gone)), "{foreign:?}");
    // Nor with what is sealed copied into a row of the other's own.
    tamper(
        &world,
        format!(
            "UPDATE countersign.credentials SET secret_sealed = (SELECT secret_sealed \
             FROM countersign.credentials WHERE tenant_id = '{}') WHERE tenant_id = '{}'",
            north.uuid(),
            south.uuid()
        ),
    )
    .await;
    refused(&world, &other, theirs).await;
    // Nor with the whole row, and its key beside it.
    tamper(
        &world,
        format!(
            "UPDATE countersign.tenant_keys k SET sealed = o.sealed, kek = o.kek \
             FROM countersign.tenant_keys o WHERE k.tenant_id = '{}' AND o.tenant_id = '{}' \
             AND k.purpose = 'data' AND o.purpose = 'data'",
            south.uuid(),
            north.uuid()
        ),
    )
    .await;
    let world = World::of(world.cluster.clone(), world.name.clone()).await;
    let error = opened(&world, &other, theirs).await.unwrap_err();
    assert!(
        matches!(&error, VaultError::Store(StoreError::Kek(_))),
        "{error:?}"
    );
    assert_eq!(opened(&world, &owner, id).await.unwrap(), SECRET);
}

#[tokio::test]
async fn credential_of_another_row_does_not_open() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let a = stored(&world, &owner, SECRET).await;
    let b = stored(&world, &owner, &SECRET.replace("live", "test")).await;
    tamper(
        &world,
        format!(
            "UPDATE countersign.credentials x SET secret_sealed = y.secret_sealed \
             FROM countersign.credentials y WHERE x.id = '{}' AND y.id = '{}'",
            a.uuid(),
            b.uuid()
        ),
    )
    .await;
    refused(&world, &owner, a).await;
    assert!(opened(&world, &owner, b).await.is_ok());
}

#[tokio::test]
async fn what_stood_in_another_column_does_not_open() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let id = stored(&world, &owner, SECRET).await;
    tamper(
        &world,
        "UPDATE countersign.credentials SET secret_sealed = name_sealed, name_sealed = secret_sealed"
            .to_owned(),
    )
    .await;
    refused(&world, &owner, id).await;
    // The secret does not come out as a name either, which people read.
    let (context, read) = world.enter(&owner).await;
    let found = read.credentials_by_id(&world.scope(&context), &[id]).await;
    let name = found.unwrap().remove(0).name;
    let opened = world.database.open_text(&context, &name).await;
    assert!(matches!(opened, Err(StoreError::Sealed)), "{opened:?}");
    let filter = AuditFilter {
        action: Some("text.opened".into()),
        ..AuditFilter::default()
    };
    let scope = world.scope::<resource::AuditEntry>(&context);
    let log = read.audit_entries(&scope, &filter, &Page::first(1)).await;
    let event = log.unwrap().rows.remove(0).event;
    assert_eq!(event.outcome, Outcome::Failed);
    assert_eq!(event.targets, [id.to_string()]);
    assert_eq!(context.tenant(), tenant);
}

#[tokio::test]
async fn flipped_bit_and_cut_value_do_not_open() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let id = stored(&world, &owner, SECRET).await;
    let keep = "UPDATE countersign.credentials SET secret_sealed = ";
    // A byte of the format, of the key's version, of the nonce, of the ciphertext, of the tag.
    for byte in [0, 4, 7, 20, 60] {
        let flip =
            format!("{keep}set_byte(secret_sealed, {byte}, get_byte(secret_sealed, {byte}) # 1)");
        tamper(&world, flip.clone()).await;
        refused(&world, &owner, id).await;
        tamper(&world, flip).await;
    }
    assert!(opened(&world, &owner, id).await.is_ok());
    tamper(&world, format!("{keep}substring(secret_sealed FOR 40)")).await;
    refused(&world, &owner, id).await;
}

#[tokio::test]
async fn value_of_an_old_key_does_not_open_as_one_of_a_new() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let id = stored(&world, &owner, SECRET).await;
    world.database.operator().rotate_key(tenant).await.unwrap();
    // It says that it is sealed under the new version, and is not.
    let claim = "UPDATE countersign.credentials SET secret_sealed = set_byte(secret_sealed, 4, 2)";
    tamper(&world, claim.to_owned()).await;
    refused(&world, &owner, id).await;
    // It is of a version that nobody has made.
    let claim = "UPDATE countersign.credentials SET secret_sealed = set_byte(secret_sealed, 4, 9)";
    tamper(&world, claim.to_owned()).await;
    refused(&world, &owner, id).await;
}

#[tokio::test]
async fn permit_of_another_tenant_opens_nothing_and_a_revoked_credential_is_erased() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let id = stored(&world, &owner, SECRET).await;
    let (elsewhere, read) = world.enter(&other).await;
    read.leave();
    let foreign = permit(&world, &elsewhere, id);
    let (context, read) = world.enter(&owner).await;
    read.leave();
    let calls = Arc::new(AtomicU32::new(0));
    let called = Arc::clone(&calls);
    let vault = world.database.vault();
    let error = vault
        .open(&context, &foreign, id, "a test", move |_| {
            async move { called.fetch_add(1, Ordering::Relaxed) }.boxed()
        })
        .await
        .unwrap_err();
    assert!(
        matches!(&error, VaultError::Store(StoreError::ForeignScope { .. })),
        "{error:?}"
    );
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let (context, write) = world.write(&owner).await;
    let permit = permit(&world, &context, id);
    write.revoke_credential(&permit, id).await.unwrap();
    write
        .finish(permit, draft("credential.revoked"))
        .await
        .unwrap();
    assert!(matches!(
        opened(&world, &owner, id).await,
        Err(VaultError::Gone)
    ));
    let mut admin = world.bare("postgres").await;
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM countersign.credentials WHERE secret_sealed IS NOT NULL",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn destroyed_key_opens_nothing_and_the_log_still_verifies() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (_, other) = world.company("south").await;
    let id = stored(&world, &owner, SECRET).await;
    let theirs = stored(&world, &other, SECRET).await;
    assert!(opened(&world, &owner, id).await.is_ok());
    let operator = world.database.operator();
    assert_eq!(operator.destroy_keys(tenant).await.unwrap(), 2);
    let error = opened(&world, &owner, id).await.unwrap_err();
    assert!(matches!(error, VaultError::Destroyed), "{error:?}");
    assert_eq!(recorded(&world, &owner).await.0, Outcome::Failed);
    let (context, read) = world.enter(&owner).await;
    let found = read.credentials_by_id(&world.scope(&context), &[id]).await;
    let name = found.unwrap().remove(0).name;
    let text = world.database.open_text(&context, &name).await.unwrap();
    assert_eq!(text, Text::Destroyed);
    // Nothing more is sealed, either.
    let sealed = world
        .database
        .vault()
        .seal(&context, id, &plain(SECRET))
        .await;
    assert!(
        matches!(sealed, Err(StoreError::KeyDestroyed)),
        "{sealed:?}"
    );
    let index = world
        .database
        .blind_index(tenant, TextColumn::AccountNumber, "DE0");
    assert!(matches!(index.await, Err(StoreError::KeyDestroyed)));
    // Nobody brings it back, with a copy of it either; the neighbour never noticed; the log verifies.
    let mut admin = world.bare("postgres").await;
    let back = "UPDATE countersign.tenant_keys SET destroyed_at = NULL, sealed = kek::bytea \
         WHERE destroyed_at IS NOT NULL";
    assert!(admin.execute(back).await.is_err());
    assert!(opened(&world, &other, theirs).await.is_ok());
    operator.verify_ledger(tenant, None, None).await.unwrap();
    assert!(operator.destroy_keys(TenantId::OPERATOR).await.is_err());
    // With a new key the tenant goes on.
    assert_eq!(operator.rotate_key(tenant).await.unwrap(), 2);
    let new = stored(&world, &owner, SECRET).await;
    assert!(opened(&world, &owner, new).await.is_ok());
    assert!(matches!(
        opened(&world, &owner, id).await,
        Err(VaultError::Destroyed)
    ));
}
