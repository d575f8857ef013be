//! What is over is forgotten, and is not ended once more.

use chrono::Duration;
use countersign_domain::id::TenantId;
use countersign_entities::{EndedBy, SessionSecret, SessionsOf, SignIn};
use sqlx::Executor;

use crate::world::{ISSUER, Person, World, facts, new_session, now};

/// One more session of the owner of `north`.
pub(crate) async fn open(world: &World, owner: &Person) -> SessionSecret {
    let new = new_session(owner.user, "owner-north");
    let opened = world.database.entry().open_session(new, &facts()).await;
    opened.unwrap()
}

/// How many rows of that table have come to their end by now, and how many have not.
async fn counts(world: &World, table: &str) -> (i64, i64) {
    let mut admin = world.bare("postgres").await;
    let sql = format!(
        "SELECT count(*) FILTER (WHERE expires_at <= now()), count(*) FILTER (WHERE expires_at > now()) \
         FROM countersign.{table}"
    );
    let counted = sqlx::query_as(sqlx::AssertSqlSafe(sql));
    counted.fetch_one(&mut admin).await.unwrap()
}

#[tokio::test]
async fn sessions_that_are_long_over_are_forgotten_a_few_at_a_time_and_end_no_more() {
    let world = World::new().await;
    let (_, olivia) = world.company("north").await;
    let entry = world.database.entry();
    let open = || open(&world, &olivia);
    for _ in 0..29 {
        open().await;
    }
    let mut admin = world.bare("postgres").await;
    let since = |days: i32| {
        sqlx::query(
            "UPDATE countersign.sessions SET created_at = now() - interval '200 days', \
             expires_at = now() - make_interval(days => $1)",
        )
        .bind(days)
    };
    since(29).execute(&mut admin).await.unwrap();
    open().await;
    assert_eq!(
        counts(&world, "sessions").await,
        (30, 1),
        "they are kept for a while"
    );

    let which = SessionsOf::Subject {
        issuer: ISSUER,
        subject: "owner-north",
        opened_by: now(),
    };
    let facts = facts();
    let ended = entry.end_sessions(which, EndedBy::Provider, &facts).await;
    let ended = ended.unwrap().len();
    assert_eq!(ended, 1, "what is over does not end again");

    since(31).execute(&mut admin).await.unwrap();
    open().await;
    assert_eq!(counts(&world, "sessions").await, (11, 1));
    open().await;
    assert_eq!(counts(&world, "sessions").await, (0, 2));
}

#[tokio::test]
async fn sign_ins_that_did_not_come_back_are_forgotten_a_few_at_a_time() {
    let world = World::new().await;
    let entry = world.database.entry();
    let begin = |n: u8| {
        let sign_in = SignIn {
            state_hash: [n; 32],
            nonce: "nonce".to_owned().into(),
            verifier: "verifier".to_owned().into(),
            return_url: "/".to_owned(),
            expires_at: now() + Duration::minutes(10),
        };
        let entry = entry.clone();
        async move { entry.save_sign_in(&sign_in).await.unwrap() }
    };
    for n in 0..30 {
        begin(n).await;
    }
    let mut admin = world.bare("postgres").await;
    let over = "UPDATE countersign.sign_ins SET expires_at = now() - interval '1 minute'";
    sqlx::query(over).execute(&mut admin).await.unwrap();
    begin(30).await;
    assert_eq!(counts(&world, "sign_ins").await, (10, 1));
    begin(31).await;
    assert_eq!(counts(&world, "sign_ins").await, (0, 2));
}

#[tokio::test]
async fn a_log_that_takes_no_row_keeps_nobody_signed_in() {
    let world = World::new().await;
    let (north, olivia) = world.company("north").await;
    let mut holder = world.bare("postgres").await;
    holder.execute("BEGIN").await.unwrap();
    let hold = "SELECT FROM countersign.audit_heads WHERE tenant_id = $1 FOR UPDATE";
    let hold = sqlx::query(hold).bind(north.uuid());
    hold.execute(&mut holder).await.unwrap();

    let entry = world.database.entry();
    let which = SessionsOf::Secret(&olivia.secret);
    let ended = entry.end_sessions(which, EndedBy::Person, &facts()).await;
    assert_eq!(ended.unwrap().len(), 1);
    assert!(
        entry
            .session(&olivia.secret, now())
            .await
            .unwrap()
            .is_none()
    );
    let mut admin = world.bare("postgres").await;
    let told = "SELECT array_to_string(targets, ' ') FROM countersign.audit_entries \
                WHERE tenant_id = $1 AND action = 'session.ended'";
    let told = sqlx::query_scalar::<_, String>(told).bind(TenantId::OPERATOR.uuid());
    let told = told.fetch_one(&mut admin).await.unwrap();
    assert!(told.contains(&north.to_string()), "{told}");
}
