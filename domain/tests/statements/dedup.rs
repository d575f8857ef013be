use std::{collections::HashSet, fmt::Write as _};

use countersign_domain::{
    id::AccountId,
    money::Money,
    statements::{Entry, fingerprint},
};
use uuid::Uuid;

fn account(number: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(number))
}

fn payment() -> Entry {
    Entry {
        booked_on: "2026-03-02".parse().unwrap(),
        value_on: None,
        amount: Money::parse("-3.20", "EUR".parse().unwrap()).unwrap(),
        counterparty: Some("Kiosk".to_owned()),
        description: "Card".to_owned(),
        reference: None,
    }
}

/// The fingerprints of a file's entries, with equal ones numbered.
fn prints(entries: &[Entry]) -> Vec<[u8; 32]> {
    let numbered = entries.iter().enumerate().map(|(index, entry)| {
        let earlier = entries.iter().take(index).filter(|other| *other == entry);
        (entry, u32::try_from(earlier.count()).unwrap())
    });
    numbered
        .map(|(entry, number)| fingerprint(account(1), entry, number))
        .collect()
}

#[test]
fn equal_payments_of_one_file_are_kept_and_an_overlap_is_recognised() {
    let other = Entry {
        booked_on: "2026-03-03".parse().unwrap(),
        ..payment()
    };
    let first: HashSet<_> = prints(&[payment(), payment()]).into_iter().collect();
    let second: HashSet<_> = prints(&[payment(), other, payment(), payment()])
        .into_iter()
        .collect();
    assert_eq!((first.len(), second.len()), (2, 4));
    assert_eq!(second.difference(&first).count(), 2);
}

#[test]
fn every_field_counts_and_none_runs_into_the_next() {
    let text = |text: &str| Some(text.to_owned());
    let variants = [
        payment(),
        Entry {
            value_on: Some(payment().booked_on),
            ..payment()
        },
        Entry {
            amount: Money::parse("-3.2", "USD".parse().unwrap()).unwrap(),
            ..payment()
        },
        Entry {
            amount: Money::parse("3.2", "EUR".parse().unwrap()).unwrap(),
            ..payment()
        },
        Entry {
            counterparty: None,
            ..payment()
        },
        Entry {
            counterparty: text("KioskCard"),
            description: String::new(),
            ..payment()
        },
        Entry {
            counterparty: text("Kio"),
            description: "skCard".to_owned(),
            ..payment()
        },
        Entry {
            reference: text(""),
            ..payment()
        },
        Entry {
            counterparty: None,
            reference: text("Kiosk"),
            ..payment()
        },
    ];
    let mut seen: HashSet<_> = variants
        .iter()
        .map(|entry| fingerprint(account(1), entry, 0))
        .collect();
    seen.insert(fingerprint(account(1), &payment(), 1));
    seen.insert(fingerprint(account(2), &payment(), 0));
    assert_eq!(seen.len(), variants.len() + 2);
}

#[test]
fn fingerprint_does_not_change_between_releases() {
    let mut hex = String::new();
    for byte in fingerprint(account(7), &payment(), 0) {
        write!(hex, "{byte:02x}").unwrap();
    }
    // Computed by hand from the description of the encoding, with another implementation.
    assert_eq!(
        hex,
        "d2bcececad5b6c34fa47b9e853ec115a9b7d8ebb083ed4d79297c205e70c7be2"
    );
}
