use secrecy::ExposeSecret;

use super::{super::EXAMPLE, *};
use crate::config::Config;

/// The configuration of whoever is on AWS, with these lines in the section of the machine.
fn with(aws: &str) -> Result<Config, String> {
    let text = EXAMPLE.replace("\nmetadata_url = ", "\n# ");
    let text = text.replace("[aws]\n", &format!("[aws]\n{aws}\n"));
    Config::from_toml(&text).map_err(|error| error.to_string())
}

fn credentials(given: &str) -> Result<AwsCredentials, String> {
    let given = if given.is_empty() {
        String::new()
    } else {
        format!(", {given}")
    };
    let kek = EXAMPLE
        .lines()
        .find(|line| line.starts_with("kek"))
        .unwrap();
    let aws = format!("aws = {{ region = \"r\", key_id = \"k\"{given} }}");
    let config = Config::from_toml(&EXAMPLE.replace(kek, &aws)).map_err(|error| error.to_string());
    Ok(config?.keys.aws.unwrap().credentials)
}

#[test]
fn credentials_are_a_word_or_keys_and_the_machines_where_nothing_is_said() {
    assert!(matches!(credentials(""), Ok(AwsCredentials::Machine)));
    for (word, is_it) in [
        ("machine", |given: &AwsCredentials| {
            matches!(given, AwsCredentials::Machine)
        }),
        ("container", |given: &AwsCredentials| {
            matches!(given, AwsCredentials::Container)
        }),
        ("instance", |given: &AwsCredentials| {
            matches!(given, AwsCredentials::Instance)
        }),
    ] as [(&str, fn(&AwsCredentials) -> bool); 3]
    {
        let given = credentials(&format!("credentials = \"{word}\"")).unwrap();
        assert!(is_it(&given), "{word}: {given:?}");
    }
    let keys = "credentials = { access_key_id = \"AKIA\", secret_access_key = \"hush\" }";
    let AwsCredentials::Keys(keys) = credentials(keys).unwrap() else {
        panic!("keys");
    };
    assert_eq!(
        (&*keys.access_key_id, keys.secret_access_key.expose_secret()),
        ("AKIA", "hush")
    );
}

#[test]
fn what_is_wrong_with_credentials_is_named_and_not_repeated() {
    for (given, key) in [
        ("credentials = \"wJalrXUtnFEMI\"", "keys.aws.credentials"),
        (
            "credentials = { access_key_id = \"AKIA\" }",
            "keys.aws.credentials.secret_access_key",
        ),
        (
            "credentials = { access_key_id = \"AKIA\", secret_access_key = { file = \"/nowhere\" } }",
            "keys.aws.credentials.secret_access_key` names a file",
        ),
        (
            "access_key_id = \"AKIA\"",
            "`keys.aws` has region, key_id, credentials, endpoint",
        ),
    ] {
        let error = credentials(given).unwrap_err();
        assert!(error.contains(key), "{key}: {error}");
        assert!(!error.contains("wJalr"), "{error}");
    }
}

#[test]
fn plain_http_is_spoken_where_no_network_is_in_between() {
    for good in [
        "https://credentials.example/",
        "http://127.0.0.1:1338/role",
        "http://localhost/role",
        "http://[::1]/role",
        "http://169.254.170.2/v2/credentials",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
    ] {
        let config = with(&format!("container_full_uri = \"{good}\"")).unwrap();
        assert_eq!(config.aws.container().unwrap().as_str(), good);
    }
    for bad in [
        "http://credentials.example/",
        "http://169.254.170.2.example/",
        "http://169.254.170.3/",
        "http://127.0.0.1@credentials.example/",
        "http://localhost.example/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
    ] {
        for key in ["container_full_uri", "metadata_url"] {
            let error = with(&format!("{key} = \"{bad}\"")).unwrap_err();
            assert!(error.contains(&format!("aws.{key}")), "{bad}: {error}");
        }
    }
}

#[test]
fn relative_address_stays_at_that_of_ecs() {
    let config = with(
        "container_relative_uri = \"/v2/credentials/1?a=b\"\ncontainer_full_uri = \"http://[::1]/\"",
    );
    let address = config.unwrap().aws.container().unwrap();
    assert_eq!(
        address.as_str(),
        "http://169.254.170.2/v2/credentials/1?a=b",
        "it comes first"
    );
    let twice = with("container_relative_uri = \"//evil.example/\"").unwrap();
    assert_eq!(
        twice.aws.container().unwrap().host_str(),
        Some("169.254.170.2")
    );
    for bad in ["@evil.example/", ".evil.example/", ":80@evil.example/", ""] {
        let error = with(&format!("container_relative_uri = \"{bad}\"")).unwrap_err();
        assert!(
            error.contains("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            "{bad}: {error}"
        );
    }
}

#[test]
fn variables_of_the_platform_are_keys_and_their_values_text() {
    let given = [
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1/credentials",
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "123456"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let section = section(given.into_iter());
    let aws = AwsMachine::deserialize(&section["aws"]).unwrap();
    assert_eq!(
        aws.container().unwrap().as_str(),
        "http://169.254.170.23/v1/credentials"
    );
    assert_eq!(aws.container_token.unwrap().expose_secret(), "123456");
    assert_eq!(aws.container_token_file, None);
    assert_eq!(aws.metadata_url.as_str(), "http://169.254.169.254/");
}
