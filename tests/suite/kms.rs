//! The key services, each against a stand-in of its interface that verifies who calls.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use countersign::{
    aws::Machine,
    config::{Config, EXAMPLE},
    kms,
};
use countersign_domain::{
    access::{Role, Scope},
    id::TenantId,
};
use countersign_entities::{
    Clock, KekError, KeyIdentity, KeyRing, PlainKey, SystemClock, WrappedKey,
};
use countersign_tests::{Kms, Mood, Outside, Served, TestApp};
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

const SECRET: &str = "sk-test-0123456789abcdef0123456789abcdef";
const OWN: &str = "kek = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"";

fn of(version: i32) -> KeyIdentity {
    KeyIdentity {
        tenant: TenantId::new(Uuid::from_u128(7)),
        purpose: "data",
        version,
    }
}

/// The lines of each service in the section `keys`, and a change of each that does not prove the caller.
fn services(kms: &Kms) -> [(&'static str, String, (&'static str, &'static str)); 4] {
    let url = kms.url();
    let (id, secret) = Kms::AWS_ACCESS;
    let account = kms.google_account();
    [
        (
            "aws",
            format!(
                "[keys.aws]\nregion = \"eu-central-1\"\nkey_id = \"{}\"\nendpoint = \"{url}\"\n\
                 credentials = {{ access_key_id = \"{id}\", secret_access_key = \"{secret}\" }}",
                Kms::AWS_KEY
            ),
            ("EXAMPLEKEY", "EXAMPLEKEZ"),
        ),
        (
            "google, by an account",
            format!(
                "[keys.google]\nkey = \"{}\"\nendpoint = \"{url}\"\nservice_account = '''{account}'''",
                Kms::GOOGLE_KEY
            ),
            ("countersign@p", "another@p"),
        ),
        (
            "google, by the machine",
            format!(
                "[keys.google]\nkey = \"{}\"\nendpoint = \"{url}\"\nmetadata_url = \"{url}metadata\"",
                Kms::GOOGLE_KEY
            ),
            ("/metadata", "/elsewhere"),
        ),
        (
            "vault",
            format!(
                "[keys.vault]\naddress = \"{url}\"\ntoken = \"{}\"\nkey = \"countersign\"",
                Kms::VAULT_TOKEN
            ),
            ("hvs.example", "hvs.another"),
        ),
    ]
}

/// The ring of a configuration whose key-encryption key is that.
fn ring(keys: &str) -> KeyRing {
    let kek = EXAMPLE.lines().find(|line| line.starts_with("kek = "));
    let toml = EXAMPLE.replace(kek.unwrap(), "");
    let toml = toml.replace("[keys]\n", &format!("{keys}\n"));
    let config = Config::from_toml(&toml).unwrap_or_else(|error| panic!("{error}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let machine = Machine::new(&config.aws, &clock);
    kms::ring(&config.keys, &machine, &clock).unwrap_or_else(|error| panic!("{error}"))
}

async fn unwrapped(
    ring: &KeyRing,
    wrapped: &WrappedKey,
    of: &KeyIdentity,
) -> Result<[u8; 32], KekError> {
    let key = ring.unwrap(wrapped, of).await?;
    Ok(*key.expose_secret())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_unwraps_what_it_wrapped_as_what_it_is_alone() {
    let kms = Kms::start();
    for (name, keys, (good, bad)) in services(&kms) {
        let ring = ring(&keys);
        let wrapped = ring.wrap(&PlainKey::new([5; 32]), &of(1)).await;
        let wrapped = wrapped.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            unwrapped(&ring, &wrapped, &of(1)).await,
            Ok([5; 32]),
            "{name}"
        );
        let version = wrapped.kek.clone().unwrap();
        assert!(version.starts_with(ring.name()), "{name}: {version}");
        // As another's, or changed.
        let other = unwrapped(&ring, &wrapped, &of(2)).await.unwrap_err();
        assert!(
            matches!(other, KekError::Mismatch { .. }),
            "{name}: {other:?}"
        );
        let mut changed = wrapped.clone();
        *changed.bytes.last_mut().unwrap() ^= 1;
        let changed = unwrapped(&ring, &changed, &of(1)).await.unwrap_err();
        assert!(
            matches!(changed, KekError::Mismatch { .. }),
            "{name}: {changed:?}"
        );
        // By somebody who is nobody.
        let stranger = self::ring(&keys.replace(good, bad));
        let refused = unwrapped(&stranger, &wrapped, &of(1)).await.unwrap_err();
        assert!(
            matches!(refused, KekError::Denied { .. }),
            "{name}: {refused:?}"
        );
        assert!(
            !refused.to_string().contains(bad),
            "{name} tells no secret: {refused}"
        );
    }
}

/// An installation moves from one keeper to another, or back to a key of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_keeper_wrapped_before_another_came_is_unwrapped_until_it_is_wrapped_anew() {
    let kms = Kms::start();
    let [aws, google, _, vault] = services(&kms).map(|(_, keys, _)| keys);
    let own = format!("[keys]\n{OWN}");
    for (name, before, after) in [
        ("aws", &aws, &vault),
        ("google", &google, &aws),
        ("vault", &vault, &own),
    ] {
        let old = ring(before).wrap(&PlainKey::new([5; 32]), &of(1)).await;
        let old = old.unwrap();
        let alone = unwrapped(&ring(after), &old, &of(1)).await;
        assert!(alone.is_err(), "{name}: {alone:?}");
        let kept = before.replace("[keys.", "[keys.before.");
        let both = ring(&format!("{after}\n{kept}"));
        assert_eq!(unwrapped(&both, &old, &of(1)).await, Ok([5; 32]), "{name}");
        let new = both.wrap(&PlainKey::new([5; 32]), &of(1)).await.unwrap();
        assert_eq!(
            unwrapped(&ring(after), &new, &of(1)).await,
            Ok([5; 32]),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_is_told_for_what_it_is_and_nothing_is_half_done() {
    let kms = Kms::start();
    for (name, keys, _) in services(&kms) {
        kms.feel(Mood::Well);
        let ring = ring(&keys);
        let wrapped = ring.wrap(&PlainKey::new([5; 32]), &of(1)).await.unwrap();
        for mood in [
            Mood::Throttling,
            Mood::Denying,
            Mood::Failing,
            Mood::Babbling,
            Mood::Damaging,
        ] {
            kms.feel(mood);
            let error = unwrapped(&ring, &wrapped, &of(1)).await.unwrap_err();
            let is_told = match mood {
                Mood::Throttling => matches!(error, KekError::Throttled { .. }),
                Mood::Denying => matches!(error, KekError::Denied { .. }),
                Mood::Failing => matches!(error, KekError::Unreachable { .. }),
                _ => matches!(error, KekError::Garbled { .. }),
            };
            assert!(is_told, "{name}, {mood:?}: {error:?}");
            let passes = matches!(mood, Mood::Throttling | Mood::Failing);
            assert_eq!(error.may_pass(), passes, "{name}, {mood:?}");
            assert!(error.to_string().contains(ring.name()), "{error}");
        }
        kms.feel(Mood::Well);
        assert_eq!(
            unwrapped(&ring, &wrapped, &of(1)).await,
            Ok([5; 32]),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_does_not_answer_is_given_up() {
    let kms = Kms::start();
    let (_, keys, _) = services(&kms).into_iter().next_back().unwrap();
    let ring = ring(&keys);
    kms.feel(Mood::Slow);
    let began = Instant::now();
    let error = ring
        .wrap(&PlainKey::new([5; 32]), &of(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, KekError::Unreachable { cause, .. } if cause.contains("within 5 s")),
        "{error:?}"
    );
    assert!(began.elapsed().as_secs() < 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_google_is_asked_for_once() {
    let kms = Kms::start();
    let ring = ring(&services(&kms)[1].1);
    for _ in 0..3 {
        ring.wrap(&PlainKey::new([5; 32]), &of(1)).await.unwrap();
    }
    assert_eq!(kms.tokens(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn product_runs_on_a_key_service_and_answers_503_while_it_is_away() {
    let kms = Kms::start();
    let keys = services(&kms)[3].1.clone();
    let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let outside = Outside::start(SECRET);
    let app = TestApp::start_with(start, |toml| {
        let toml = toml.replace(&format!("[keys]\n{OWN}\n"), &format!("{keys}\n"));
        format!("{toml}[providers]\nopenai_url = \"{}\"\n", outside.url())
    })
    .await;
    let tenant = app.tenant("northwind").await;
    let owner = app.person(&tenant, Role::Owner, "owner").await;
    let store = "mutation($input: StoreCredentialInput!) { storeCredential(input: $input) \
         { credential { id } } }";
    let input = json!({ "provider": "OPENAI", "name": "The model", "secret": SECRET });
    let stored = owner.graphql(store, json!({ "input": input })).await;
    let credential = stored.data()["storeCredential"]["credential"]["id"].clone();
    let reply = owner.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let status = app
        .database()
        .operator()
        .key_status(tenant.id)
        .await
        .unwrap();
    let keks = status
        .keys
        .iter()
        .map(|key| key.kek.as_deref().unwrap_or_default());
    assert!(
        keks.clone()
            .all(|kek| kek == "vault:transit/countersign:v2"),
        "{status:?}"
    );
    // What is open stays open, also where it is looked for anew; a tenant that nobody has come to yet waits.
    kms.feel(Mood::Failing);
    let reply = owner.graphql("{ viewer { kind } }", json!({})).await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let check = "mutation($id: ID!) { checkCredential(input: { credentialId: $id }) \
         { credential { checkOutcome } } }";
    let checked = owner.graphql(check, json!({ "id": credential })).await;
    let names = "{ credentials(first: 9) { nodes { name } } }";
    let names = owner.graphql(names, json!({})).await;
    let name = &names.data()["credentials"]["nodes"][0]["name"];
    assert_eq!(name, "The model", "{:?}", names.body);
    let checked = &checked.data()["checkCredential"]["credential"];
    assert_eq!(checked["checkOutcome"], "ACCEPTED", "{checked}");
    let new = countersign_entities::NewTenant {
        slug: "southwind".into(),
        name: "Southwind".into(),
    };
    let operator = app.database().operator();
    assert!(operator.create_tenant(&new).await.is_err());
    kms.feel(Mood::Well);
    app.tenant("southwind").await;
}

/// After a restart nobody's keys are open, and a slow keeper is asked for those of everybody who comes.
#[tokio::test(flavor = "multi_thread")]
async fn slow_keeper_holds_up_nobody_whose_keys_are_open() {
    const MAKE: &str = "mutation($name: String!) { createAccount(input: { name: $name, currency: \"EUR\", \
         personal: false }) { account { id } userErrors { message } } }";
    let kms = Kms::start();
    let keys = services(&kms)[3].1.clone();
    let mut toml = String::new();
    let app = TestApp::start_with(SystemClock.now(), |given| {
        toml = given.replace(&format!("[keys]\n{OWN}\n"), &format!("{keys}\n"));
        toml.clone()
    })
    .await;
    let mut tokens = Vec::new();
    for n in 0..11 {
        let tenant = app.tenant(&format!("tenant-{n}")).await;
        let name = format!("owner-{n}");
        let owner = app.person(&tenant, Role::Owner, &name).await;
        let scopes = [Scope::BasicRead, Scope::AccountsCreate];
        tokens.push(owner.token(&scopes).await);
    }
    let config = format!("countersign-{}-slow-keeper.toml", std::process::id());
    let program = Path::new(env!("CARGO_BIN_EXE_countersign-under-test"));
    let mut served = Served::start(program, &std::env::temp_dir().join(config), &toml);
    served.ready(app.http()).await;
    let mut tokens = tokens.into_iter().map(|token| token.at(&served.url()));
    let make = async |token: &countersign_tests::Token, name: &str| {
        let began = Instant::now();
        let reply = token.graphql(MAKE, json!({ "name": name })).await;
        (reply, began.elapsed())
    };
    let home = tokens.next().unwrap();
    let (reply, _) = make(&home, "First").await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);

    kms.feel(Mood::Slow);
    let others = tokens.map(|token| async move { make(&token, "Elsewhere").await });
    let others = futures::future::join_all(others);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        make(&home, "Second").await
    };
    let (others, (reply, took)) = futures::join!(others, meanwhile);
    assert_eq!(reply.status, 200, "{:?}", reply.body);
    let made = &reply.data()["createAccount"]["account"]["id"];
    assert!(made.is_string(), "{:?}", reply.body);
    assert!(took < Duration::from_secs(2), "{took:?}");
    for (reply, took) in others {
        assert_eq!(reply.status, 503, "{:?}", reply.body);
        assert!(took > Duration::from_secs(4), "they wait for the keeper");
    }
    // What is slow is not wrong.
    kms.feel(Mood::Well);
    let (reply, _) = make(&home, "Third").await;
    assert_eq!(reply.status, 200, "{:?}", reply.body);
}
