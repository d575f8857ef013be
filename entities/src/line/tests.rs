//! What connections keep prepared, asked of PostgreSQL itself.

use std::{sync::Arc, time::Duration};

use countersign_stand::postgres::Cluster;
use sea_orm::{DbBackend, Statement};
use secrecy::SecretString;

use super::{Lane, Lanes, Line, Lines, Opener, PREPARED_MAX, Peers, Vigil, fetched};

const COUNT: &str = "SELECT count(*) FROM pg_prepared_statements";
const PATIENCE: Duration = Duration::from_secs(10);

fetched! {
    #[derive(Debug)]
    struct Count {
        count: i64,
    }
}

fn ask(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

fn database() -> (SecretString, Vigil) {
    let address = Cluster::shared().admin_url("postgres").into();
    // None is given up here, and so nobody needs to know of the others.
    (address, Vigil::new(&Arc::new(Peers::default()), PATIENCE))
}

async fn on_lane(lane: &Lane, sql: &str) -> i64 {
    let done = lane.fly(&ask(sql), &[]).await.unwrap().remove(0).unwrap();
    done.rows::<Count>().unwrap()[0].count
}

#[tokio::test]
async fn a_lane_keeps_a_few_statements_and_those_that_are_asked_for() {
    let (address, vigil) = database();
    let opener = Opener::new(&address, PATIENCE, None, vigil).unwrap();
    let lanes = Lanes::new(opener);
    let lane = lanes.get().await.unwrap();
    let often = "SELECT name, 'often' AS often, substr(name, 2)::int8 AS count \
        FROM pg_prepared_statements WHERE statement LIKE '%''often''%'";
    let name = on_lane(&lane, often).await;
    for n in 0..3 * i64::try_from(PREPARED_MAX).unwrap() {
        let sql = format!("SELECT {n}::int8 AS count");
        // Two at a time prepare it under two names.
        let (one, other) = futures::join!(on_lane(&lane, &sql), on_lane(&lane, &sql));
        assert_eq!((one, other), (n, n));
        assert_eq!(on_lane(&lane, often).await, name, "it is never forgotten");
    }
    let kept = on_lane(&lane, COUNT).await;
    let most = i64::try_from(PREPARED_MAX).unwrap();
    assert!((2..=most + 1).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_line_keeps_a_few_statements() {
    let (address, vigil) = database();
    let lines = Lines::new(&address, 1, PATIENCE, None, &vigil).unwrap();
    for n in 0..2 * PREPARED_MAX {
        let first = ask(&format!("SELECT {n}::int8 AS count"));
        let (line, _) = Line::open::<Count>(&lines, true, "BEGIN", &first)
            .await
            .unwrap();
        line.roll_back().await.unwrap();
    }
    let (line, count) = Line::open::<Count>(&lines, true, "BEGIN", &ask(COUNT))
        .await
        .unwrap();
    line.roll_back().await.unwrap();
    let most = i64::try_from(PREPARED_MAX).unwrap();
    assert!((1..=most + 1).contains(&count.count), "{}", count.count);
}
