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
        Scope::AuditRead,
    ];
    let token = books.owner.token(&scopes).await.plain;
    let (python_url, python_token) = (format!("{}/graphql", app.url()), token.clone());
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
    let run = move || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
        let python = packages::install_python(&folder).unwrap();
        Command::new(python)
            .args(["clients.py", &python_url, &python_token])
            .current_dir(folder)
            .output()
            .unwrap()
    };
    let python = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&python.stdout);
    let errors = String::from_utf8_lossy(&python.stderr);
    assert!(python.status.success(), "{said}\n{errors}");
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        4
    );
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
