//! What a tenant gets to keep of its audit log, by GraphQL: checkpoints that are signed, the key that verifies
//! them, and proofs that need neither this server nor its database (AUD-3, AUD-4).

use countersign::command::ledger::proof;
use countersign_domain::{
    access::{Role, Scope},
    audit::note::{Checkpoint, VerifierKey},
};
use countersign_entities::{SignedCheckpoint, verified_note};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};

use crate::books::{Books, books, books_of};

const KEPT: &str = "{ auditKey { name keyId fingerprint text } auditCheckpoints(first: 10) { nodes { \
    origin treeSize rootHash note madeAt } pageInfo { hasNextPage } } }";
const INCLUSION: &str = "query($seq: Int!, $size: Int) { auditInclusionProof(seq: $seq, treeSize: $size) { \
    entry { seq hash signature } checkpoint { treeSize rootHash } hashes file } }";
const CONSISTENCY: &str = "query($from: Int!, $to: Int) { auditConsistencyProof(from: $from, to: $to) { \
    from { treeSize } to { treeSize } hashes file } }";

async fn checkpoint(app: &TestApp, books: &Books) -> SignedCheckpoint {
    let operator = app.database().operator();
    let made = operator
        .make_checkpoint(books.tenant.id, None)
        .await
        .unwrap();
    made.expect("the log has rows")
}

/// Reads until the log has so many rows more.
async fn grow(by: &Browser, rows: usize) {
    let reads = (0..rows).map(|_| by.graphql("{ viewer { kind } }", json!({})));
    futures::future::join_all(reads).await;
}

