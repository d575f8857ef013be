//! What leaves the database of the audit log is verified without one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use countersign::command::{
    Cli, dispatch,
    ledger::{
        export, offline,
        proof::{self, Wanted},
    },
};
use countersign_domain::audit::{
    manifest::ExportFormat,
    note::{Checkpoint, VerifierKey},
};
use countersign_entities::{AuditFilter, Operator, verified_note};
use countersign_tests::TestApp;
use serde_json::json;

use crate::{
    audit::log,
    books::{Books, books},
};

struct Exported {
    path: PathBuf,
    text: String,
}

impl Exported {
    async fn of(
        operator: &Operator,
        books: &Books,
        filter: &AuditFilter,
        format: ExportFormat,
    ) -> Self {
        let mut file = Vec::new();
        let tenant = books.tenant.id;
        let written = export::write(operator, tenant, filter, format, &mut file).await;
        written.unwrap();
        let name = format!(
            "countersign-export-{}-{}",
            std::process::id(),
            tenant.uuid()
        );
        let path =
            std::env::temp_dir().join(format!("{name}-{}.{}", filter.text().len(), format.name()));
        fs::write(&path, &file).unwrap();
        let text = String::from_utf8(file).unwrap();
        Self { path, text }
    }

    fn verify(&self, key: &VerifierKey, checkpoint: Option<Checkpoint>) -> Result<String, String> {
        let told = offline::export(&self.path, key, checkpoint);
        told.map_err(|fault| format!("{fault:#}"))
    }

    /// The same with another text.
    fn with(&self, text: &str, key: &VerifierKey, checkpoint: Option<Checkpoint>) -> String {
        fs::write(&self.path, text).unwrap();
        let fault = self.verify(key, checkpoint).unwrap_err();
        fs::write(&self.path, &self.text).unwrap();
        fault
    }
}

impl Drop for Exported {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_verified_without_a_database_and_convicts_whoever_changed_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let operator = app.database().operator();
    let tenant = books.tenant.id;
    let made = operator
        .make_checkpoint(tenant, None)
        .await
        .unwrap()
        .unwrap();
    let key = operator.note_signer(tenant).await.unwrap().key().clone();
    let checkpoint = Checkpoint::parse(verified_note(&key, &made.note).unwrap()).unwrap();
    let all = AuditFilter::default();
    let whole = Exported::of(&operator, &books, &all, ExportFormat::JsonLines).await;
    let told = whole.verify(&key, Some(checkpoint.clone())).unwrap();
    assert!(told.contains("rows verify"), "{told}");

    let lines: Vec<&str> = whole.text.lines().collect();
    let without = |n: usize| {
        let kept = lines.iter().enumerate().filter(|(i, _)| *i != n);
        let kept: Vec<&str> = kept.map(|(_, line)| *line).collect();
        kept.join("\n") + "\n"
    };
    let edited = whole.text.replacen("\"DONE\"", "\"FAILED\"", 1);
    assert!(whole.with(&edited, &key, None).contains("row 1 "));
    assert!(
        whole
            .with(&without(2), &key, None)
            .contains("row 4 stands where row 3")
    );
    // Without its end there is no manifest, and with another one it is not signed.
    assert!(
        whole
            .with(&without(lines.len() - 1), &key, None)
            .contains("no manifest")
    );
    let other = crate::books::books_of(&app, "alder").await;
    let other_key = operator
        .note_signer(other.tenant.id)
        .await
        .unwrap()
        .key()
        .clone();
    assert!(whole.verify(&other_key, None).is_err());
    // Rows that were cut off after the checkpoint was made.
    let longer = Checkpoint {
        size: checkpoint.size + 1_000,
        ..checkpoint.clone()
    };
    let fault = whole.verify(&key, Some(longer)).unwrap_err();
    assert!(fault.contains("the end is cut off"), "{fault}");
    let another = Checkpoint {
        root: [7; 32],
        ..checkpoint
    };
    let fault = whole.verify(&key, Some(another)).unwrap_err();
    assert!(
        fault.contains("are not those that the checkpoint was made of"),
        "{fault}"
    );

