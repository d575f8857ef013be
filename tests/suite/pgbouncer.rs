//! The whole product behind PgBouncer in transaction mode: more requests at once than server
//! connections, of two tenants in turn.

use std::collections::BTreeSet;

use chrono::DateTime;
use countersign_domain::access::Scope;
use countersign_stand::pgbouncer::PgBouncer;
use countersign_tests::{Browser, TestApp, cluster};
use serde_json::json;

use crate::books::{BUSINESS, CARD, PERSONAL, books, books_of};

/// Server connections for each of the product's two roles.
const POOL: u32 = 2;

/// The product, which knows no other address than the pooler's.
async fn behind(pooler: &PgBouncer) -> TestApp {
    let (own, other) = (pooler.port(), cluster().port());
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    TestApp::start_with(now, |toml| {
        let toml = toml.replace(
            &format!("@127.0.0.1:{other}/"),
            &format!("@127.0.0.1:{own}/"),
        );
        assert_eq!(toml.matches(&format!(":{own}/")).count(), 2, "{toml}");
        toml.replace("[database]\n", "[database]\nprepared_statements = false\n")
    })
    .await
}

async fn ids(by: &Browser) -> BTreeSet<String> {
    let reply = by
        .graphql("{ transactions(first: 200) { nodes { id } } }", json!({}))
        .await;
    let nodes = reply.data()["transactions"]["nodes"].as_array().cloned();
    let nodes = nodes.unwrap_or_else(|| panic!("{:?}", reply.body));
    let ids = nodes.iter().filter_map(|node| node["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_in_turn_over_few_connections_never_see_each_other() {
    let pooler = PgBouncer::start(cluster(), POOL).unwrap();
    let app = behind(&pooler).await;
    let (one, two) = (books(&app).await, books_of(&app, "alder").await);
    let token = one.owner.token(&[Scope::BasicRead]).await;
    let mut known = Vec::new();
    for books in [&one, &two] {
        let own = ids(&books.owner).await;
        assert_eq!(own.len(), BUSINESS + CARD + PERSONAL);
        known.push((books.owner.clone(), own));
    }
    assert!(known[0].1.is_disjoint(&known[1].1));

    let mut tasks = Vec::new();
    for n in 0..24 {
        let (owner, own) = known[n % 2].clone();
        let token = token.clone();
        tasks.push(tokio::spawn(async move {
            for turn in 0..4 {
                assert_eq!(ids(&owner).await, own);
                let made = owner
                    .graphql(
                        "mutation($name: String!) { createCategory(input: { name: $name }) \
                         { category { id } userErrors { code } } }",
                        json!({ "name": format!("{n} in turn {turn}") }),
                    )
                    .await;
                let made = &made.body;
                assert!(
                    made["data"]["createCategory"]["category"]["id"].is_string(),
                    "{made}"
                );
            }
            let seen = token
                .graphql("{ transactions(first: 200) { nodes { id } } }", json!({}))
                .await;
            let seen = seen.data()["transactions"]["nodes"]
                .as_array()
                .map(Vec::len);
            assert_eq!(seen, Some(BUSINESS + CARD));
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }

    let mut superuser = app.test_database.superuser().await;
    let connections: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND usename LIKE 'countersign_%'",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert!(
        (1..=i64::from(2 * POOL)).contains(&connections),
        "{connections} server connections: the pooler was not in between"
    );
    for (books, counted) in [(&one, 12 * 4), (&two, 12 * 4)] {
        let created: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM countersign.audit_entries \
             WHERE tenant_id = $1 AND action = 'category.created'",
        )
        .bind(books.tenant.id.uuid())
        .fetch_one(&mut superuser)
        .await
        .unwrap();
        assert_eq!(created, counted, "each in its own tenant's log");
        let operator = app.database().operator();
        let verified = operator.verify_ledger(books.tenant.id, None, None).await;
        assert!(
            verified.is_ok(),
            "the chain of `{}`: {verified:?}",
            books.tenant.slug
        );
    }
}
