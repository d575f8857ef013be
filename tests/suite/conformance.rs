//! Suites and clients that others wrote, against the running product: see `tests/conformance`.

use std::{path::Path, process::Command};

use countersign_domain::access::Scope;
use countersign_stand::packages;
use countersign_tests::TestApp;

use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_others_find_nothing_to_complain_about() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let scopes = [
        Scope::BasicRead,
        Scope::FinancialRead,
        Scope::PiiRead,
        Scope::CategoriesCreate,
    ];
    let token = books.owner.token(&scopes).await.plain;
    let url = format!("{}/graphql", app.url());
    let run = move || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
        packages::install(&folder).unwrap();
        Command::new("node")
            .args(["run.mjs", &url, &token])
            .current_dir(folder)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{errors}", failed.join("\n"));
    let audits = said.lines().filter(|line| line.starts_with("ok audit "));
    assert_eq!(audits.count(), 61, "the published audit, whole");
}
