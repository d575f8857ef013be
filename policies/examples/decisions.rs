//! What decisions cost: thirty fields of a transactions page and fifty rows, cold and remembered.

#![expect(
    clippy::print_stdout,
    reason = "printing the figures is what this program is for"
)]

use std::{collections::BTreeSet, error::Error, hint::black_box, time::Instant};

use countersign_domain::{
    access::{Role, Scope},
    id::{ApiTokenId, MemberId, SessionId, TenantId, UserId},
    principal::{Actor, Human, Machine, MachineCredential, Principal},
};
use countersign_policies::{ActionId, Decision, Decisions, Engine, Judged, row::KeptRow};
use uuid::Uuid;

const ROWS: u128 = 50;
const FIELDS: usize = 10;
const ROUNDS: usize = 41;

/// The middle of several measurements, in nanoseconds.
fn median(mut work: impl FnMut() -> u128) -> u128 {
    let mut taken: Vec<u128> = (0..ROUNDS).map(|_| work()).collect();
    taken.sort_unstable();
    taken.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn timed<T>(work: impl FnOnce() -> T) -> u128 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos()
}

/// As the gates of fields do: what was asked of a row is not asked of it again.
fn rows(decisions: &Decisions, actions: &[ActionId], rows: &[KeptRow]) -> usize {
    let decisions: Vec<_> = actions.iter().map(|id| decisions.get(*id)).collect();
    let mut shown = 0;
    for row in rows {
        let mut judged = Judged::default();
        for decision in &decisions {
            shown += usize::from(match decision {
                Decision::Allow(_) => true,
                Decision::Deny(_) => false,
                Decision::Row(rule) => judged.admits(rule, || rule.admits(row)),
            });
        }
    }
    shown
}

fn actors() -> [(&'static str, Actor); 3] {
    let id = Uuid::from_u128(7);
    let tenant = TenantId::new(Uuid::from_u128(1));
    let human = |role| Actor {
        tenant,
        principal: Principal::Human(Human {
            user: UserId::new(id),
            member: MemberId::new(id),
            session: SessionId::new(id),
            role,
            capabilities: BTreeSet::new(),
            mfa: false,
        }),
        tenant_suspended: false,
    };
    let scopes = BTreeSet::from([Scope::BasicRead, Scope::FinancialRead]);
    let credential = MachineCredential::ApiToken(ApiTokenId::new(id));
    let principal = Principal::Machine(Machine {
        credential,
        scopes,
        documents_only: false,
    });
    let machine = Actor {
        tenant,
        principal,
        tenant_suspended: false,
    };
    [
        ("owner", human(Role::Owner)),
        ("worker", human(Role::Worker)),
        ("machine", machine),
    ]
}

fn in_us(nanoseconds: u128) -> String {
    format!("{}.{} us", nanoseconds / 1000, nanoseconds % 1000 / 100)
}

/// What it costs to decide: with nothing kept, for a shape of principal that is not known yet to an engine
/// that knows others, and remembered.
fn cost(engine: &Engine, actor: &Actor, actions: &[ActionId]) -> [u128; 3] {
    let cold = median(|| {
        let engine = engine.forgetful();
        timed(|| engine.decide(actor, actions))
    });
    let other = Actor {
        tenant_suspended: true,
        ..actor.clone()
    };
    let new = median(|| {
        let engine = engine.forgetful();
        engine.decide(&other, actions);
        timed(|| engine.decide(actor, actions))
    });
    engine.decide(actor, actions);
    let kept = median(|| timed(|| engine.decide(actor, actions)));
    [cold, new, kept]
}

/// So many policies: the first of those that are built in, or all of them over and over, under new names.
fn so_many(count: usize) -> String {
    let whole = countersign_policies::whole_policies();
    let policies: Vec<&str> = whole.split("@id(\"").skip(1).collect();
    let again = policies.iter().cycle().take(count).enumerate();
    let texts = again.map(|(n, policy)| {
        let (id, rest) = policy.split_once('"').unwrap_or((policy, ""));
        // The fence keeps its name, once: nothing loads without it.
        let number = if n < policies.len() {
            String::new()
        } else {
            format!(".{n}")
        };
        format!("@id(\"{id}{number}\"{rest}\n")
    });
    texts.collect()
}

/// What it costs to ask for one thing to be done to a row in hand.
fn permits(engine: &Engine, actor: &Actor) {
    let row = KeptRow {
        tenant: actor.tenant,
        id: Uuid::from_u128(100),
        custodian: None,
        personal: false,
    };
    if let Some(action) = engine.action("Mutation.categorizeTransaction") {
        let permit = median(|| timed(|| engine.permit(actor, action, &row)));
        println!("a permit        {:>10}", in_us(permit));
    }
}

/// What a page of transactions asks for, and what its rows point to: so many that it is thirty. Those that
/// look at rows come first, so that a schema that grows takes none of them away.
fn page(engine: &Engine) -> Vec<ActionId> {
    let types = [
        "Transaction.",
        "TransactionConnection.",
        "TransactionEdge.",
        "PageInfo.",
        "Account.",
        "Category.",
    ];
    let of = |kind: &'static str| {
        engine
            .actions()
            .filter(move |(_, name)| name.starts_with(kind))
    };
    let fields = types.into_iter().flat_map(of).map(|(id, _)| id);
    let root = engine.action("Query.transactions");
    root.into_iter().chain(fields).take(30).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let engine = Engine::embedded()?;
    println!("load            {:>10} us", start.elapsed().as_micros());
    let actions = page(&engine);
    let fields: Vec<ActionId> = actions
        .iter()
        .copied()
        .filter(|action| engine.resource_of(*action) == "Transaction")
        .take(FIELDS)
        .collect();
    let all: Vec<KeptRow> = (0..ROWS)
        .map(|n| KeptRow {
            tenant: TenantId::new(Uuid::from_u128(1)),
            id: Uuid::from_u128(100 + n),
            custodian: (n % 3 == 0).then(|| UserId::new(Uuid::from_u128(7))),
            personal: n % 5 == 0,
        })
        .collect();
    println!(
        "{} actions, {} rows of {} fields; medians of {ROUNDS}",
        actions.len(),
        all.len(),
        fields.len()
    );
    for (name, actor) in actors() {
        let [cold, new, kept] = cost(&engine, &actor, &actions);
        let decisions = engine.decide(&actor, &actions);
        let on_rows = median(|| timed(|| rows(&decisions, &fields, &all)));
        println!(
            "{name:<8} cold {:>12}   new shape {:>12}   remembered {:>10}   rows {:>10}",
            in_us(cold),
            in_us(new),
            in_us(kept),
            in_us(on_rows)
        );
    }
    let [(_, owner), ..] = actors();
    let schema = countersign_policies::whole_schema();
    for count in [10, 50, 200, 1_000] {
        let start = Instant::now();
        let engine = Engine::from_texts(&[&schema], &[&so_many(count)])?;
        let load = start.elapsed().as_millis();
        let [cold, new, kept] = cost(&engine, &owner, &actions);
        println!(
            "{count:>5} policies   load {load:>6} ms   cold {:>12}   new shape {:>12}   remembered {:>10}",
            in_us(cold),
            in_us(new),
            in_us(kept)
        );
    }
    permits(&engine, &owner);
    Ok(())
}
