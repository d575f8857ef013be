//! What must hold of a tenant's log and books, whatever happened (AUD-3).

use std::collections::{BTreeMap, BTreeSet};

use countersign_entities::Operator;
use countersign_tests::TestTenant;
use sqlx::PgConnection;
use uuid::Uuid;

use super::callers::Heard;

/// A row's number, request, action and targets.
type Row = (i64, Uuid, String, Vec<String>);

/// That the chain is whole; that what callers were told has its rows; that a change is there if and only
/// if its row and its idempotency key are. Returns how many changes there are.
pub(super) async fn assert_kept(
    superuser: &mut PgConnection,
    operator: &Operator,
    tenant: &TestTenant,
    heard: &[Heard],
) -> usize {
    let own = tenant.id.uuid();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT seq, request_id, action, targets FROM countersign.audit_entries \
         WHERE tenant_id = $1 ORDER BY seq",
    )
    .bind(own)
    .fetch_all(&mut *superuser)
    .await
    .unwrap();
    let gapless = rows.iter().zip(1..).all(|(row, n)| row.0 == n);
    assert!(gapless, "a number is missing or doubled");
    let verified = operator.verify_ledger(tenant.id, None, None).await;
    let verified = verified.unwrap_or_else(|fault| panic!("{}: {fault}", tenant.slug));
    assert_eq!(usize::try_from(verified.verified).unwrap(), rows.len());

    let made: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
        "SELECT id, name, sha256(convert_to(name, 'UTF8')) FROM countersign.categories \
         WHERE tenant_id = $1",
    )
    .bind(own)
    .fetch_all(&mut *superuser)
    .await
    .unwrap();
    let keys: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT key FROM countersign.idempotency_keys WHERE tenant_id = $1 AND actor_id LIKE 'tok%'",
    )
    .bind(own)
    .fetch_all(&mut *superuser)
    .await
    .unwrap();
    let recorded = rows.iter().filter(|row| row.2 == "category.created");
    let mut recorded: Vec<&str> = recorded.flat_map(|row| &row.3).map(|t| &**t).collect();
    let ids = made.iter().map(|(id, ..)| format!("cat_{}", id.simple()));
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    recorded.sort_unstable();
    assert_eq!(
        recorded, ids,
        "a change without its row, or a row without its change"
    );
    let claimed: BTreeSet<_> = keys.into_iter().collect();
    let expected = made.iter().map(|(_, _, key)| key.clone()).collect();
    assert_eq!(
        claimed, expected,
        "a key without its change, or a change without its key"
    );

    let names: BTreeSet<&str> = made.iter().map(|(_, name, _)| &**name).collect();
    let requests: BTreeMap<String, &str> = rows
        .iter()
        .map(|row| (format!("req_{}", row.1.simple()), &*row.2))
        .collect();
    for heard in heard {
        for name in heard.made.iter().chain(&heard.pending) {
            assert!(
                names.contains(&**name),
                "`{name}` was acknowledged and is lost"
            );
        }
        for (request, event) in &heard.requests {
            let row = requests.get(request);
            assert_eq!(row, Some(event), "{request} was answered and has no row");
        }
    }
    made.len()
}
