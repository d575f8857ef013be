//! Names of API tokens: sealed for their row, and sealed later where they were not (VLT-5).

use countersign_domain::{
    access::Scope,
    id::ApiTokenId,
    sealed::{Stored, TextColumn},
};
use countersign_entities::{ApiToken, AuditFilter, Page, StoreError, Text};
use countersign_policies::{resource, row::TenantOnly};
use sqlx::{AssertSqlSafe, Executor};

use crate::world::{Person, World, draft, facts, now};

const NAME: &str = "for tests";
/// As a row has it of a time before the column was sealed.
const UNSEAL: &str = "UPDATE countersign.api_tokens SET name = 'for tests', name_sealed = NULL, \
     key_version = NULL";

/// The tenant's tokens, oldest first, and what their names come to.
async fn named(world: &World, owner: &Person) -> Vec<(ApiToken, Result<Text, StoreError>)> {
    let (context, read) = world.enter(owner).await;
    let scope = world.scope::<resource::ApiToken>(&context);
    let rows = read.api_tokens(&scope, &Page::first(500)).await;
    let mut named = Vec::new();
    for token in rows.unwrap().rows {
        let text = world.database.open_text(&context, &token.name).await;
        named.push((token, text));
    }
    named
}

/// The versions that names are sealed under, nothing for those that are not; all of them open.
async fn versions(world: &World, owner: &Person) -> Vec<Option<i32>> {
    let opened = |(token, text): (ApiToken, Result<Text, StoreError>)| {
        assert_eq!(text.unwrap(), Text::Open(NAME.into()));
        token.name.sealed().map(|(_, version)| version)
    };
    named(world, owner).await.into_iter().map(opened).collect()
}

/// How many tokens are counted under which version.
async fn counted(world: &World, owner: &Person) -> Vec<(Option<i32>, i64)> {
    let (context, read) = world.enter(owner).await;
    read.leave();
    let status = world.database.operator().key_status(context.tenant()).await;
    let counts = status.unwrap().sealed.into_iter();
    counts
        .filter(|count| count.table_name == "api_tokens")
        .map(|count| (count.version, count.count))
        .collect()
}

#[tokio::test]
async fn name_is_in_no_column_and_opens_in_its_own_row_alone() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    let (one, _) = world.api_token(&owner, &[Scope::BasicRead]).await;
    let (other, _) = world.api_token(&owner, &[Scope::BasicRead]).await;
    assert_eq!(versions(&world, &owner).await, [Some(1); 2]);
    let mut admin = world.bare("postgres").await;
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT t::text || encode(name_sealed, 'escape') FROM countersign.api_tokens t",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(rows.len(), 2);
    assert!(!rows.concat().contains(NAME), "{rows:?}");
    let moved = format!(
        "UPDATE countersign.api_tokens x SET name_sealed = y.name_sealed \
         FROM countersign.api_tokens y WHERE x.id = '{}' AND y.id = '{}'",
        one.uuid(),
        other.uuid()
    );
    let done = admin.execute(AssertSqlSafe(moved)).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    for (token, text) in named(&world, &owner).await {
        if token.id == other {
            assert_eq!(text.unwrap(), Text::Open(NAME.into()));
        } else {
            assert!(matches!(text, Err(StoreError::Sealed)), "{text:?}");
        }
    }
    let (context, read) = world.enter(&owner).await;
    let filter = AuditFilter {
        action: Some("text.opened".into()),
        ..AuditFilter::default()
    };
    let scope = world.scope::<resource::AuditEntry>(&context);
    let log = read.audit_entries(&scope, &filter, &Page::first(1)).await;
    assert_eq!(log.unwrap().rows.remove(0).event.targets, [one.to_string()]);
}

#[tokio::test]
async fn row_has_its_name_in_one_column() {
    let world = World::new().await;
    let (_, owner) = world.company("north").await;
    world.api_token(&owner, &[Scope::BasicRead]).await;
    let mut admin = world.bare("postgres").await;
    for (change, constraint) in [
        ("name = 'both'", "api_tokens_name_once"),
        (
            "name_sealed = NULL, key_version = NULL",
            "api_tokens_name_once",
        ),
        ("key_version = NULL", "api_tokens_sealed"),
    ] {
        let change = format!("UPDATE countersign.api_tokens SET {change}");
        let error = admin.execute(AssertSqlSafe(change)).await.unwrap_err();
        let error = error.into_database_error().unwrap();
        assert_eq!(error.constraint(), Some(constraint));
    }
}

