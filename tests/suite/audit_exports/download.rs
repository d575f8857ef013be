//! A file that was downloaded, and what is said of it offline.

use std::{env, fs, path::PathBuf, process::ExitCode};

use clap::Parser;
use countersign::command::{Cli, dispatch, ledger::offline};
use countersign_domain::id::RequestId;
use countersign_tests::Browser;
use serde_json::Value;

use super::ask;

/// A file that was downloaded, which goes with the test.
pub(super) struct Download {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) key: String,
}

impl Download {
    pub(super) async fn of(by: &Browser, asked: Value) -> Self {
        let answer = ask(by, &asked).await;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{text}");
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store");
        assert!(header("countersign-tenant").starts_with("ten_"));
        let format = asked["format"].as_str().unwrap();
        let named = header("content-disposition");
        assert!(
            named.starts_with("attachment; filename=\"audit-log-2")
                && named.ends_with(&format!(".{format}\"")),
            "{named}"
        );
        let own = RequestId::new(uuid::Uuid::new_v4());
        let path = env::temp_dir().join(format!("countersign-download-{own}.{format}"));
        fs::write(&path, &text).unwrap();
        let key = header("countersign-key");
        Self { path, text, key }
    }

    /// What the operator's command says of it, by the one line that the app shows.
    pub(super) async fn verifies(&self) -> bool {
        let path = self.path.to_str().unwrap();
        let line = [
            "countersign",
            "ledger",
            "verify",
            "--export",
            path,
            "--key",
            &self.key,
        ];
        dispatch(Cli::parse_from(line)).await.unwrap() == ExitCode::SUCCESS
    }

    /// The same code, of another text.
    pub(super) fn with(&self, text: &str) -> String {
        fs::write(&self.path, text).unwrap();
        let told = offline::export(&self.path, &self.key.parse().unwrap(), None);
        fs::write(&self.path, &self.text).unwrap();
        told.map_or_else(|fault| format!("{fault:#}"), |told| panic!("{told}"))
    }

    /// The rows of one as JSON Lines.
    pub(super) fn rows(&self) -> Vec<Value> {
        let lines = self
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut rows: Vec<Value> = lines.collect();
        assert!(rows.pop().unwrap()["manifest"].is_string());
        rows
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}
