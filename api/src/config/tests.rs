use std::{env, fs};

use secrecy::ExposeSecret;

use super::{Config, EXAMPLE};

fn with(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "{from}");
    Config::from_toml(&EXAMPLE.replace(from, to))
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn the_example_is_a_configuration() {
    let config = Config::from_toml(EXAMPLE).unwrap();
    assert_eq!(config.audience(), "http://localhost:8080/graphql");
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    for (from, to, key) in [
        ("listen = \"127.0.0.1:8080\"", "", "http.listen"),
        (
            "listen = \"127.0.0.1:8080\"",
            "listen = \"nowhere\"",
            "http.listen",
        ),
        ("[keys]", "[keys]\nkk = 1", "kk"),
        (
            "public_url = \"http://localhost:8080\"",
            "public_url = \"http://books.example\"",
            "http.public_url",
        ),
        (
            "public_url = \"http://localhost:8080\"",
            "public_url = \"http://localhost:8080/#x\"",
            "http.public_url",
        ),
        (
            "public_url = \"http://localhost:8080\"",
            "public_url = \"http://u:p@localhost:8080\"",
            "http.public_url",
        ),
        (
            "reader_seconds = 120",
            "reader_seconds = 4294967295",
            "limits.reader_seconds",
        ),
        (
            "connections_max = 8",
            "connections_max = \"many\"",
            "database.connections_max",
        ),
        (
            "connections_max = 8",
            "connections_max = 0",
            "database.connections_max",
        ),
    ] {
        let error = with(from, to);
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn a_secret_in_broken_toml_is_not_in_the_error() {
    let error = with(
        "client_secret = \"change-me\"",
        "client_secret = hunter2-of-ours",
    );
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_secret_is_not_in_the_error() {
    let kek = EXAMPLE
        .lines()
        .find(|line| line.starts_with("kek"))
        .unwrap();
    let error = with(kek, "kek = \"c2VjcmV0\"");
    assert!(
        error.contains("keys.kek") && !error.contains("c2VjcmV0"),
        "{error}"
    );
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let file = env::temp_dir().join(format!("countersign-secret-{}", std::process::id()));
    fs::write(&file, "of a file\n").unwrap();
    let named = format!("client_secret = {{ file = \"{}\" }}", file.display());
    let text = EXAMPLE.replace("client_secret = \"change-me\"", &named);
    let config = Config::from_toml(&text).unwrap();
    assert_eq!(config.oidc.client_secret.expose_secret(), "of a file");
    fs::remove_file(&file).unwrap();
    let error = Config::from_toml(&text).unwrap_err().to_string();
    assert!(
        error.contains("`oidc.client_secret` names a file") && error.contains("secret-"),
        "{error}"
    );
}
