//! As whom AWS is asked: by what it gives to instances and containers, kept until it is about to end.

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use chrono::{DateTime, TimeDelta};
use countersign::{
    aws::{CredentialError, Given, Identity, Machine},
    checkpoints,
    config::{AwsCredentials, Config, EXAMPLE},
    kms,
};
use countersign_domain::id::TenantId;
use countersign_entities::{Clock, KekError, KeyIdentity, KeyRing, PlainKey, SystemClock};
use countersign_tests::{Bucket, Kms, Mood, Platform, TestApp, TestClock, TestDatabase};
use futures::future::join_all;
use uuid::Uuid;

const TOKEN: &str = "eyJhbGciOi.of-the.container";

/// A machine on the platform, and services that accept what it was given.
struct Stand {
    clock: Arc<TestClock>,
    platform: Platform,
    kms: Kms,
    token: PathBuf,
}

impl Stand {
    fn start(name: &str) -> Self {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Self::by(name, Arc::new(TestClock::at(start)))
    }

    fn by(name: &str, clock: Arc<TestClock>) -> Self {
        let token = format!("countersign-test-{}-{name}", std::process::id());
        let token = std::env::temp_dir().join(token);
        fs::write(&token, TOKEN).unwrap();
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let platform = Platform::start(&shared, TOKEN);
        let kms = Kms::for_holders_of(platform.keys());
        Self {
            clock,
            platform,
            kms,
            token,
        }
    }

    fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// The sections of a configuration with the key of AWS, for such credentials, on a machine that is told of so.
    fn toml(&self, credentials: &str, machine: &str) -> String {
        format!(
            "[keys.aws]\nregion = \"eu-central-1\"\nkey_id = \"{}\"\nendpoint = \"{}\"\n{credentials}\n\
             [aws]\n{machine}\n",
            Kms::AWS_KEY,
            self.kms.url()
        )
    }

    fn config(&self, credentials: &str, machine: &str) -> Config {
        let kek = EXAMPLE.lines().find(|line| line.starts_with("kek = "));
        let toml = EXAMPLE.replace(kek.unwrap(), "");
        let toml = toml.replace("[aws]\nmetadata_url = \"http://169.254.169.254/\"\n", "");
        let toml = without_section(&toml, "[aws]");
        let toml = toml.replace("[keys]\n", &self.toml(credentials, machine));
        Config::from_toml(&toml).unwrap_or_else(|error| panic!("{error}"))
    }

    fn ring(&self, credentials: &str, machine: &str) -> KeyRing {
        let config = self.config(credentials, machine);
        let clock = self.shared_clock();
        let machine = Machine::new(&config.aws, &clock);
        kms::ring(&config.keys, &machine, &clock).unwrap_or_else(|error| panic!("{error}"))
    }

    fn machine(&self, machine: &str) -> Machine {
        Machine::new(&self.config("", machine).aws, &self.shared_clock())
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.token);
    }
}

fn without_section(toml: &str, section: &str) -> String {
    let (before, after) = toml.split_once(section).unwrap();
    let (_, after) = after.split_once("\n[").unwrap();
    format!("{before}[{after}")
}

