//! Replicas that meet in Redis.

use std::{path::Path, time::Duration};

use countersign_domain::access::{Role, Scope};
use countersign_entities::{Clock, SystemClock};
use countersign_stand::redis::Redis;
use countersign_tests::{Served, TestApp};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    books::{account, camt, entries, send},
    streams::IMPORTS,
};

const CHANNEL: &str = "countersign:imports";

/// A connection that speaks Redis' protocol by hand.
async fn tapped(redis: &Redis) -> TcpStream {
    let url = redis.url();
    let address = url.strip_prefix("redis://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// What comes until nothing does for a moment.
async fn came(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let moment = Duration::from_millis(300);
    let mut piece = [0; 4096];
    while let Ok(Ok(read)) = tokio::time::timeout(moment, stream.read(&mut piece)).await {
        if read == 0 {
            break;
        }
        all.extend(&piece[..read]);
    }
    all
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Until so many listen.
async fn listened_to_by(redis: &Redis, count: usize) {
    let mut stream = tapped(redis).await;
    for _ in 0..50 {
        let ask = format!("PUBSUB NUMSUB {CHANNEL}\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        let told = came(&mut stream).await;
        if has(&told, format!(":{count}\r\n").as_bytes()) {
            return;
        }
    }
    panic!("not {count} listen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_told_of_at_every_replica_and_redis_learns_nothing_of_it() {
    let folder = std::env::temp_dir();
    let own = |name: &str| folder.join(format!("countersign-{}-{name}", std::process::id()));
    let log = own("replicas-redis.log");
    let redis = tokio::task::spawn_blocking(move || Redis::start(&log)).await;
    let redis = redis.unwrap().unwrap();
    let mut toml = String::new();
    let app = TestApp::start_with(SystemClock.now(), |given| {
        toml = format!("{given}[limits]\nredis_url = \"{}\"\n", redis.url());
        toml.clone()
    })
    .await;
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    let mut replica = Served::start(program, &own("replica.toml"), &toml);
    let north = app.tenant("north").await;
    let owner = app.person(&north, Role::Owner, "olivia").await;
    let (_, number) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let token = owner.token(&[Scope::BasicRead, Scope::PiiRead]).await;
    replica.ready(app.http()).await;
    let mut tap = tapped(&redis).await;
    let subscribe = format!("SUBSCRIBE {CHANNEL}\r\n");
    tap.write_all(subscribe.as_bytes()).await.unwrap();
    listened_to_by(&redis, 3).await;

    let mut here = token.listen(IMPORTS).await;
    let mut there = token.at(&replica.url()).listen(IMPORTS).await;
    here.opened().await;
    there.opened().await;
    let file = camt(&number, "1000.00", &entries(5));
    send(&owner, "march.xml", file.as_bytes(), json!({})).await;
    for events in [&mut here, &mut there] {
        // A machine hears of it when its account is known.
        for stage in ["WRITING", "WRITING", "DONE"] {
            let answer = events.answer().await;
            let progress = &answer["data"]["importProgressed"];
            // Once each: a replica does not hear itself.
            assert_eq!(progress["stage"], stage, "{answer}");
            assert_eq!(progress["fileName"], "march.xml");
            let added = &progress["import"]["addedCount"];
            assert_eq!(added.as_i64(), (stage == "DONE").then_some(5), "{answer}");
        }
    }

    let told = came(&mut tap).await;
    assert!(has(&told, north.id.uuid().as_bytes()), "it went by Redis");
    for secret in ["march", "DONE", "WRITING"] {
        assert!(!has(&told, secret.as_bytes()), "{secret}");
    }

    // What Redis makes up, here of what it has heard, is told to nobody.
    let at = told
        .windows(16)
        .rposition(|part| part == north.id.uuid().as_bytes());
    let sealed = &told[at.unwrap() + 32..];
    let sealed = &sealed[..sealed.len() - 2];
    let (stranger, request) = ([7; 16], [8; 16]);
    let forged = [&stranger[..], north.id.uuid().as_bytes(), &request, sealed].concat();
    let mut other = tapped(&redis).await;
    let (channel, length) = (CHANNEL.len(), forged.len());
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n${channel}\r\n{CHANNEL}\r\n${length}\r\n");
    let published = [head.as_bytes(), &forged, b"\r\n"].concat();
    other.write_all(&published).await.unwrap();
    assert!(has(&came(&mut other).await, b":3\r\n"), "it was heard");
    let file = camt(&number, "500.00", &entries(3));
    send(&owner, "april.xml", file.as_bytes(), json!({})).await;
    let next = there.answer().await;
    assert_eq!(next["data"]["importProgressed"]["fileName"], "april.xml");
}
