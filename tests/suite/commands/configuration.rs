//! What is wrong with a configuration is told by the key, the form, and the file or the variable.

use countersign_tests::{Pair, TestApp, configuration};

use super::{Operator, heard};

#[test]
fn without_any_configuration_it_is_said_where_one_is_looked_for() {
    let operator = Operator::without_configuration();
    let said = operator.failed(2, &["tenant", "list"]);
    for told in [
        "`[http]` is missing",
        "`countersign.toml`",
        "`--config`",
        "`COUNTERSIGN__HTTP__…`",
    ] {
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variable_is_named_that_a_fault_comes_from() {
    let app = TestApp::start().await;
    let operator = Operator::of(&app);
    for (variable, value, told) in [
        (
            "COUNTERSIGN__DATABASE__BOKS_URL",
            "hunter2",
            "`database.books_url` is probably meant",
        ),
        (
            "COUNTERSIGN__BOOKS_URL",
            "hunter2",
            "`database.books_url` is probably meant",
        ),
        (
            "COUNTERSIGN__DATABASE__CONNECTIONS_MAX",
            "hunter2",
            "`database.connections_max` is no whole number",
        ),
        (
            "COUNTERSIGN__DATABASE__CONNECTIONS_MAX",
            "0",
            "`database.connections_max` is a number from 1 to 1000",
        ),
        (
            "COUNTERSIGN__OIDC__CLIENT_SECRET",
            "31415926",
            "stands in double quotes within the variable",
        ),
        (
            "COUNTERSIGN__HTTP__CORS_ORIGINS",
            "[31415926]",
            "`http.cors_origins.0` is no address",
        ),
        (
            "COUNTERSIGN__KEYS__VAULT",
            "{ adress = 31415926 }",
            "`keys.vault.address` is probably meant",
        ),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "hunter2",
            "`aws.container_full_uri` is no address",
        ),
    ] {
        let mut command = operator.command(&["tenant", "list"]);
        let (code, _, said) = heard(command.env(variable, value));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains(told) && said.contains(&format!("`{variable}`")),
            "{said}"
        );
        assert!(
            !said.contains("hunter2") && !said.contains("31415926"),
            "{said}"
        );
    }
    let mut command = operator.command(&["tenant", "list"]);
    let quoted = command.env("COUNTERSIGN__OIDC__CLIENT_SECRET", "\"31415926\"");
    assert_eq!(heard(quoted).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_certificate() {
    let app = TestApp::start().await;
    let operator = Operator::of(&app);
    let pair = Pair::make("doctor");
    let (certificate, key) = (pair.certificate(), pair.key());
    let (certificate, key) = (certificate.display(), key.display());
    let tls = format!("[http.tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n[database]");
    let toml = configuration(&app.test_database).replace("[database]", &tls);
    let toml = toml.replace("http://localhost:8080", "https://books.example");
    operator.put("countersign.toml", &toml);
    let said = operator.failed(1, &["doctor"]);
    for told in [
        "ok      certificate and key\n",
        "ok      days of the certificate: it is good until 4096-",
        "FAILED  names of the certificate: the certificate is not for `books.example`, but for `localhost`\n",
    ] {
        assert!(said.contains(told), "{said}");
    }
}