async fn wrap(ring: &KeyRing) -> Result<(), KekError> {
    let of = KeyIdentity {
        tenant: TenantId::new(Uuid::from_u128(7)),
        purpose: "data",
        version: 1,
    };
    let wrapped = ring.wrap(&PlainKey::new([5; 32]), &of).await?;
    ring.unwrap(&wrapped, &of).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_wrapped_as_whom_the_platform_says_that_this_is() {
    let stand = Stand::start("whom");
    let (platform, instance) = (&stand.platform, stand.platform.instance());
    let container = platform.container_by(&stand.token);
    for (credentials, machine) in [
        ("", &instance),
        ("credentials = \"machine\"", &instance),
        ("credentials = \"instance\"", &instance),
        ("", &container),
        ("credentials = \"container\"", &container),
    ] {
        let before = platform.given();
        let ring = stand.ring(credentials, machine);
        assert_eq!(platform.given(), before, "nothing is asked for in vain");
        for _ in 0..3 {
            wrap(&ring).await.unwrap();
        }
        assert_eq!(platform.given(), before + 1, "{credentials}: {machine}");
    }
    assert_eq!(
        platform.asked_without_session(),
        0,
        "the first version is not spoken"
    );

    // The container's comes first, and each can be told.
    let both = format!("{container}\n{instance}");
    platform.attach(false);
    wrap(&stand.ring("", &both)).await.unwrap();
    let as_instance = stand.ring("credentials = \"instance\"", &both);
    let refused = wrap(&as_instance).await.unwrap_err();
    assert!(matches!(refused, KekError::Unasked { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_is_kept_for_the_key_service_and_the_bucket() {
    let app = TestApp::start().await;
    let tenant = app.tenant("northwind").await;
    let stand = Stand::by("both", Arc::clone(&app.clock));
    let bucket = Bucket::for_holders_of(stand.platform.keys());
    let kek = "kek = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n";
    let toml = countersign_tests::configuration(&app.test_database);
    let toml = toml.replace(
        &format!("[keys]\n{kek}"),
        &stand.toml("", &stand.platform.instance()),
    );
    let toml = toml + &bucket.configuration_by("prefix = \"log/\"");
    let config = Config::from_toml(&toml).unwrap();
    let clock = stand.shared_clock();
    let machine = Machine::new(&config.aws, &clock);
    let ring = kms::ring(&config.keys, &machine, &clock).unwrap();
    let place = checkpoints::place(&config.audit, &machine, &clock);
    let place = place.unwrap().unwrap();
    let operator = app.database().operator();
    for _ in 0..2 {
        wrap(&ring).await.unwrap();
        operator.rotate_key(tenant.id).await.unwrap();
        let made = checkpoints::make(&operator, tenant.id, Some(&place)).await;
        let size = made.unwrap().unwrap().size;
        let name = format!("log/{}/size/{size:020}", tenant.id);
        assert!(bucket.objects().contains_key(&name), "{name}");
    }
    assert_eq!(stand.platform.given(), 1);

    // What both were given ends before its time: each learns it, and nothing is lost.
    stand.platform.revoke();
    wrap(&ring).await.unwrap_err();
    stand.clock.advance(TimeDelta::seconds(31));
    let made = checkpoints::make(&operator, tenant.id, Some(&place)).await;
    made.unwrap();
    wrap(&ring).await.unwrap();
    assert_eq!(stand.platform.given(), 2);
    stand.platform.revoke();
    operator.rotate_key(tenant.id).await.unwrap();
    let refused = checkpoints::make(&operator, tenant.id, Some(&place)).await;
    refused.unwrap_err();
    stand.clock.advance(TimeDelta::seconds(31));
    let made = checkpoints::make(&operator, tenant.id, Some(&place)).await;
    made.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_asked_for_once_for_all_who_wait_and_again_before_they_end() {
    let stand = Stand::start("again");
    let ring = stand.ring("", &stand.platform.instance());
    let all = async || {
        for wrapped in join_all((0..16).map(|_| wrap(&ring))).await {
            wrapped.unwrap();
        }
        stand.platform.given()
    };
    assert_eq!(all().await, 1);
    // They live for six hours.
    stand.clock.advance(TimeDelta::minutes(6 * 60 - 6));
    assert_eq!(all().await, 1);
    stand.clock.advance(TimeDelta::minutes(2));
    assert_eq!(all().await, 2, "a few minutes before");
    stand.clock.advance(TimeDelta::hours(6));
    assert_eq!(all().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_is_used_to_its_end_while_nothing_new_is_given() {
    let stand = Stand::start("end");
    let ring = stand.ring("", &stand.platform.instance());
    wrap(&ring).await.unwrap();
    stand.platform.trouble(Some(503));
    stand.clock.advance(TimeDelta::minutes(6 * 60 - 4));
    wrap(&ring).await.unwrap();
    stand.clock.advance(TimeDelta::seconds(239));
    wrap(&ring).await.unwrap();
    stand.clock.advance(TimeDelta::seconds(1));
    let away = wrap(&ring).await.unwrap_err();
    assert!(away.may_pass(), "{away:?}");
    let said = away.to_string();
    assert!(
        said.contains("metadata service of the instance does not answer: it answers 503"),
        "{said}"
    );
    stand.platform.trouble(None);
    stand.clock.advance(TimeDelta::seconds(3));
    wrap(&ring).await.unwrap();
}

/// A denial may be of what the identity may do. It is not asked for again at each.
#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_asked_for_anew_and_not_at_every_refusal() {
    let stand = Stand::start("doubt");
    let ring = stand.ring("", &stand.platform.instance());
    wrap(&ring).await.unwrap();
    stand.kms.feel(Mood::Denying);
    for _ in 0..5 {
        let denied = wrap(&ring).await.unwrap_err();
        assert!(matches!(denied, KekError::Denied { .. }), "{denied:?}");
    }
    assert_eq!(stand.platform.given(), 1);
    stand.kms.feel(Mood::Well);
    stand.platform.revoke();
    stand.clock.advance(TimeDelta::seconds(31));
    wrap(&ring).await.unwrap();
    assert_eq!(stand.platform.given(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_the_container_is_read_anew_from_its_file() {
    let stand = Stand::start("token");
    let machine = stand.machine(&stand.platform.container_by(&stand.token));
    let access = async || {
        stand.clock.advance(TimeDelta::hours(6));
        machine.access(Given::Container).await
    };
    access().await.unwrap();
    stand.platform.change_token("another");
    let refused = access().await.unwrap_err();
    assert!(
        matches!(&refused, CredentialError::Refused { cause, .. }
            if cause == "401 AccessDeniedException: the token is none of ours"),
        "{refused}"
    );
    fs::write(&stand.token, "another\n").unwrap();
    access().await.unwrap();

    fs::write(&stand.token, "another\r\nx-forged: 1").unwrap();
    let forged = access().await.unwrap_err();
    assert!(matches!(forged, CredentialError::Token(_)), "{forged}");
    fs::remove_file(&stand.token).unwrap();
    let lost = access().await.unwrap_err().to_string();
    assert!(lost.contains("can not be read"), "{lost}");

    // In the environment itself.
    let given = format!(
        "container_full_uri = \"{}\"\ncontainer_token = \"another\"",
        stand.platform.container()
    );
    let machine = stand.machine(&given);
    machine.access(Given::Container).await.unwrap();
    let nobody = stand.machine(&given.replace("another", "someone"));
    nobody.access(Given::Container).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_given_it_is_said_what_to_do() {
    let stand = Stand::start("nothing");
    let instance = stand.platform.instance();
    let ring = stand.ring("credentials = \"container\"", &instance);
    let error = wrap(&ring).await.unwrap_err();
    let said = error.to_string();
    assert!(
        matches!(error, KekError::Unasked { .. })
            && said.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI")
            && said.contains("or give keys"),
        "{said}"
    );
    let asked = async || {
        let machine = stand.machine(&instance);
        machine.access(Given::Instance).await.unwrap_err()
    };
    stand.platform.attach(false);
    assert_eq!(asked().await, CredentialError::NoRole);
    stand.platform.attach(true);
    stand
        .platform
        .unassumed(Some("AssumeRoleUnauthorizedAccess"));
    let said = asked().await.to_string();
    assert!(
        said.contains("refuses: AssumeRoleUnauthorizedAccess"),
        "{said}"
    );
    stand.platform.unassumed(None);
    for (status, told) in [
        (401, "refuses: 401"),
        (403, "switch the instance's metadata on"),
        (302, "refuses: 302"),
        (500, "it answers 500"),
        (429, "it answers 429"),
    ] {
        stand.platform.trouble(Some(status));
        let said = asked().await.to_string();
        assert!(said.contains(told), "{status}: {said}");
    }
    assert_eq!(
        (
            stand.platform.given(),
            stand.platform.asked_without_session()
        ),
        (0, 0)
    );
    // Off EC2 there is nobody.
    let nobody = stand.machine("metadata_url = \"http://127.0.0.1:9/\"");
    let away = nobody.access(Given::Instance).await.unwrap_err();
    assert!(
        away.may_pass() && away.to_string().contains("off EC2 give keys"),
        "{away}"
    );
    // A failure is told to who comes next as well, and not for long.
    stand.platform.trouble(None);
    stand.platform.attach(false);
    let machine = stand.machine(&instance);
    let access = async || machine.access(Given::Instance).await.map(|_| ());
    assert_eq!(access().await, Err(CredentialError::NoRole));
    stand.platform.attach(true);
    assert_eq!(access().await, Err(CredentialError::NoRole));
    stand.clock.advance(TimeDelta::seconds(3));
    assert_eq!(access().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_configuration_are_asked_for_nowhere() {
    let stand = Stand::start("keys");
    let config = stand.config(
        "credentials = { access_key_id = \"AKIA1\", secret_access_key = \"s\", session_token = \"t\" }",
        &stand.platform.instance(),
    );
    let credentials = config.keys.aws.unwrap().credentials;
    assert!(matches!(credentials, AwsCredentials::Keys(_)));
    let machine = Machine::new(&config.aws, &stand.shared_clock());
    let identity = Identity::new(&credentials, &machine);
    let access = identity.access().await.unwrap();
    assert_eq!((&*access.id, access.session.is_some()), ("AKIA1", true));
    assert_eq!(stand.platform.given(), 0);
    assert!(!format!("{identity:?}").contains("\"s\""), "{identity:?}");
}

/// As ECS and EKS say it: by variables of the process. What proxies the environment names are not for it.
#[tokio::test(flavor = "multi_thread")]
async fn program_is_told_of_its_container_by_the_environment() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let platform = Platform::start(&clock, TOKEN);
    let kms = Kms::for_holders_of(platform.keys());
    let database = TestDatabase::create().await;
    let kek = "kek = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n";
    let key = format!(
        "aws = {{ region = \"eu-central-1\", key_id = \"{}\", endpoint = \"{}\" }}\n",
        Kms::AWS_KEY,
        kms.url().replace("127.0.0.1", "localhost")
    );
    let toml = countersign_tests::configuration(&database).replace(kek, &key);
    let toml = toml + "[aws]\nmetadata_url = \"http://127.0.0.1:9/\"\n";
    let file = format!("countersign-test-{}-environment.toml", std::process::id());
    let file = std::env::temp_dir().join(file);
    fs::write(&file, toml).unwrap();
    let create = |slug: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-under-test"));
        command.arg("--config").arg(&file);
        command.args(["tenant", "create", "--slug", slug, "--name", slug]);
        command
            .env("HTTP_PROXY", "http://127.0.0.1:9/")
            .env("NO_PROXY", "localhost");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let address = platform.container();
    let address = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*address);
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN);
    let (code, said) = create("acme", &[address, token]);
    assert_eq!((code, platform.given()), (Some(0), 1), "{said}");

    let (code, said) = create("bolt", &[address]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("refuses: 401 AccessDeniedException"),
        "{said}"
    );
    let (code, said) = create("bolt", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("off EC2 give keys as `credentials`"),
        "{said}"
    );
    let elsewhere = (address.0, "http://credentials.example/");
    let (code, said) = create("bolt", &[elsewhere, token]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("`aws.container_full_uri` is neither https"),
        "{said}"
    );
    fs::remove_file(&file).unwrap();
}
