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

/// The example with these lines in `[http]`.
fn http(lines: &str) -> String {
    EXAMPLE.replace("[database]", &format!("{lines}\n[database]"))
}

#[test]
fn proxies_and_networks_are_named_and_the_switch_that_named_none_says_so() {
    for (lines, parts) in [
        (
            "trusted_proxy = true",
            ["`http.trusted_proxy`", "trusted_proxies = ["],
        ),
        (
            "trusted_proxy = false",
            ["`http.trusted_proxy`", "trusted_proxies = ["],
        ),
        (
            "trusted_proxies = [\"10.0.0.1\", \"proxy\"]",
            [
                "`http.trusted_proxies.1`",
                "is no network: write an address",
            ],
        ),
        (
            "trusted_proxies = [\"10.0.0.1/8\"]",
            ["`http.trusted_proxies.0`", "`10.0.0.0/8`"],
        ),
        (
            "trusted_proxies = [\"::/0\"]",
            ["`http.trusted_proxies`", "every address"],
        ),
        (
            "trusted_proxies = true",
            ["`http.trusted_proxies`", "is not"],
        ),
        (
            "management_networks = [\"pods\"]",
            ["`http.management_networks.0`", "is no network"],
        ),
    ] {
        let error = Config::from_toml(&http(lines)).unwrap_err().to_string();
        assert!(
            parts.iter().all(|part| error.contains(part)),
            "{lines}: {error}"
        );
    }
}

#[test]
fn plain_http_to_a_network_says_to_whom() {
    let public = ("\nlisten = \"127.0.0.1", "http.trusted_proxies");
    let operators = (
        "\nmanagement_listen = \"127.0.0.1",
        "http.management_networks",
    );
    for (line, key) in [public, operators] {
        for everywhere in ["0.0.0.0", "[::]", "192.0.2.7"] {
            let told = line.replace("127.0.0.1", everywhere);
            let error = with(line, &told);
            assert!(
                error.contains(line.trim().split(' ').next().unwrap()),
                "{error}"
            );
            assert!(error.contains(key), "{error}");
            let (_, name) = key.split_once('.').unwrap();
            let named = http(&format!("{name} = [\"10.0.0.0/8\", \"fd00::/8\"]"));
            let config = Config::from_toml(&named.replace(line, &told)).unwrap();
            let words = [Some(config.http.transport()), config.http.operators_port()];
            let words = words.map(|words| words.unwrap_or_default().contains("for this machine"));
            assert_eq!(words, [key == operators.1, true]);
        }
        for here in ["127.0.0.2", "[::1]", "[::ffff:127.0.0.1]"] {
            let here = EXAMPLE.replace(line, &line.replace("127.0.0.1", here));
            assert!(Config::from_toml(&here).is_ok());
        }
    }
    let open = |network: &str| {
        let lines = format!("management_networks = [\"{network}\"]");
        let all = http(&lines).replace(operators.0, "\nmanagement_listen = \"0.0.0.0");
        Config::from_toml(&all)
            .unwrap()
            .http
            .is_operators_port_open()
    };
    assert!(open("0.0.0.0/0") && !open("10.0.0.0/8"));
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