    let sheet = Exported::of(&operator, &books, &all, ExportFormat::Csv).await;
    sheet.verify(&key, None).unwrap();
    let edited = sheet.text.replacen("DONE", "FAILED", 1);
    assert!(!sheet.with(&edited, &key, None).is_empty());
    // Rows that nobody signed: after the manifest, and between it and those that were signed.
    let forged = sheet.text.lines().nth(1).unwrap().to_owned() + "\n";
    let manifest = sheet.text.rfind("\nmanifest,").unwrap() + 1;
    let (signed, end) = sheet.text.split_at(manifest);
    for text in [
        format!("{signed}{end}{forged}"),
        format!("{signed}{forged}{end}"),
    ] {
        let fault = sheet.with(&text, &key, None);
        assert!(fault.contains("more in the file"), "{fault}");
    }
    let manifest = whole.text.rfind("{\"manifest\"").unwrap();
    let (signed, end) = whole.text.split_at(manifest);
    let forged = format!("{signed}{}\n{end}", lines[0]);
    let fault = whole.with(&forged, &key, None);
    assert!(fault.contains("more in the file"), "{fault}");
    let fault = offline::export(Path::new("nowhere.csv"), &key, None).unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("`nowhere.csv` can not be read"),
        "{fault}"
    );
    let some = AuditFilter {
        action: Some("statement.imported".to_owned()),
        ..AuditFilter::default()
    };
    let chosen = Exported::of(&operator, &books, &some, ExportFormat::JsonLines).await;
    let told = chosen.verify(&key, None).unwrap();
    assert!(
        told.ends_with("filter: action=statement.imported"),
        "{told}"
    );
    // Each export is a row, with its filter and how many rows it has.
    let rows = log(&books.owner, json!({ "action": "audit.exported" })).await;
    assert_eq!(rows.len(), 3, "{rows:?}");
    let payload = rows[0]["payload"].as_str().unwrap();
    assert!(
        payload.contains("\"action\":\"statement.imported\""),
        "{payload}"
    );
    let count = chosen.text.lines().count() - 1;
    assert!(payload.contains(&format!("\"rows\":{count}")), "{payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_verified_without_a_database() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let operator = app.database().operator();
    let tenant = books.tenant.id;
    let first = operator
        .make_checkpoint(tenant, None)
        .await
        .unwrap()
        .unwrap();
    log(&books.owner, json!(null)).await;
    operator
        .make_checkpoint(tenant, None)
        .await
        .unwrap()
        .unwrap();
    let key = operator.note_signer(tenant).await.unwrap().key().clone();
    let row = proof::make(&operator, tenant, Wanted::Row(3))
        .await
        .unwrap();
    let told = proof::verify(&row, &key).unwrap();
    assert!(told.starts_with("row 3 is in the checkpoint of "), "{told}");
    let edited = row.replace("\"DONE\"", "\"FAILED\"");
    assert!(proof::verify(&edited, &key).is_err());
    let since = proof::make(&operator, tenant, Wanted::Since(first.size))
        .await
        .unwrap();
    let told = proof::verify(&since, &key).unwrap();
    assert!(
        told.ends_with(&format!("goes on where that of {} ended", first.size)),
        "{told}"
    );
    let last = since.rfind("\"hashes\"").unwrap();
    let damaged = format!("{}{}", &since[..last], since[last..].replacen('0', "1", 1));
    assert!(proof::verify(&damaged, &key).is_err());
}

/// A key is of what is verified offline: it is never passed over in silence.
#[tokio::test]
async fn a_key_is_not_passed_over() {
    let verify = ["countersign", "ledger", "verify", "--key", "nowhere.key"];
    let fault = Cli::try_parse_from(verify).map(|_| ()).unwrap_err();
    let fault = fault.to_string();
    assert!(fault.contains("--export <FILE>|--proof <FILE>"), "{fault}");
    let verify = [&verify[..], &["--export", "nowhere.jsonl"]].concat();
    let fault = dispatch(Cli::parse_from(verify)).await.unwrap_err();
    assert!(
        fault.to_string().contains("`nowhere.key` can not be read"),
        "{fault}"
    );
}