#[tokio::test]
async fn rows_of_a_time_before_names_were_sealed_are_read_and_sealed_in_batches() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (id, token) = world.api_token(&owner, &[Scope::BasicRead]).await;
    let mut admin = world.bare("postgres").await;
    admin.execute(UNSEAL).await.unwrap();
    admin
        .execute(
            "INSERT INTO countersign.api_tokens (tenant_id, id, name, hash, scopes, documents_only, \
             last_four, created_at, expires_at) SELECT tenant_id, gen_random_uuid(), name, \
             sha256(n::text::bytea), scopes, false, 'none', created_at, expires_at \
             FROM countersign.api_tokens, generate_series(1, 209) n",
        )
        .await
        .unwrap();
    assert_eq!(versions(&world, &owner).await, [None; 210]);
    assert_eq!(counted(&world, &owner).await, [(None, 210)]);
    // A first run is cut off after a batch; a second goes on, while the token lets in.
    let operator = world.database.operator();
    let first = operator.reseal(tenant).next().await.unwrap().unwrap();
    assert_eq!((first.table, first.rows), ("api_tokens", 200));
    assert_eq!(counted(&world, &owner).await, [(Some(1), 200), (None, 10)]);
    assert_eq!(versions(&world, &owner).await.len(), 210, "either is read");
    let entered = world.database.enter(&token, &facts(), &[]).await;
    entered.unwrap().1.leave();
    let mut rest = operator.reseal(tenant);
    assert_eq!(rest.next().await.unwrap().unwrap().rows, 10);
    assert!(rest.next().await.unwrap().is_none());
    assert_eq!(versions(&world, &owner).await, [Some(1); 210]);
    assert_eq!(counted(&world, &owner).await, [(Some(1), 210)]);
    let plain: i64 =
        sqlx::query_scalar("SELECT count(*) FROM countersign.api_tokens WHERE name IS NOT NULL")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    assert_eq!(plain, 0);
    let entered = world.database.enter(&token, &facts(), &[]).await;
    entered.unwrap().1.leave();
    let tokens = named(&world, &owner).await;
    let found = tokens.iter().find(|(token, _)| token.id == id).unwrap();
    assert!(matches!(found.0.name.stored, Stored::Sealed(..)));
}

#[tokio::test]
async fn rotation_seals_names_anew_and_one_of_a_destroyed_key_is_told_as_such() {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let (id, token) = world.api_token(&owner, &[Scope::BasicRead]).await;
    let operator = world.database.operator();
    assert_eq!(operator.rotate_key(tenant).await.unwrap(), 2);
    let mut resealing = operator.reseal(tenant);
    let batch = resealing.next().await.unwrap().unwrap();
    assert_eq!((batch.table, batch.rows), ("api_tokens", 1));
    assert_eq!(versions(&world, &owner).await, [Some(2)]);

    operator.destroy_keys(tenant).await.unwrap();
    let (found, text) = named(&world, &owner).await.remove(0);
    assert_eq!((found.id, text.unwrap()), (id, Text::Destroyed));
    assert_eq!(counted(&world, &owner).await, [(Some(2), 1)]);
    // The token goes on until it is revoked, which it can be.
    let entered = world.database.enter(&token, &facts(), &[]).await;
    entered.unwrap().1.leave();
    revoke(&world, &owner, id).await;
    assert!(world.database.enter(&token, &facts(), &[]).await.is_err());
    let (found, text) = named(&world, &owner).await.remove(0);
    assert!(found.revoked_at.is_some());
    assert_eq!(text.unwrap(), Text::Destroyed);
    // Nothing more is sealed until there is a new key, and what the old one sealed stays as it is.
    let (column, row) = (TextColumn::ApiTokenName, id.uuid());
    let sealed = world.database.seal_text(tenant, column, row, NAME).await;
    assert!(matches!(sealed, Err(StoreError::KeyDestroyed)));
    assert_eq!(operator.rotate_key(tenant).await.unwrap(), 3);
    assert!(operator.reseal(tenant).next().await.unwrap().is_none());
    world.api_token(&owner, &[Scope::BasicRead]).await;
    let tokens = named(&world, &owner).await.into_iter();
    let texts: Vec<_> = tokens.map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, [Text::Destroyed, Text::Open(NAME.into())]);
}

async fn revoke(world: &World, owner: &Person, id: ApiTokenId) {
    let (context, write) = world.write(owner).await;
    let scope = world.scope::<resource::ApiToken>(&context);
    let found = write.lock_api_token(&scope, id).await.unwrap();
    assert!(found.is_some());
    let action = world.engine.action("Mutation.revokeApiToken").unwrap();
    let row = TenantOnly {
        tenant: context.tenant(),
        id: id.uuid(),
    };
    let permit = world.engine.permit(context.actor(), action, &row).unwrap();
    write.revoke_api_token(&permit, id, now()).await.unwrap();
    let event = draft("api_token.revoked");
    write.finish(permit, event).await.unwrap();
}
