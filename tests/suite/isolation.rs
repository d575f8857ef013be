//! The server refuses to start on a database in which tenants are not isolated (ISO-1).

use std::sync::Arc;

use countersign::{
    config::Config,
    server::{Server, StartError},
};
use countersign_entities::{SystemClock, SystemIds};
use countersign_tests::TestDatabase;
use sqlx::Executor;

async fn start(database: &TestDatabase) -> Result<(), String> {
    let toml = countersign_tests::configuration(database);
    let config = Config::from_toml(&toml).expect("a configuration");
    let server = Server::build(config, Arc::new(SystemClock), Arc::new(SystemIds)).await;
    match server.expect("it builds").serve_in_background().await {
        Ok(handle) => {
            handle.stop(false).await;
            Ok(())
        }
        Err(StartError::Isolation(error)) => Err(error.to_string()),
        Err(other) => panic!("{other:?}"),
    }
}

/// What a careless hand might do to the database, and the words that the refusal must have. The
/// roles are the cluster's, so what is done to them is done to roles of the test's own.
#[tokio::test(flavor = "multi_thread")]
async fn it_names_what_makes_isolation_a_mere_promise() {
    let database = TestDatabase::create().await;
    assert_eq!(start(&database).await, Ok(()));
    let mut superuser = database.superuser().await;
    for (deed, undo, words) in [
        (
            "ALTER TABLE countersign.transactions NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE countersign.transactions FORCE ROW LEVEL SECURITY",
            "`transactions`",
        ),
        (
            "ALTER TABLE countersign.accounts DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE countersign.accounts ENABLE ROW LEVEL SECURITY",
            "`accounts`",
        ),
        (
            "CREATE TABLE countersign.forgotten (tenant_id uuid NOT NULL, note text)",
            "DROP TABLE countersign.forgotten",
            "`forgotten`",
        ),
        (
            "CREATE TABLE countersign.own (x int); ALTER TABLE countersign.own OWNER TO countersign_books",
            "DROP TABLE countersign.own",
            "`countersign_books` owns a table",
        ),
    ] {
        superuser.execute(deed).await.expect("the deed");
        let refusal = start(&database).await.expect_err(deed);
        assert!(refusal.contains(words), "{deed}: {refusal}");
        superuser.execute(undo).await.expect("the undoing");
    }
    assert_eq!(start(&database).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_a_role_that_bypasses_row_level_security() {
    let database = TestDatabase::create().await;
    let mut superuser = database.superuser().await;
    superuser
        .execute(
            "CREATE ROLE careless_books LOGIN BYPASSRLS IN ROLE countersign_books PASSWORD 'x'",
        )
        .await
        .expect("a role");
    let toml = countersign_tests::configuration(&database)
        .replace("countersign_books:countersign_books", "careless_books:x");
    let config = Config::from_toml(&toml).expect("a configuration");
    let server = Server::build(config, Arc::new(SystemClock), Arc::new(SystemIds)).await;
    let refused = server.expect("it builds").serve_in_background().await;
    superuser
        .execute("DROP ROLE careless_books")
        .await
        .expect("the role goes");
    let Err(StartError::Isolation(error)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        error.to_string().contains("may bypass row-level security"),
        "{error}"
    );
}
