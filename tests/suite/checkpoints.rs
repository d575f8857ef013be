//! Checkpoints in an object store: written once, read again, and never in doubt about what was said.

use std::{sync::Arc, time::Instant};

use countersign::{
    aws::Machine,
    checkpoints::{self, CheckpointError, CheckpointPlace},
    config::{Config, EXAMPLE},
};
use countersign_entities::{Clock, Operator};
use countersign_tests::{Bucket, TestApp, TestTenant, configuration};
use sqlx::Executor;

struct Stand {
    bucket: Bucket,
    app: TestApp,
    tenant: TestTenant,
}

impl Stand {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let tenant = app.tenant("northwind").await;
        Self {
            bucket: Bucket::start(),
            app,
            tenant,
        }
    }

    fn place(&self, more: &str) -> CheckpointPlace {
        let toml = configuration(&self.app.test_database) + &self.bucket.configuration(more);
        let config = Config::from_toml(&toml).unwrap();
        let clock = Arc::clone(&self.app.clock) as Arc<dyn Clock>;
        let machine = Machine::new(&config.aws, &clock);
        let place = checkpoints::place(&config.audit, &machine, &clock);
        place.unwrap().unwrap()
    }

    fn operator(&self) -> Operator {
        self.app.database().operator()
    }

    /// The log grows by a row, and a checkpoint is made of it; its size.
    async fn publish(&self, place: &CheckpointPlace) -> Result<u64, CheckpointError> {
        let operator = self.operator();
        operator.rotate_key(self.tenant.id).await.unwrap();
        let made = checkpoints::make(&operator, self.tenant.id, Some(place)).await?;
        Ok(made.unwrap().size)
    }

    fn name(&self, size: u64) -> String {
        format!("log/{}/size/{size:020}", self.tenant.id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_written_once_to_a_bucket_and_locked_there() {
    let stand = Stand::start().await;
    let place = stand.place("prefix = \"log/\"\nlock_days = 3000");
    let mut sizes = Vec::new();
    for _ in 0..8 {
        sizes.push(stand.publish(&place).await.unwrap());
    }
    let (operator, tenant) = (stand.operator(), stand.tenant.id);
    let kept = operator.checkpoints(tenant).await.unwrap();
    let objects = stand.bucket.objects();
    assert_eq!(objects.len(), sizes.len() + 1, "and the key: {objects:?}");
    for (size, kept) in sizes.iter().rev().zip(&kept) {
        let object = &objects[&stand.name(*size)];
        assert_eq!((&object.content, object.writes), (&kept.note, 1));
        let (until, mode) = object.locked.clone().unwrap();
        // 3000 days after the clock's 2026-09-21.
        assert_eq!((&*until, &*mode), ("2034-12-08T14:13:20Z", "COMPLIANCE"));
    }
    let key = operator
        .note_signer(tenant)
        .await
        .unwrap()
        .key()
        .to_string();
    assert_eq!(objects[&format!("log/{tenant}/key")].content, key + "\n");

    // The newest is found over pages, from what is known on, and where what is known is not there.
    let newest = Some(kept[0].note.clone());
    for known in [None, Some(sizes[0]), Some(sizes[7]), Some(1)] {
        assert_eq!(
            place.newest(tenant, known).await.unwrap(),
            newest,
            "{known:?}"
        );
    }
    let absent = place.newest(tenant, Some(1_000)).await.unwrap();
    assert_eq!(absent, newest, "what was made last is not published");
    assert_eq!(stand.place("").newest(tenant, None).await.unwrap(), None);

    // A replica that comes late says the same; nothing is written again.
    checkpoints::make(&operator, tenant, Some(&place))
        .await
        .unwrap();
    assert_eq!(stand.bucket.objects(), objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_a_bucket_convicts_and_is_never_replaced() {
    let stand = Stand::start().await;
    let place = stand.place("prefix = \"log/\"");
    let size = stand.publish(&place).await.unwrap();
    let objects = stand.bucket.objects();
    assert_eq!(objects[&stand.name(size)].locked, None);
    stand.bucket.put(&stand.name(size + 1), "another history");
    let contradicted = stand.publish(&place).await.unwrap_err();
    assert!(
        matches!(contradicted, CheckpointError::Contradicted { size: found } if found == size + 1),
        "{contradicted}"
    );
    let objects = stand.bucket.objects();
    assert_eq!(objects[&stand.name(size + 1)].content, "another history");

    // The database is another one, with another key.
    let mut superuser = stand.app.test_database.superuser().await;
    let forget = "DELETE FROM countersign.tenant_keys WHERE purpose = 'checkpoint'";
    superuser.execute(forget).await.unwrap();
    let other = stand.publish(&place).await.unwrap_err();
    assert!(matches!(other, CheckpointError::OtherKey), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_is_away_is_asked_a_few_times_and_its_words_are_the_operators() {
    let stand = Stand::start().await;
    let place = stand.place("");
    for (times, status) in [(2, 503), (1, 409), (2, 500)] {
        stand.bucket.trouble(times, status);
        stand.publish(&place).await.unwrap();
    }
    let began = Instant::now();
    stand.bucket.trouble(u32::MAX, 503);
    stand.bucket.asked();
    let away = stand.publish(&place).await.unwrap_err().to_string();
    assert!(
        away.contains("503, SlowDown: SlowDown of the stand-in"),
        "{away}"
    );
    assert_eq!(stand.bucket.asked(), 3, "bounded");
    assert!(began.elapsed().as_secs() < 10);

    // What will not pass is not asked again.
    stand.bucket.trouble(u32::MAX, 403);
    let denied = stand.publish(&place).await.unwrap_err().to_string();
    assert!(denied.contains("403, AccessDenied"), "{denied}");
    assert_eq!(stand.bucket.asked(), 1);
    stand.bucket.trouble(0, 0);
    let toml = stand.bucket.configuration("");
    let toml = toml.replace("wJalrXUtnFEMI", "another-secret");
    let config = Config::from_toml(&(configuration(&stand.app.test_database) + &toml)).unwrap();
    let clock = Arc::clone(&stand.app.clock) as Arc<dyn Clock>;
    let machine = Machine::new(&config.aws, &clock);
    let other = checkpoints::place(&config.audit, &machine, &clock);
    let other = other.unwrap().unwrap();
    let unsigned = stand.publish(&other).await.unwrap_err().to_string();
    assert!(unsigned.contains("SignatureDoesNotMatch"), "{unsigned}");
    assert!(!unsigned.contains("another-secret"), "{unsigned}");
}

#[test]
fn what_is_wrong_with_a_bucket_is_named_by_its_key() {
    let with = |bucket: &str| {
        let toml = EXAMPLE.replace("[audit]\n", &format!("[audit]\nbucket = {{ {bucket} }}\n"));
        let given = Config::from_toml(&toml).map(|_| ());
        given.map_err(|error| error.to_string())
    };
    let whole = "name = \"acme\", region = \"r\"";
    with(whole).unwrap();
    for (bucket, key) in [
        (whole.replace("acme", "a/b"), "audit.bucket.name"),
        (format!("{whole}, prefix = \"/a\""), "audit.bucket.prefix"),
        (format!("{whole}, prefix = \"a:b\""), "audit.bucket.prefix"),
        (format!("{whole}, lock_days = 0"), "audit.bucket.lock_days"),
        (
            format!("{whole}, endpoint = \"http://s3.example/\""),
            "audit.bucket.endpoint",
        ),
        (whole.replace(", region = \"r\"", ""), "region"),
        (
            format!("{whole}, credentials = \"someone\""),
            "audit.bucket.credentials",
        ),
    ] {
        let fault = with(&bucket).unwrap_err();
        assert!(fault.contains(key), "{key}: {fault}");
    }
    let both = EXAMPLE.replace(
        "[audit]\n",
        &format!("[audit]\ncheckpoints = \"/tmp\"\nbucket = {{ {whole} }}\n"),
    );
    let both = Config::from_toml(&both).unwrap_err().to_string();
    assert!(both.contains("audit.bucket"), "{both}");
}