fn sentence(reply: &Reply) -> String {
    assert_eq!(
        reply.error_code(),
        Some("BAD_USER_INPUT"),
        "{:?}",
        reply.body
    );
    reply.body["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The text with the `n`th digit from its end changed.
fn with_other_digit(text: &str, back: usize) -> String {
    let at = text.len() - back;
    let digit = if &text[at..=at] == "0" { "1" } else { "0" };
    format!("{}{digit}{}", &text[..at], &text[at + 1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_gets_checkpoints_and_proofs_that_verify_without_this_server() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let none = books.owner.graphql(KEPT, json!({})).await;
    assert!(none.data()["auditKey"].is_null(), "{:?}", none.body);
    let reply = books.owner.graphql(INCLUSION, json!({ "seq": 1 })).await;
    assert!(sentence(&reply).contains("there is no checkpoint yet"));

    let first = checkpoint(&app, &books).await;
    // Beyond 256 rows a part of the tree is kept, and proofs are made of it.
    grow(&books.owner, 300).await;
    let second = checkpoint(&app, &books).await;
    let token = books.owner.token(&[Scope::AuditRead]).await;
    for reply in [
        books.owner.graphql(KEPT, json!({})).await,
        token.graphql(KEPT, json!({})).await,
    ] {
        let key = &reply.data()["auditKey"];
        let text = key["text"].as_str().expect("a key");
        let verifier: VerifierKey = text.parse().unwrap();
        assert_eq!(key["name"], verifier.name());
        assert_eq!(key["fingerprint"], verifier.fingerprint());
        assert_eq!(text.split('+').nth(1), key["keyId"].as_str());
        let nodes = reply.data()["auditCheckpoints"]["nodes"]
            .as_array()
            .unwrap();
        let sizes: Vec<_> = nodes.iter().map(|one| one["treeSize"].as_u64()).collect();
        assert_eq!(sizes, [Some(second.size), Some(first.size)], "newest first");
        for node in nodes {
            let said = verified_note(&verifier, node["note"].as_str().unwrap()).unwrap();
            let said = Checkpoint::parse(said).unwrap();
            assert_eq!(node["treeSize"], said.size);
            assert_eq!(node["rootHash"], hex::encode(said.root));
            assert_eq!(node["origin"], said.origin);
        }
    }
    let key = app.database().operator().note_signer(books.tenant.id).await;
    let key = key.unwrap().key().clone();
    for (seq, size) in [
        (1, None),
        (3, Some(first.size)),
        (270, None),
        (270, Some(second.size)),
    ] {
        let variables = json!({ "seq": seq, "size": size });
        let reply = token.graphql(INCLUSION, variables).await;
        let found = &reply.data()["auditInclusionProof"];
        assert_eq!(found["entry"]["seq"], seq, "{:?}", reply.body);
        let file = found["file"].as_str().unwrap();
        let of = size.unwrap_or(second.size);
        let told = proof::verify(file, &key).unwrap();
        assert_eq!(told, format!("row {seq} is in the checkpoint of {of}"));
        let changed = file.replacen("\"outcome\": \"DONE\"", "\"outcome\": \"FAILED\"", 1);
        assert_ne!(changed, file);
        assert!(proof::verify(&changed, &key).is_err(), "another row");
        let hash = found["hashes"][0].as_str().unwrap();
        let changed = file.replacen(hash, &with_other_digit(hash, 1), 1);
        assert!(proof::verify(&changed, &key).is_err(), "another hash");
    }
    let reply = token
        .graphql(CONSISTENCY, json!({ "from": first.size }))
        .await;
    let found = &reply.data()["auditConsistencyProof"];
    assert_eq!(found["to"]["treeSize"], second.size, "{:?}", reply.body);
    let file = found["file"].as_str().unwrap();
    let told = proof::verify(file, &key).unwrap();
    assert!(
        told.ends_with(&format!("goes on where that of {} ended", first.size)),
        "{told}"
    );
    let hash = found["hashes"][0].as_str().unwrap();
    let changed = file.replacen(hash, &with_other_digit(hash, 1), 1);
    assert!(proof::verify(&changed, &key).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_and_proofs_are_of_ones_own_log() {
    let app = TestApp::start().await;
    let (north, south) = (books(&app).await, books_of(&app, "alder").await);
    let of_south = checkpoint(&app, &south).await;
    grow(&north.owner, 7).await;
    let of_north = checkpoint(&app, &north).await;
    assert_ne!(of_north.size, of_south.size);
    let signer = app.database().operator().note_signer(south.tenant.id).await;
    let foreign = signer.unwrap().key().clone();
    let reply = north.owner.graphql(KEPT, json!({})).await;
    let text = reply.data()["auditKey"]["text"].as_str().unwrap();
    assert_ne!(text, foreign.to_string());
    let nodes = reply.data()["auditCheckpoints"]["nodes"]
        .as_array()
        .unwrap();
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    assert_eq!(nodes[0]["treeSize"], of_north.size);
    let variables = json!({ "seq": 1, "size": of_south.size });
    let reply = north.owner.graphql(INCLUSION, variables).await;
    assert!(sentence(&reply).contains("there is no checkpoint of"));
    let reply = north.owner.graphql(INCLUSION, json!({ "seq": 2 })).await;
    let file = reply.data()["auditInclusionProof"]["file"]
        .as_str()
        .unwrap();
    assert!(
        proof::verify(file, &foreign).is_err(),
        "it is signed by another tenant's key"
    );
}

/// Whoever may not read the log learns nothing of it: not how long it is, nor whether it was signed.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_read_the_log_gets_the_same_whatever_there_is() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let manager = app.person(&books.tenant, Role::Manager, "manager").await;
    let family = app.person(&books.tenant, Role::Family, "family").await;
    let token = books
        .owner
        .token(&[Scope::BasicRead, Scope::MembersRead])
        .await;
    let asked = [
        (KEPT, json!({})),
        (INCLUSION, json!({ "seq": 1 })),
        (INCLUSION, json!({ "seq": 2_000_000, "size": 3 })),
        (CONSISTENCY, json!({ "from": 1 })),
        (CONSISTENCY, json!({ "from": 9, "to": 2 })),
    ];
    let answers = async || {
        let mut answers = Vec::new();
        for (text, variables) in &asked {
            for by in [&books.worker, &manager, &family] {
                answers.push(by.graphql(text, variables.clone()).await);
            }
            answers.push(token.graphql(text, variables.clone()).await);
        }
        let told = answers.into_iter().map(|reply| {
            assert_eq!(reply.error_code(), Some("FORBIDDEN"), "{:?}", reply.body);
            let mut body = reply.body;
            for error in body["errors"].as_array_mut().unwrap() {
                error["extensions"]
                    .as_object_mut()
                    .unwrap()
                    .remove("requestId");
            }
            body
        });
        told.collect::<Vec<Value>>()
    };
    let before = answers().await;
    checkpoint(&app, &books).await;
    assert_eq!(answers().await, before);
    let auditor = app.person(&books.tenant, Role::Auditor, "auditor").await;
    let reply = auditor.graphql(INCLUSION, json!({ "seq": 1 })).await;
    assert_eq!(reply.error_code(), None, "{:?}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_proved_is_told_in_a_sentence() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let made = checkpoint(&app, &books).await;
    grow(&books.owner, 3).await;
    let later = checkpoint(&app, &books).await;
    for (text, variables, expected) in [
        (INCLUSION, json!({ "seq": 0 }), "a number from 1 on"),
        (
            INCLUSION,
            json!({ "seq": later.size + 1 }),
            "is newer than the checkpoint of",
        ),
        (
            INCLUSION,
            json!({ "seq": 1, "size": 999_999 }),
            "`auditCheckpoints` lists them",
        ),
        (CONSISTENCY, json!({ "from": -4 }), "a number from 1 on"),
        (
            CONSISTENCY,
            json!({ "from": 999_999 }),
            "`auditCheckpoints` lists them",
        ),
        (
            CONSISTENCY,
            json!({ "from": later.size, "to": made.size }),
            "name the earlier first",
        ),
    ] {
        let reply = books.owner.graphql(text, variables).await;
        let told = sentence(&reply);
        assert!(told.contains(expected), "{told}");
    }
    // A checkpoint goes on from itself, by no hash at all.
    let same = json!({ "from": made.size, "to": made.size });
    let reply = books.owner.graphql(CONSISTENCY, same).await;
    assert_eq!(reply.data()["auditConsistencyProof"]["hashes"], json!([]));
}

/// A proof reads more than it gives, and its cost says so.
#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_paid_for() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    checkpoint(&app, &books).await;
    let token = books.owner.token(&[Scope::AuditRead]).await;
    let reply = token.graphql(INCLUSION, json!({ "seq": 1 })).await;
    let cost = reply.body["extensions"]["cost"]["requested"].as_u64();
    assert!(cost.is_some_and(|cost| cost >= 500), "{:?}", reply.body);
}

/// A row is linked to by its number, alone or in a span.
#[tokio::test(flavor = "multi_thread")]
async fn rows_are_asked_for_by_their_numbers() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let read = "query($filter: AuditEntryFilter) { auditEntries(first: 50, filter: $filter) { nodes { \
        seq permission policies rules { name number sentence } } } }";
    let seqs = async |filter: Value| {
        let reply = books.owner.graphql(read, json!({ "filter": filter })).await;
        let nodes = reply.data()["auditEntries"]["nodes"]
            .as_array()
            .unwrap()
            .clone();
        let seqs: Vec<_> = nodes.iter().filter_map(|row| row["seq"].as_i64()).collect();
        (seqs, nodes)
    };
    assert_eq!(seqs(json!({ "fromSeq": 3, "toSeq": 5 })).await.0, [5, 4, 3]);
    assert_eq!(seqs(json!({ "toSeq": 1 })).await.0, [1]);
    assert!(seqs(json!({ "fromSeq": 5, "toSeq": 3 })).await.0.is_empty());
    let (_, rows) = seqs(json!({ "action": "account.created" })).await;
    let row = rows.first().expect("an account was made");
    assert_eq!(row["policies"], app.engine().version(), "{row}");
    let rule = &row["rules"][0];
    assert_eq!(rule["name"], "human.write-financial", "{row}");
    assert_eq!(rule["number"], 7);
}
