//! What opens, to whom, and what is said of what does not.

use std::{path::Path, process::Command};

use countersign_stand::packages;
use countersign_tests::TestApp;
use sha2::{Digest, Sha256};

use super::{Desk, MAGIC, day, run};

/// The bytes that are encrypted together.
const PIECE: usize = 64 * 1024;

fn plain(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect()
}

/// The secret key of a file.
fn secret(desk: &Desk, name: &str) -> String {
    let text = String::from_utf8(desk.get(name)).unwrap();
    text.lines().last().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_opens_what_is_sealed_and_seals_what_opens() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    let key = desk.key("another.key");
    desk.configure(&[(&key, day(0))]);
    let secret = secret(&desk, "another.key");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/backups");
    packages::install(&folder).unwrap();
    let other = |what: &str, key: &str, given: &[u8]| {
        let mut command = Command::new("node");
        command.args(["age.mjs", what, key]).current_dir(&folder);
        let ended = run(&mut command, given);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE] {
        let plain = plain(length);
        let ours = desk.run_with(&["backup", "seal", "--unrecorded"], &plain);
        assert!(ours.stdout.starts_with(MAGIC), "{}", ours.stderr);
        assert_eq!(other("open", &secret, &ours.stdout), plain, "{length}");
        desk.put("theirs.age", &other("seal", &key, &plain));
        let open = ["backup", "open", "theirs.age", "--identity", "another.key"];
        let opened = desk.run(&open);
        assert_eq!(opened.code, 0, "{}", opened.stderr);
        assert_eq!(opened.stdout, plain, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_cut_off_or_is_anothers_does_not_open() {
    let app = TestApp::start().await;
    let desk = Desk::of(&app);
    desk.key("another.key");
    let plain = plain(2 * PIECE + 100);
    let sealed = desk
        .run_with(&["backup", "seal", "--unrecorded"], &plain)
        .stdout;
    let flipped = |at: usize| {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        bytes
    };
    let end = sealed.len();
    // What comes before the encrypted pieces: the header, and 16 bytes.
    let head = end - plain.len() - 3 * 16;
    let cases = [
        ("whole", sealed.clone(), None),
        ("last", flipped(end - 1), Some("damaged")),
        ("middle", flipped(end / 2), Some("damaged")),
        ("nonce", flipped(head - 1), Some("damaged")),
        ("mac", flipped(head - 20), Some("damaged")),
        ("stanza", flipped(100), Some("damaged")),
        ("cut-by-one", sealed[..end - 1].to_vec(), Some("damaged")),
        (
            "cut-between-pieces",
            sealed[..head + 2 * (PIECE + 16)].to_vec(),
            Some("cut off"),
        ),
        (
            "cut-before-pieces",
            sealed[..head].to_vec(),
            Some("cut off"),
        ),
        ("cut-in-the-header", sealed[..60].to_vec(), Some("cut off")),
        ("longer", [&sealed[..], b"x"].concat(), Some("damaged")),
        ("empty", Vec::new(), Some("no file of age")),
        ("plain", plain.clone(), Some("no file of age")),
        (
            "armored",
            b"-----BEGIN AGE ENCRYPTED FILE-----\n".to_vec(),
            Some("armored"),
        ),
    ];
    for (name, content, told) in cases {
        desk.put("backup", &content);
        let check = ["backup", "check", "backup", "--identity", "backups.key"];
        let open = ["backup", "open", "backup", "--identity", "backups.key"];
        let to_file = [&open[..], &["--out", "opened"]].concat();
        if let Some(told) = told {
            for command in [&check[..], &to_file, &open] {
                let said = desk.refused(command);
                assert!(said.contains(told), "{name}: {said}");
            }
            continue;
        }
        let sha256 = hex::encode(Sha256::digest(&content));
        for arguments in [&check[..], &check[..3]] {
            let said = desk.done(arguments);
            let expected = format!("`backup`: {end} bytes, SHA-256 {sha256}: ");
            assert!(said.starts_with(&expected), "{said}");
        }
        assert!(desk.done(&check).contains("opens to 131172 bytes"));
        let of_another = [&open[..4], &["another.key", "--out", "opened"]].concat();
        let said = desk.refused(&of_another);
        assert!(said.contains("no key that was given opens it"), "{said}");
        let of_none = [&open[..4], &["countersign.toml", "--out", "opened"]].concat();
        let said = desk.refused(&of_none);
        assert!(said.contains("has no secret key of a backup"), "{said}");
        desk.done(&to_file);
        assert_eq!(desk.get("opened"), plain);
        let said = desk.refused(&to_file);
        assert!(said.contains("`opened` is there already"), "{said}");
        std::fs::remove_file(desk.folder.join("opened")).unwrap();
    }
}
