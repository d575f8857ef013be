//! Rows with their hashes, and trees with their proofs: what another implementation of the encoding and of
//! the tree is held to. The web app verifies in the browser, and its tests read this as a file.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Encoding, Event, Hash, Head, Link, Outcome,
    exported::json_line,
    merkle::{self, Frontier, Part},
};
use crate::id::{AuditEntryId, RequestId, TenantId};

/// The trees that are told of: each size up to this.
const SIZE_MAX: u64 = 9;

/// All of it, as JSON text with its end.
pub fn vectors() -> String {
    let value = json!({ "rows": rows(), "trees": trees() });
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    format!("{text}\n")
}

/// A chain of rows of both encodings, each with something that is easily encoded wrongly.
fn rows() -> Vec<Value> {
    let tenant = TenantId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
    let mut head = Head::EMPTY;
    let mut rows = Vec::new();
    for (encoding, event) in events() {
        let seq = head.seq.saturating_add(1);
        let hash = encoding.hash(seq, &head.hash, tenant, &event);
        let link = Link {
            encoding,
            seq,
            previous: head.hash,
            hash,
            // Of a key that the reader has not: it is no part of what is hashed.
            signature: [0xee; 32],
        };
        let line = json_line(tenant, &event, &link).unwrap_or_default();
        rows.extend(serde_json::from_slice::<Value>(&line).ok());
        head = Head { seq, hash };
    }
    rows
}

fn events() -> Vec<(Encoding, Event)> {
    let plain = Event {
        id: AuditEntryId::new(Uuid::from_u128(3)),
        actor_kind: "human".to_owned(),
        actor_id: "usr_00000000000070008000000000000009".to_owned(),
        action: "books.read".to_owned(),
        permission: "Query.accounts by human.basic".to_owned(),
        policies: Some([7; 32]),
        outcome: Outcome::Done,
        targets: Vec::new(),
        request: RequestId::new(Uuid::from_u128(u128::MAX)),
        source: Some("public 2001:db8:7::/48".to_owned()),
        payload: r#"{"fields":["accounts"],"hidden":0}"#.to_owned(),
        occurred_at: at(1_700_000_000_000_001),
    };
    let changed = Event {
        action: "transaction.categorized".to_owned(),
        targets: vec!["txn_1".to_owned(), String::new(), "cat_22".to_owned()],
        payload: r#"{"after":{"category":"cat_22"},"before":{"category":null}}"#.to_owned(),
        occurred_at: at(1_767_225_599_999_999),
        ..plain.clone()
    };
    // No policy decided, and there was no caller. An empty text is not the same as none.
    let of_operator = Event {
        actor_kind: "operator".to_owned(),
        actor_id: "ledger export".to_owned(),
        permission: String::new(),
        policies: None,
        outcome: Outcome::Failed,
        source: None,
        payload: "{}".to_owned(),
        occurred_at: at(1_767_225_600_000_000),
        ..plain.clone()
    };
    let strange = Event {
        outcome: Outcome::Refused,
        source: Some(String::new()),
        // Several bytes to a character, and two units of UTF-16 to one.
        permission: "é 漢 \u{1f4d2} \u{0}".to_owned(),
        // Before 1970: the number of microseconds is negative.
        occurred_at: at(-1),
        ..plain.clone()
    };
    let each = [plain, changed, of_operator, strange];
    let of = |encoding: Encoding| each.clone().into_iter().map(move |event| (encoding, event));
    of(Encoding::V1).chain(of(Encoding::V2)).collect()
}

fn at(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// The root of each tree, for each of its rows the proof that it is in it, and for each smaller tree the
/// proof that it goes on from that one.
fn trees() -> Vec<Value> {
    let data = |place: u64| -> Hash {
        let digit = u8::try_from(place).unwrap_or_default();
        [digit; 32]
    };
    let leaf = |part: Part| (part.height == 0).then(|| merkle::leaf(&data(part.place)));
    let tree = |size: u64| {
        let mut frontier = Frontier::new();
        for place in 0..size {
            frontier.push(merkle::leaf(&data(place)), |_, _| {});
        }
        let proof = |index: u64| {
            let ranges = merkle::inclusion(index, size).unwrap_or_default();
            let roots = ranges
                .iter()
                .filter_map(|range| merkle::root_of(range, leaf));
            let hashes: Vec<String> = roots.map(hex::encode).collect();
            json!({ "index": index, "data": hex::encode(data(index)), "hashes": hashes })
        };
        let growth = |earlier: u64| {
            let ranges = merkle::consistency(earlier, size).unwrap_or_default();
            let roots = ranges
                .iter()
                .filter_map(|range| merkle::root_of(range, leaf));
            let hashes: Vec<String> = roots.map(hex::encode).collect();
            json!({ "from": earlier, "hashes": hashes })
        };
        let proofs: Vec<Value> = (0..size).map(proof).collect();
        let growths: Vec<Value> = (1..=size).map(growth).collect();
        let root = hex::encode(frontier.root());
        json!({ "size": size, "root": root, "proofs": proofs, "growths": growths })
    };
    (1..=SIZE_MAX).map(tree).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::exported::{Exported, Verifier};

    /// What others are held to holds here.
    #[test]
    fn the_vectors_verify() {
        let rows: Vec<Exported> = rows()
            .iter()
            .map(|row| Exported::from_json(row.to_string().as_bytes()).unwrap())
            .collect();
        assert_eq!(rows.len(), 8);
        let mut verifier = Verifier::new(rows[0].tenant, false, None);
        for row in &rows {
            verifier.row(row).unwrap();
        }
        let hash = |text: &Value| -> Hash {
            let bytes = hex::decode(text.as_str().unwrap()).unwrap();
            bytes.try_into().unwrap()
        };
        let trees = trees();
        for tree in &trees {
            let size = tree["size"].as_u64().unwrap();
            for proof in tree["proofs"].as_array().unwrap() {
                let hashes = proof["hashes"].as_array().unwrap();
                let hashes: Vec<Hash> = hashes.iter().map(hash).collect();
                let leaf = merkle::leaf(&hash(&proof["data"]));
                let index = proof["index"].as_u64().unwrap();
                let root = hash(&tree["root"]);
                assert!(merkle::verify_inclusion(leaf, index, size, &hashes, &root));
            }
            for growth in tree["growths"].as_array().unwrap() {
                let from = growth["from"].as_u64().unwrap();
                let hashes = growth["hashes"].as_array().unwrap();
                let hashes: Vec<Hash> = hashes.iter().map(hash).collect();
                let (before, after) = (
                    &trees[usize::try_from(from).unwrap() - 1],
                    hash(&tree["root"]),
                );
                let before = (from, &hash(&before["root"]));
                assert!(merkle::verify_consistency(before, (size, &after), &hashes));
            }
        }
    }
}
