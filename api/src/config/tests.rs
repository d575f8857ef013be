use std::{env, fs, path::Path};

use secrecy::ExposeSecret;

use super::{Config, EXAMPLE, read::examples};

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
fn tokens_of_google_come_from_the_platform_or_by_https() {
    let google = |url: &str| {
        let kek = EXAMPLE.lines().find(|line| line.starts_with("kek = "));
        let keys = format!("google = {{ key = \"k\", metadata_url = \"{url}\" }}");
        Config::from_toml(&EXAMPLE.replace(kek.unwrap(), &keys))
    };
    for near in [
        "http://metadata.google.internal/token",
        "http://169.254.169.254/token",
        "http://localhost:9000/token",
        "https://tokens.example/",
    ] {
        assert!(google(near).is_ok(), "{near}");
    }
    let error = google("http://tokens.example/").unwrap_err().to_string();
    assert!(error.contains("keys.google.metadata_url"), "{error}");
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

/// The example with other values, of which each is to be refused.
fn told(section: &str, key: &str, value: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut here = "";
    for line in EXAMPLE.lines() {
        here = line
            .strip_prefix('[')
            .map_or(here, |line| line.trim_end_matches(']'));
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let is_it = here == section && bare.starts_with(&format!("{key} = "));
        if is_it
            && lines
                .last()
                .is_some_and(|line| line.starts_with(&format!("{key} = ")))
        {
            continue;
        }
        lines.push(if is_it {
            format!("{key} = {value}")
        } else {
            line.to_owned()
        });
    }
    match Config::from_toml(&lines.join("\n")) {
        Ok(_) => panic!("{section}.{key} = {value} was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn of_every_key_it_is_said_what_is_wanted() {
    let mut seen = 0;
    for (section, key, _) in examples() {
        for value in ["-7.5", "[-7.5]", "{ hunter2 = -7.5 }"] {
            let said = told(section, key, value);
            assert!(said.contains(&format!("`{section}.{key}")), "{said}");
            for unsaid in [
                "of the form that is wanted",
                "-7.5",
                "struct",
                "enum",
                "u32",
                "sequence",
            ] {
                assert!(!said.contains(unsaid), "{said}");
            }
        }
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

/// Section, key, a value that is none, and what is said to be wanted.
const WANTED: &[(&str, &str, &str, &str)] = &[
    (
        "http",
        "listen",
        "\"hunter2\"",
        "is no address and port, such as `127.0.0.1:8080`",
    ),
    (
        "http",
        "public_url",
        "\"hunter2\"",
        "is no address with its scheme, such as `https://books.example`: relative",
    ),
    (
        "http",
        "cors_origins",
        "\"hunter2\"",
        "is no list in brackets, such as `[\"https://partner.example\"]`",
    ),
    (
        "http",
        "cors_origins",
        "[\"hunter2\"]",
        "`http.cors_origins.0` is no address with its scheme",
    ),
    (
        "http",
        "tls",
        "\"hunter2\"",
        "is no table of keys, such as `{ certificate =",
    ),
    (
        "database",
        "connections_max",
        "\"hunter2\"",
        "is no whole number from 0 to 4294967295",
    ),
    (
        "database",
        "acquire_timeout_ms",
        "\"2s\"",
        "is no whole number of 0 or more: milliseconds",
    ),
    (
        "database",
        "prepared_statements",
        "\"hunter2\"",
        "is neither `true` nor `false`",
    ),
    (
        "database",
        "entry_url",
        "12345",
        "is not text in quotes, or the file that has it",
    ),
    (
        "limits",
        "reader_seconds",
        "0",
        "is no whole number from 1 to 4294967295: seconds",
    ),
    ("oidc", "client_id", "12345", "is no text in quotes"),
    (
        "oidc",
        "scopes",
        "[12345]",
        "`oidc.scopes.0` is no text in quotes",
    ),
    ("log", "format", "\"hunter2\"", "is none of `json`, `text`"),
    (
        "graphql",
        "documents",
        "[12345]",
        "`graphql.documents.0` is no path of a file or folder",
    ),
    (
        "backups",
        "keys",
        "[{ recipient = \"hunter2\" }]",
        "`backups.keys.0.recipient` is no public key",
    ),
];

#[test]
fn what_is_wanted_is_said_in_words_and_what_is_there_is_not() {
    for (section, key, value, wanted) in WANTED {
        let said = told(section, key, value);
        assert!(said.contains(wanted), "{said}");
        for value in ["hunter2", "12345", "2s"] {
            assert!(!said.contains(value), "{said}");
        }
    }
}

#[test]
fn of_an_unknown_key_it_is_said_which_is_probably_meant() {
    for (section, line, told) in [
        (
            "[database]",
            "boks_url = 1",
            "`database.boks_url` is no key: `database.books_url` is probably meant",
        ),
        (
            "[log]",
            "listen = 1",
            "`log.listen` is no key: `http.listen` is probably meant",
        ),
        (
            "[log]",
            "colour = 1",
            "`log.colour` is no key: `log` has format, filter",
        ),
        (
            "[http]",
            "tls = { certifcate = \"/x\" }",
            "`http.tls.certifcate` is no key: `http.tls.certificate` is",
        ),
        (
            "[keys]",
            "previous = [{ fil = \"/x\" }]",
            "`keys.previous.0.fil` is no key: `keys.previous.0.file` is",
        ),
        (
            "[log]",
            "[databse]",
            "`databse` is no key: `database` is probably meant",
        ),
        (
            "[log]",
            "[colours]",
            "`colours` is no key: the sections are http, database",
        ),
    ] {
        let said = with(&format!("\n{section}\n"), &format!("\n{section}\n{line}\n"));
        assert!(said.contains(told), "{said}");
    }
}

/// A configuration in a file of its own; what is said of it, and the file.
fn of_file(text: &[u8]) -> (String, String) {
    let folder = env::temp_dir().join(format!("countersign-config-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("its.toml");
    fs::write(&file, text).unwrap();
    let said = Config::load(Some(&file))
        .map(|_| ())
        .unwrap_err()
        .to_string();
    fs::remove_file(&file).unwrap();
    (said, file.display().to_string())
}

#[test]
fn the_file_is_named_that_a_fault_stands_in() {
    for (from, to, wanted) in [
        (
            "connections_max = 8",
            "connections_max = true",
            "`database.connections_max` is no whole number",
        ),
        (
            "connections_max = 8",
            "connections_max = 0",
            "`database.connections_max` is a number from 1 to 1000 (in",
        ),
        (
            "connections_max = 8",
            "conections_max = 8",
            "`database.conections_max` is no key (in",
        ),
        (
            "client_id = \"countersign\"",
            "",
            "`oidc.client_id` is missing: give it in",
        ),
        ("[log]", "[log", "it is not TOML at line"),
    ] {
        assert!(EXAMPLE.contains(from), "{from}");
        let (said, file) = of_file(EXAMPLE.replace(from, to).as_bytes());
        assert!(said.contains(wanted) && said.contains(&file), "{said}");
    }
    let (said, file) = of_file(&[0xff, 0xfe]);
    assert!(said.contains(&format!("`{file}` is not text")), "{said}");
    let folder = env::temp_dir();
    let said = Config::load(Some(&folder))
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("can not be read") && !said.contains("TOML"),
        "{said}"
    );
    let said = Config::load(Some(Path::new("/nowhere.toml")))
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(said.contains("there is no file `/nowhere.toml`"), "{said}");
}
