//! Lines are judged in two ways, which must agree.

use chrono::DateTime;
use proptest::prelude::*;
use uuid::Uuid;

use super::Lines;
use crate::{
    audit::{
        Event, Head, Outcome,
        exported::{Exported, LineFault, Verifier, json_line},
        next_link,
    },
    id::{AuditEntryId, RequestId, TenantId},
};

const TENANT: TenantId = TenantId::new(Uuid::from_u128(1));

fn line(event: &Event) -> Vec<u8> {
    let link = next_link(&Head::EMPTY, TENANT, event, &[3; 32]);
    json_line(TENANT, event, &link).unwrap_or_default()
}

/// The verdict of what reads lines where they stand.
fn judged(line: &[u8]) -> Result<(), LineFault> {
    Verifier::new(TENANT, false, None).line(line)
}

/// The verdict of what makes a row of each.
fn read(line: &[u8]) -> Result<(), LineFault> {
    let row = Exported::from_json(line)?;
    Ok(Verifier::new(TENANT, false, None).row(&row)?)
}

/// What callers, files and documents can bring into rows.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "\\PC{0,20}",
        "(\\\\|\"|\n|\t|\r|\u{1}|a){0,12}"
    ]
}

fn events() -> impl Strategy<Value = Event> {
    let texts = (text(), text(), text(), text(), text());
    let rest = (
        proptest::option::of(text()),
        proptest::option::of(any::<[u8; 32]>()),
        proptest::collection::vec(text(), 0..4),
        any::<u128>(),
        0_i64..4_000_000_000_000_000,
    );
    (texts, rest).prop_map(|(texts, (source, policies, targets, id, at))| Event {
        id: AuditEntryId::new(Uuid::from_u128(id)),
        actor_kind: texts.0,
        actor_id: texts.1,
        action: texts.2,
        permission: texts.3,
        policies,
        outcome: Outcome::Refused,
        targets,
        request: RequestId::new(Uuid::from_u128(!id)),
        source,
        payload: texts.4,
        occurred_at: DateTime::from_timestamp_micros(at).unwrap_or_default(),
    })
}

/// A row as the product makes them, which is read where it stands.
fn usual() -> Event {
    Event {
        id: AuditEntryId::new(Uuid::from_u128(2)),
        actor_kind: "human".into(),
        actor_id: "usr_1".into(),
        action: "account.changed".into(),
        permission: "Mutation.changeAccount: allowed by rule `owner-writes`".into(),
        policies: Some([7; 32]),
        outcome: Outcome::Done,
        targets: vec!["acc_1".into(), "acc_2".into()],
        request: RequestId::new(Uuid::from_u128(3)),
        source: Some("192.0.2.0/24".into()),
        payload: "{\"before\":{\"name\":\"A \\\\ \\\"B\\\"\"},\"after\":{\"name\":\"\u{e9}\"}}"
            .into(),
        occurred_at: DateTime::from_timestamp_micros(1_790_000_000_000_001).unwrap_or_default(),
    }
}

#[test]
fn usual_lines_are_judged_where_they_stand() {
    let line = line(&usual());
    let judged = Lines::default().judge(TENANT, &line);
    assert_eq!(judged.map(|judged| judged.here.seq), Some(1));
    let bare = Event {
        policies: None,
        source: None,
        targets: Vec::new(),
        ..usual()
    };
    assert!(Lines::default().judge(TENANT, &self::line(&bare)).is_some());
    let foreign = TenantId::new(Uuid::from_u128(9));
    assert_eq!(Lines::default().judge(foreign, &line), None);
}

proptest! {
    #[test]
    fn whatever_is_recorded_verifies(event in events()) {
        prop_assert_eq!(judged(&line(&event)), Ok(()));
    }

    #[test]
    fn whatever_is_changed_is_judged_as_if_it_were_read(
        event in prop_oneof![events(), Just(usual())],
        place in any::<prop::sample::Index>(),
        with in prop_oneof![any::<u8>(), prop::sample::select(b"\"\\{}[],:0 aA\n\t".to_vec())],
        how in 0..3,
    ) {
        let mut line = line(&event);
        let place = place.index(line.len());
        match how {
            0 => line[place] = with,
            1 => line.insert(place, with),
            _ => { line.remove(place); }
        }
        prop_assert_eq!(judged(&line), read(&line));
    }
}
