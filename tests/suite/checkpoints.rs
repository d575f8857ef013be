//! Checkpoints outside of the database: written once, read again, and never in doubt about what was said.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use countersign::{
    aws::Machine,
    checkpoints::{self, CheckpointError, CheckpointFolder, CheckpointPlace},
    config::{Config, EXAMPLE},
    metrics::Metrics,
};
use countersign_entities::{Clock, LedgerFault, Operator};
use countersign_tests::{Bucket, TestApp, TestTenant, configuration};
use sqlx::{AssertSqlSafe, Executor};

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

    /// A folder of the test's own, which is removed with the guard.
    fn folder(&self) -> (CheckpointPlace, Folder) {
        let name = format!("countersign-test-{}-{}", std::process::id(), self.tenant.id);
        let folder = Folder(std::env::temp_dir().join(name));
        let place = CheckpointPlace::Folder(CheckpointFolder::new(&folder.0));
        (place, folder)
    }

    /// As an owner of the database may, and as an older backup of it is: the log's last rows are gone, and
    /// nothing in the database tells of them.
    async fn cut(&self, rows: u64) {
        let sql = format!(
            "SET session_replication_role = replica; \
             DELETE FROM countersign.audit_entries WHERE tenant_id = '{tenant}' AND seq > {rows}; \
             DELETE FROM countersign.audit_checkpoints WHERE tenant_id = '{tenant}' AND size > {rows}; \
             UPDATE countersign.audit_heads h SET seq = e.seq, hash = e.hash FROM countersign.audit_entries e \
             WHERE h.tenant_id = '{tenant}' AND e.tenant_id = h.tenant_id AND e.seq = {rows}",
            tenant = self.tenant.id.uuid()
        );
        let mut superuser = self.app.test_database.superuser().await;
        superuser.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    /// How many rows each note is of that is published.
    async fn published(&self, place: &CheckpointPlace) -> Vec<u64> {
        let mut sizes = Vec::new();
        loop {
            let after = sizes.last().copied().unwrap_or_default();
            let page = place.page(self.tenant.id, after).await.unwrap();
            if page.is_empty() {
                return sizes;
            }
            for (size, note) in page {
                assert_eq!(note.lines().nth(1), Some(&*size.to_string()), "{note}");
                sizes.push(size);
            }
        }
    }

    /// What a server tells monitoring that makes checkpoints in that place.
    async fn contradicted(&self, place: &CheckpointPlace) -> u64 {
        let metrics = Arc::new(Metrics::new());
        let database = self.app.database().clone();
        let (often, every) = (Arc::clone(&metrics), Duration::from_mins(1));
        let making = checkpoints::keep_making(database, Some(place.clone()), every, 10_000, often);
        let making = tokio::spawn(making);
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let text = metrics.text().unwrap();
            let named = "countersign_contradicted_audit_chains ";
            let mut counts = text.lines().filter_map(|line| line.strip_prefix(named));
            if let Some(count) = counts.find(|count| *count != "0") {
                making.abort();
                return count.parse().unwrap();
            }
        }
        panic!("nothing is counted");
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

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
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

    assert_eq!(stand.published(&place).await, sizes);

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
        matches!(contradicted, CheckpointError::Ledger(LedgerFault::Unsigned)),
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

/// A chain that was cut off, or came back from a backup, is another one from there on, however long it gets.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_of_a_longer_or_another_chain_is_never_published_over() {
    let stand = Stand::start().await;
    let (folder, _guard) = stand.folder();
    for place in [folder, stand.place("prefix = \"log/\"")] {
        let mut sizes = Vec::new();
        for _ in 0..5 {
            sizes.push(stand.publish(&place).await.unwrap());
        }
        let size = sizes[4];
        let newest = place.newest(stand.tenant.id, None).await.unwrap();
        stand.cut(size - 3).await;
        // Shorter than what is published, as long, and longer.
        for grown in [size - 2, size - 1, size, size + 1, size + 2] {
            let refused = stand.publish(&place).await.unwrap_err();
            assert!(
                matches!(refused, CheckpointError::Contradicted { size: of } if of == size),
                "{grown}: {refused}"
            );
            assert!(
                refused
                    .to_string()
                    .contains("`countersign backup restored`")
            );
            let operator = stand.operator();
            let end = operator.ledger_end(stand.tenant.id).await.unwrap();
            assert_eq!(u64::try_from(end.seq).unwrap(), grown);
            let compared = checkpoints::compare(&operator, stand.tenant.id, &place).await;
            assert!(compared.unwrap_err().is_of_another_chain());
            // Nor is anything signed that says so.
            let kept = operator.newest_checkpoint(stand.tenant.id).await.unwrap();
            assert_eq!(kept.unwrap().size, size - 3);
        }
        let still = place.newest(stand.tenant.id, None).await.unwrap();
        assert_eq!((still, stand.published(&place).await), (newest, sizes));
        assert_eq!(stand.contradicted(&place).await, 1, "monitoring is told");
        // In another place it begins anew.
        stand
            .publish(&stand.place("prefix = \"anew/\""))
            .await
            .unwrap();
        stand.bucket.clear();
    }
}

/// Who publishes to another place meanwhile leaves this one behind, and is no other chain for that.
#[tokio::test(flavor = "multi_thread")]
async fn place_that_was_left_behind_is_gone_on_with() {
    let stand = Stand::start().await;
    let (folder, _guard) = stand.folder();
    let first = stand.publish(&folder).await.unwrap();
    let elsewhere = stand.place("");
    for _ in 0..3 {
        stand.publish(&elsewhere).await.unwrap();
    }
    let last = stand.publish(&folder).await.unwrap();
    assert_eq!(stand.published(&folder).await, [first, last]);
    // The rows that the database itself said something of are others, and as many again.
    let forget = "SET session_replication_role = replica; \
        UPDATE countersign.audit_entries SET hash = sha256(hash) WHERE seq = 2";
    let mut superuser = stand.app.test_database.superuser().await;
    superuser.execute(forget).await.unwrap();
    let refused = stand.publish(&folder).await.unwrap_err();
    assert!(refused.is_of_another_chain(), "{refused}");
    assert_eq!(stand.published(&folder).await, [first, last]);
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
