//! How many rows of an export are verified in a second, by one core: their hashes, their links, the Merkle
//! tree over them, and the digest of the bytes that is signed.
//!
//! ```sh
//! cargo run --release -p countersign-domain --example verify
//! ```

use std::{
    error::Error,
    io::Write,
    time::{Duration, Instant},
};

use chrono::DateTime;
use countersign_domain::{
    audit::{
        Event, Head, Outcome,
        exported::{Verifier, json_line},
        next_link,
    },
    id::{AuditEntryId, RequestId, TenantId},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ROWS: u64 = 20_000;
const ROUNDS: usize = 51;
const KEY: [u8; 32] = [7; 32];

/// A row as reading leaves it.
fn event(n: u64) -> Event {
    let id = |kind: u128| Uuid::from_u128((kind << 64) | u128::from(n) | (7 << 76));
    Event {
        id: AuditEntryId::new(id(1)),
        actor_kind: "human".to_owned(),
        actor_id: format!("usr_{}", id(2).simple()),
        action: "books.read".to_owned(),
        permission: "Query.transactions: allowed by rules owner-reads, books-open".to_owned(),
        policies: Some([9; 32]),
        outcome: Outcome::Done,
        targets: vec![format!("acc_{}", id(3).simple())],
        request: RequestId::new(id(4)),
        source: Some("192.0.2.0/24".to_owned()),
        payload: format!(
            "{{\"document\":\"{0}{0}\",\"fields\":[\"transactions\"],\"hidden\":{n}}}",
            id(5).simple()
        ),
        occurred_at: DateTime::from_timestamp_micros(
            1_790_000_000_000_000 + i64::try_from(n).unwrap_or_default(),
        )
        .unwrap_or_default(),
    }
}

fn verify(tenant: TenantId, bytes: &[u8]) -> Result<u64, Box<dyn Error>> {
    let (mut verifier, mut digest) = (Verifier::new(tenant, false, None), Sha256::new());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        digest.update(line);
        verifier.line(line)?;
    }
    let (verified, _) = verifier.finish()?;
    Ok(verified)
}

fn main() -> Result<(), Box<dyn Error>> {
    let tenant = TenantId::new(Uuid::from_u128(1));
    let (mut head, mut bytes) = (Head::EMPTY, Vec::new());
    for n in 0..ROWS {
        let event = event(n);
        let link = next_link(&head, tenant, &event, &KEY);
        head = Head {
            seq: link.seq,
            hash: link.hash,
        };
        bytes.extend(json_line(tenant, &event, &link)?);
    }
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let verified = verify(tenant, &bytes)?;
        took.push(began.elapsed());
        assert_eq!(verified, ROWS, "every row verifies");
    }
    took.sort_unstable();
    let (best, median) = (took.first().copied(), took.get(ROUNDS / 2).copied());
    let rate = |took: Option<Duration>| {
        let micros = took.unwrap_or_default().as_micros().max(1);
        u128::from(ROWS) * 1_000_000 / micros
    };
    writeln!(
        std::io::stdout(),
        "{ROWS} rows of {} bytes: {} rows/s, {} at best",
        u64::try_from(bytes.len())? / ROWS,
        rate(median),
        rate(best)
    )?;
    Ok(())
}
