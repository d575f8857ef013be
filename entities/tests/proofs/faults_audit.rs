//! PostgreSQL is killed under many writers: what was acknowledged is in the chain, the chain is
//! whole, and a change is there if and only if its row is (AUD-2).

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign_domain::id::{CategoryId, TenantId};
use countersign_entities::{EventDraft, IdempotencyKey, RequestContext, RequestFacts};
use countersign_migrations::migrate;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, passwords},
    world::{Person, World, asking, draft, facts, uuid},
};

const WRITERS: usize = 32;
const TENANTS: usize = 3;
const CRASHES: usize = 3;
/// The same moments in every run, as far as the machine lets them be.
const SEED: u64 = 0x5eed_0005;

/// `SplitMix64`.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What tells one event from all others is its target.
fn about(id: Uuid, action: &'static str) -> EventDraft {
    EventDraft {
        targets: vec![CategoryId::new(id).into()],
        ..draft(action)
    }
}

/// Makes a category with its row, in one message where that can be; whether that was acknowledged.
async fn change(world: &World, who: &Person, context: &RequestContext, id: Uuid) -> bool {
    let keyed = RequestFacts {
        idempotency_key: IdempotencyKey::parse(&id.to_string()),
        ..facts()
    };
    let (credential, asked) = (who.credential(), asking(0));
    let presumed = world
        .database
        .presume_to_write(&credential, &keyed, &[], asked);
    let write = match presumed {
        Some((_, write)) => write,
        None => match world.database.write(context, None).await {
            Ok(write) => write,
            Err(_) => return false,
        },
    };
    let permit = world.permit(context, "createCategory");
    let name = format!("c {id}");
    let made = write.new_category(&permit, CategoryId::new(id), &name);
    let (_, insertion) = made.unwrap();
    let event = about(id, "category.created");
    write.insert(permit, insertion, event).await.is_ok()
}

/// Whether changes go by one message.
fn writes_at_once(world: &World) -> bool {
    let mut connections = world.database.connections().into_iter();
    connections.any(|(name, open, _)| name == "write_shared" && open > 0)
}

/// Writes until told to stop: reads' rows by group commit, and changes with theirs. The ids of what
/// was acknowledged, and how much was not.
async fn write_on(
    world: Arc<World>,
    who: Person,
    n: usize,
    stop: Arc<AtomicBool>,
) -> (Vec<Uuid>, usize) {
    let (context, read) = world.enter(&who).await;
    read.leave();
    let (mut acknowledged, mut failed) = (Vec::new(), 0);
    for turn in n.. {
        if stop.load(Ordering::Acquire) {
            break;
        }
        let id = uuid();
        let told = if turn % 2 == 0 {
            let recorded = world.database.record(&context, about(id, "books.read"));
            recorded.await.is_ok()
        } else {
            change(&world, &who, &context, id).await
        };
        if told {
            acknowledged.push(id);
        } else {
            failed += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    (acknowledged, failed)
}

/// The ids that the tenant's rows of an action have for targets, each of which must be once.
async fn recorded(world: &World, tenant: TenantId, action: &str) -> BTreeSet<String> {
    let mut admin = world.bare("postgres").await;
    let sql = "SELECT unnest(targets) FROM countersign.audit_entries \
               WHERE tenant_id = $1 AND action = $2";
    let targets: Vec<String> = sqlx::query_scalar(sql)
        .bind(tenant.uuid())
        .bind(action)
        .fetch_all(&mut admin)
        .await
        .unwrap();
    let once: BTreeSet<String> = targets.iter().cloned().collect();
    assert_eq!(once.len(), targets.len(), "an event is there twice");
    once
}

async fn changed(world: &World, tenant: TenantId) -> BTreeSet<String> {
    let mut admin = world.bare("postgres").await;
    let sql = "SELECT id FROM countersign.categories WHERE tenant_id = $1";
    let ids: Vec<Uuid> = sqlx::query_scalar(sql)
        .bind(tenant.uuid())
        .fetch_all(&mut admin)
        .await
        .unwrap();
    ids.into_iter().map(target).collect()
}

/// As rows spell it.
fn target(id: Uuid) -> String {
    let draft = about(id, "books.read");
    draft.targets.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_32_writers_were_told_is_in_whole_chains_after_postgresql_was_killed_at_random() {
    let cluster = Arc::new(Cluster::start());
    let name = cluster.create(None).await;
    let owner = cluster.url(&name, "postgres");
    migrate(&owner, passwords()).await.unwrap();
    let world = Arc::new(World::of(Arc::clone(&cluster), name).await);
    let mut companies = Vec::new();
    for n in 0..TENANTS {
        companies.push(world.company(&format!("company-{n}")).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for (n, (tenant, owner)) in (0..WRITERS).zip(companies.iter().cycle()) {
        let writer = write_on(Arc::clone(&world), owner.clone(), n, Arc::clone(&stop));
        writers.push((*tenant, tokio::spawn(writer)));
    }
    while !writes_at_once(&world) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut random = SEED;
    for _ in 0..CRASHES {
        let moment = 300 + next_random(&mut random) % 600;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let cluster = Arc::clone(&cluster);
        let crash = move || {
            cluster.kill();
            cluster.start_again();
        };
        tokio::task::spawn_blocking(crash).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    stop.store(true, Ordering::Release);
    let (mut told, mut failures) = (Vec::new(), 0);
    for (tenant, writer) in writers {
        let (ids, failed) = writer.await.unwrap();
        told.extend(ids.into_iter().map(|id| (tenant, target(id))));
        failures += failed;
    }
    assert!(
        failures >= CRASHES,
        "nobody noticed the crashes: {failures}"
    );
    assert!(told.len() > 4 * WRITERS, "nobody wrote: {}", told.len());

    let mut missing = told.len();
    for (tenant, _) in companies {
        let operator = world.database.operator();
        let verified = operator.verify_ledger(tenant, None, None).await;
        assert!(verified.is_ok(), "{verified:?}");
        let reads = recorded(&world, tenant, "books.read").await;
        let changes = recorded(&world, tenant, "category.created").await;
        assert_eq!(changes, changed(&world, tenant).await, "half written");
        assert!(!reads.is_empty() && !changes.is_empty());
        let told = told.iter().filter(|(of, _)| *of == tenant);
        for (_, target) in told {
            let is_there = reads.contains(target) || changes.contains(target);
            assert!(is_there, "`{target}` was acknowledged and is lost");
            missing -= 1;
        }
    }
    assert_eq!(missing, 0);
}
