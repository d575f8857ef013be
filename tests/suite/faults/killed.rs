//! The server's process is killed under many callers, again and again.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use countersign_domain::access::Role;
use countersign_entities::{Clock, SystemClock};
use countersign_tests::{Served, TestApp};
use serde_json::json;

use super::{
    callers::{CREATE, Going, Heard, call_on, token},
    kept::assert_kept,
};

const CALLERS: usize = 32;
const TENANTS: usize = 3;
const KILLS: usize = 4;
/// The same moments in every run, as far as the machine lets them be.
const SEED: u64 = 0x5eed_0005;

/// `SplitMix64`.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_32_callers_were_told_is_in_whole_chains_after_the_server_was_killed_at_random() {
    let mut toml = String::new();
    // Another replica, which makes the people, is idle meanwhile, and lives to be asked afterwards.
    let app = TestApp::start_with(SystemClock.now(), |given| {
        let more = given.replace("connections_max = 4", "connections_max = 12");
        toml = format!("{more}[limits]\ncost = 4000000000\n[log]\nfilter = \"warn\"\n");
        given
    })
    .await;
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    let config = format!("countersign-test-{}-served.toml", std::process::id());
    let config = std::env::temp_dir().join(config);
    let mut served = Served::start(program, &config, &toml);
    let mut tenants = Vec::new();
    for n in 0..TENANTS {
        let tenant = app.tenant(&format!("tenant-{n}")).await;
        let owner = app
            .person(&tenant, Role::Owner, &format!("owner-{n}"))
            .await;
        tenants.push((tenant, owner));
    }
    let mut tokens = Vec::new();
    for (_, owner) in &tenants {
        tokens.push(token(owner).await);
    }
    served.ready(app.http()).await;
    let going = Going::default();
    let callers = (0..CALLERS).map(|n| {
        let token = tokens[n % TENANTS].at(&served.url());
        tokio::spawn(call_on(token, n, going.clone()))
    });
    let callers: Vec<_> = callers.collect();
    let mut random = SEED;
    for _ in 0..KILLS {
        let moment = 300 + next_random(&mut random) % 700;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        served.kill();
        served.ready(app.http()).await;
    }
    Going::until(&going.answers, CALLERS).await;
    going.stop();
    let mut heard: Vec<Vec<Heard>> = (0..TENANTS).map(|_| Vec::new()).collect();
    for (n, caller) in callers.into_iter().enumerate() {
        heard[n % TENANTS].push(caller.await.unwrap());
    }
    let all = || heard.iter().flatten();
    let faults: usize = all().map(|heard| heard.faults).sum();
    assert!(faults >= KILLS, "nobody noticed: {faults}");
    let answers: usize = all().map(|heard| heard.requests.len()).sum();
    assert!(answers > 4 * CALLERS, "nobody was answered: {answers}");

    let mut superuser = app.test_database.superuser().await;
    let operator = app.database().operator();
    let mut made = Vec::new();
    for ((tenant, _), heard) in tenants.iter().zip(&heard) {
        made.push(assert_kept(&mut superuser, &operator, tenant, heard).await);
    }
    assert!(made.iter().all(|made| *made > 0), "{made:?}");

    // Answers are not taken to be on their way any more. Whoever comes once more with a key, to whichever
    // replica, makes nothing once more.
    app.clock.advance(TimeDelta::hours(1));
    for (token, heard) in tokens.iter().zip(&heard) {
        let last = heard.iter().filter_map(|heard| heard.made.last());
        for name in heard.iter().flat_map(|heard| &heard.pending).chain(last) {
            let again = token.attempt(CREATE, json!({ "name": name }), Some(name));
            let again = again.await.unwrap();
            let is_gone = again.error_code() == Some("IDEMPOTENCY_RESULT_GONE");
            let is_replayed = again.headers.contains_key("idempotency-replayed");
            assert!(is_gone || is_replayed, "{:?}", again.body);
        }
    }
    for (((tenant, _), heard), made) in tenants.iter().zip(&heard).zip(made) {
        let now = assert_kept(&mut superuser, &operator, tenant, heard).await;
        assert_eq!(now, made);
    }
}
