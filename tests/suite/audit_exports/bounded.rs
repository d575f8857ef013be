//! How many exports are under way at once, and for how long one waits for its reader.

use std::time::Duration;

use countersign_domain::access::Role;
use countersign_tests::{Browser, TestApp, TestTenant};
use reqwest::Response;
use serde_json::{Value, json};

use super::{
    ask,
    download::Download,
    payload, refusal,
    refused::of_limits,
    streamed::{MANY, grow, last_of},
};
use crate::audit::log;

/// An export that began, of which the first bytes are read.
async fn begun(by: &Browser) -> Response {
    let mut answer = ask(by, &json!({ "format": "jsonl" })).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.chunk().await.unwrap().is_some());
    answer
}

/// The rest of one: how much it is, and whether it came to its end.
async fn rest(mut answer: Response) -> (usize, bool) {
    let mut bytes = 0;
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes += chunk.len(),
            Ok(None) => return (bytes, true),
            Err(_) => return (bytes, false),
        }
    }
}

/// Waits until so many exports are under way.
async fn until_under_way(app: &TestApp, exports: u64) {
    for _ in 0..200 {
        if app.metric("countersign_audit_exports").await == exports {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not {exports} exports are under way");
}

async fn owner_of(app: &TestApp, tenant: &TestTenant) -> Browser {
    let name = format!("owner-of-{}", tenant.slug);
    let owner = app.person_with_factor(tenant, Role::Owner, &name).await;
    grow(app, &owner, MANY).await;
    owner
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_exports_begin_than_may_be_under_way_and_each_place_is_given_back() {
    let limits = "exports = 1000\nexports_at_once = 1\nexports_at_once_in_all = 2";
    let (app, north) = of_limits(limits).await;
    let (south, west) = (app.tenant("southwind").await, app.tenant("westwind").await);
    let owner = owner_of(&app, &north).await;
    let of_south = owner_of(&app, &south).await;
    let of_west = app.person_with_factor(&west, Role::Owner, "wanda").await;
    let asked = json!({ "format": "csv" });

    let first = begun(&owner).await;
    let busy = refusal(&owner, &asked).await;
    assert_eq!(
        (busy.status, busy.error_code()),
        (429, Some("RATE_LIMITED"))
    );
    assert_eq!(busy.headers["retry-after"], "10");
    assert_eq!(busy.headers["content-type"], "application/problem+json");
    let detail = busy.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("at most 1 exports of a tenant at once"),
        "{detail}"
    );
    let row = log(
        &owner,
        json!({ "action": "audit.exported", "outcome": "REFUSED" }),
    )
    .await;
    assert_eq!(row.len(), 1, "{row:?}");
    assert_eq!(row[0]["actorId"], owner.user.to_string());
    let told = payload(&row[0]);
    assert_eq!(
        (&told["reason"], &told["format"]),
        (&json!("exports of the tenant at once"), &json!("csv"))
    );
    // Who may not take rows out is told that alone.
    let admin = app.person_with_factor(&north, Role::Admin, "adele").await;
    let forbidden = refusal(&admin, &asked).await;
    assert_eq!(
        (forbidden.status, forbidden.error_code()),
        (403, Some("FORBIDDEN"))
    );

    // The other tenants' are not theirs, and the process has an end of its own.
    let second = begun(&of_south).await;
    until_under_way(&app, 2).await;
    let busy = refusal(&of_west, &asked).await;
    assert_eq!(
        (busy.status, busy.error_code()),
        (503, Some("SERVICE_UNAVAILABLE"))
    );
    assert_eq!(busy.headers["retry-after"], "10");
    let row = log(&of_west, json!({ "action": "audit.exported" })).await;
    assert_eq!(payload(&row[0])["reason"], "exports of the server at once");
    let limited = "countersign_rate_limited_requests_total{policy=\"exports-at-once\"}";
    assert_eq!(app.metric(limited).await, 2);

    // One hangs up, and one is read to its end.
    drop(second);
    until_under_way(&app, 1).await;
    assert!(Download::of(&of_west, asked.clone()).await.verifies().await);
    let (_, is_whole) = rest(first).await;
    assert!(is_whole);
    until_under_way(&app, 0).await;
    assert!(Download::of(&owner, asked).await.verifies().await);
    until_under_way(&app, 0).await;
}

/// Until the server has a connection with something to send that its peer does not take, or has none.
async fn until_unread(app: &TestApp, is_so: bool) {
    for _ in 0..100 {
        if is_unread(app) == is_so {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("what is sent is unread: {}", !is_so);
}

/// As Linux tells it.
fn is_unread(app: &TestApp) -> bool {
    let (_, port) = app.url().rsplit_once(':').unwrap();
    let own = format!(":{:04X}", port.parse::<u16>().unwrap());
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut sockets = sockets.lines().skip(1).map(str::split_whitespace);
    sockets.any(|mut columns| {
        let from = columns.nth(1).unwrap();
        let unsent = columns.nth(2).unwrap().split(':').next().unwrap();
        from.ends_with(&own) && unsent != "00000000"
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn export_ends_whose_reader_stops_and_not_one_whose_reader_is_slow() {
    let limits = "exports = 1000\nexports_at_once = 1\nreader_seconds = 3";
    let (app, tenant) = of_limits(limits).await;
    let owner = owner_of(&app, &tenant).await;
    let answer = begun(&owner).await;
    until_unread(&app, true).await;
    let ended = last_of(&owner).await;
    assert_eq!(ended["outcome"], "FAILED");
    let told = payload(&ended);
    assert_eq!(
        (&told["completed"], &told["why"]),
        (&json!(false), &json!("the reader stopped"))
    );
    assert!(told["rows"].as_u64().unwrap() < u64::try_from(MANY).unwrap());
    until_under_way(&app, 0).await;

    // Nor does the connection wait for it.
    until_unread(&app, false).await;

    // The next has the place, and a reader who takes longer than that in all, and never stops.
    let mut slow = begun(&owner).await;
    let began = tokio::time::Instant::now();
    let mut bytes = 0;
    let mut last = Vec::new();
    while let Some(chunk) = slow.chunk().await.unwrap() {
        bytes += chunk.len();
        last = chunk.to_vec();
        // As much in each quarter of a second.
        let due = Duration::from_millis(u64::try_from(bytes / (500 << 10)).unwrap() * 250);
        tokio::time::sleep_until(began + due).await;
    }
    assert!(began.elapsed() > Duration::from_secs(4), "{bytes} bytes");
    assert!(String::from_utf8_lossy(&last).contains("\"manifest\""));

    // Who comes back later finds it cut, and not whole.
    let (late, is_whole) = rest(answer).await;
    assert!(!is_whole && late < bytes, "{late} of {bytes} bytes");
    let rows = log(&owner, json!({ "action": "audit.export_ended" })).await;
    let outcomes: Vec<&Value> = rows.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, ["DONE", "FAILED"]);
}
