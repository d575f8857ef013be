//! A key is good for a quarter.

use chrono::{NaiveTime, TimeDelta};
use countersign::backups::Recipient;
use countersign_entities::MadeBackup;
use countersign_tests::TestApp;

use super::{Desk, day};

const WHAT_TO_DO: &str = "make a pair by `countersign backup key --out FILE`";

#[tokio::test(flavor = "multi_thread")]
async fn past_its_quarter_nothing_is_made_and_the_next_key_takes_over_by_the_day() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let keys = ["first.key", "second.key", "third.key"].map(|name| desk.key(name));
    let [first, second, third] = &keys;
    for (given, told) in [
        (&[][..], "lists none"),
        (&[(&**first, day(-92))], "was good for a quarter, until"),
        (&[(&**first, day(1))], "begins on"),
        // A day on which no key is good, between two that are.
        (
            &[(&**first, day(-92)), (&**second, day(1))],
            "was good for a quarter, until",
        ),
    ] {
        desk.configure(given);
        for command in ["create", "seal"] {
            let said = desk.refused(&["backup", command, "--out", "books.age"]);
            assert!(said.contains(told) && said.contains(WHAT_TO_DO), "{said}");
        }
        let sealed = desk.run_with(&["backup", "seal"], b"plain");
        assert_eq!((sealed.code, sealed.stdout), (1, Vec::new()), "{told}");
    }
    for (given, opens) in [
        (&[(&**first, day(-91))][..], "first.key"),
        (&[(&**first, day(-91)), (&**second, day(1))], "first.key"),
        (&[(&**second, day(0)), (&**first, day(-91))], "second.key"),
        (
            &[
                (&**third, day(92)),
                (&**second, day(0)),
                (&**first, day(-92)),
            ],
            "second.key",
        ),
    ] {
        desk.configure(given);
        let seal = ["backup", "seal", "--unrecorded"];
        let sealed = desk.run_with(&seal, b"plain");
        assert_eq!(sealed.code, 0, "{}", sealed.stderr);
        desk.put("sealed.age", &sealed.stdout);
        for name in ["first.key", "second.key", "third.key"] {
            let open = desk.run(&["backup", "open", "sealed.age", "--identity", name]);
            let expected = if name == opens { &b"plain"[..] } else { b"" };
            assert_eq!(open.stdout, expected, "{name}: {}", open.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_what_is_missing_before_it_is() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let (first, second) = (&*desk.key("first.key"), &*desk.key("second.key"));
    for (given, told) in [
        (&[][..], Some("lists none")),
        (&[(first, day(-92))], Some("was good for a quarter, until")),
        (&[(first, day(-78))], Some("none of `backups.keys` follows")),
        (
            &[(first, day(-78)), (second, day(15))],
            Some("none of `backups.keys` follows"),
        ),
        (&[(first, day(-77))], None),
        (&[(first, day(-78)), (second, day(14))], None),
    ] {
        desk.configure(given);
        let said = desk.run(&["doctor"]).said();
        let mut lines = said.lines();
        let line = lines.find(|line| line.contains("keys of backups"));
        let line = line.unwrap_or_else(|| panic!("{said}"));
        match told {
            None => assert_eq!(line, "ok      keys of backups", "{given:?}"),
            Some(told) => {
                assert!(line.starts_with("FAILED") && line.contains(told), "{said}");
                assert!(lines.next().unwrap().contains(WHAT_TO_DO), "{said}");
            }
        }
    }
}

/// Whoever moves `since` on has rotated nothing, and the log knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_used_for_a_quarter_is_past_it_whatever_the_configuration_says() {
    let long_ago = day(-92).and_time(NaiveTime::MIN).and_utc();
    let app = TestApp::start_with(long_ago, |toml| toml).await;
    let desk = Desk::of(&app);
    let (old, young) = (desk.key("old.key"), desk.key("young.key"));
    let operator = app.database().operator();
    let made = |key: &str, since| MadeBackup {
        sha256: [7; 32],
        bytes: 7,
        key: key.parse::<Recipient>().unwrap().fingerprint(),
        since,
    };
    let record = |made: MadeBackup| {
        let operator = operator.clone();
        async move {
            operator
                .record_backup("backup create", &made)
                .await
                .unwrap();
        }
    };
    record(made(&old, day(-92))).await;
    app.clock.advance(TimeDelta::days(1));
    record(made(&old, day(-91))).await;
    record(made(&young, day(-91))).await;
    desk.configure(&[(&old, day(0)), (&young, day(-1))]);
    for command in ["create", "seal"] {
        let said = desk.refused(&["backup", command, "--out", "books.age"]);
        assert!(
            said.contains("another `since` makes it no other key"),
            "{said}"
        );
        assert!(said.contains(WHAT_TO_DO), "{said}");
    }
    let said = desk.run(&["doctor"]).said();
    assert!(
        said.contains("FAILED  keys of backups: backups are encrypted"),
        "{said}"
    );
    desk.configure(&[(&young, day(0))]);
    desk.done(&["backup", "create", "--out", "books.age"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_names_no_key_twice_and_no_secret_one() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let (first, second) = (&*desk.key("first.key"), &*desk.key("second.key"));
    let file = String::from_utf8(desk.get("first.key")).unwrap();
    let mut lines = file.lines();
    assert!(lines.next().unwrap().starts_with("# created: "), "{file}");
    assert_eq!(lines.next(), Some(&*format!("# public key: {first}")));
    let secret = lines.next().unwrap();
    assert!(secret.starts_with("AGE-SECRET-KEY-1"));
    let elsewhere = first.replace("age1", "age1q");
    for (given, told) in [
        (
            &[(first, day(-9)), (first, day(80))][..],
            "a key that comes again is no rotation",
        ),
        (&[(first, day(0)), (second, day(0))], "has two keys since"),
        (&[(secret, day(0))], "is a secret key"),
        (&[(&*elsewhere, day(0))], "is no public key of age"),
    ] {
        desk.configure(given);
        let ended = desk.run(&["backup", "create", "--out", "books.age"]);
        let said = ended.said();
        assert_eq!(ended.code, 2, "{said}");
        assert!(
            said.contains("`backups.keys") && said.contains(told),
            "{said}"
        );
        assert!(!said.contains("AGE-SECRET"), "{said}");
    }
}
