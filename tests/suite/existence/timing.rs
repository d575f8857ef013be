//! How long it takes to be told of nothing, measured. Run by hand:
//! `cargo test --workspace --test suite -- --ignored --nocapture how_long`.

use std::time::{Duration, Instant};

use super::{Caller, LOOK, ask, paths::Watched};

/// How often each is asked for.
const ROUNDS: usize = 3_000;

/// How much earlier one is answered than another, by the ranks of their times (Mann and Whitney): about
/// normally distributed around nothing where neither is.
fn z(one: &[Duration], other: &[Duration]) -> i64 {
    let below = |time: &Duration| {
        let below = other.partition_point(|t| t < time);
        below + other.partition_point(|t| t <= time)
    };
    // Twice the statistic, so that halves for ties are whole.
    let twice: usize = one.iter().map(below).sum();
    let (n, m) = (one.len(), other.len());
    let off = i64::try_from(twice).unwrap() - i64::try_from(n * m).unwrap();
    let spread = i64::try_from((n * m * (n + m + 1) / 3).isqrt()).unwrap();
    // In tenths.
    off * 10 / spread
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures, and takes two minutes"]
async fn how_long_it_takes_to_be_told_of_nothing() {
    let watched = Watched::start(None).await;
    let by = Caller::Person(watched.books.worker.clone());
    let sort = "mutation($id: ID!) { categorizeTransaction(input: { transactionId: $id }) { userErrors { code } } }";
    for (what, form) in [
        ("personal account", LOOK),
        ("personal transaction", LOOK),
        ("audit", LOOK),
        ("personal transaction", sort),
    ] {
        let ids = watched.ids(what);
        let mut times = [const { Vec::new() }; 3];
        for round in 0..ROUNDS {
            for turn in 0..3 {
                let which = (round + turn) % 3;
                let asked = Instant::now();
                let reply = ask(&watched.app, &by, form, &ids[which], false).await;
                let took = asked.elapsed();
                assert_eq!(reply.status, 404, "{:?}", reply.body);
                times[which].push(took);
            }
            if round % 100 == 0 {
                // The quota is for a minute.
                watched.app.clock.advance(chrono::Duration::minutes(1));
            }
        }
        for times in &mut times {
            times.sort_unstable();
        }
        let [hidden, nowhere, foreign] = &times;
        let half = |times: &[Duration]| times[times.len() / 2];
        println!(
            "{what} {form:.20}: half within {:?} hidden, {:?} nowhere, {:?} another's; \
             ten times z: {} hidden to nowhere, {} another's to nowhere",
            half(hidden),
            half(nowhere),
            half(foreign),
            z(hidden, nowhere),
            z(foreign, nowhere),
        );
    }
}
