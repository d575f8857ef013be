//! What is hidden, what is another tenant's and what is nowhere go the same way: the same statements in the
//! same round trips, and the same row of the log, so that time does not tell them apart either.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::DateTime;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Sent, Tap, TestApp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Caller, Named, SOME, ask, every, named, nowhere};
use crate::{
    books::{Books, books, books_of},
    explain::lasting,
};

/// What came of one request.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    answer: (u16, String, Vec<String>),
    sent: Sent,
    /// New rows of the log of the caller's tenant, and how many are in others'.
    rows: Vec<String>,
    elsewhere: usize,
}

pub(super) struct Watched {
    pub(super) app: TestApp,
    tap: Tap,
    pub(super) books: Books,
    own: Named,
    foreign: Named,
    superuser: PgConnection,
    /// Up to where each tenant's log was looked at.
    ends: BTreeMap<Uuid, i64>,
}

impl Watched {
    /// With statements that are prepared or not; on a line without a tap where it is to be measured.
    pub(super) async fn start(prepared: Option<bool>) -> Self {
        let tap = Tap::open().await;
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let app = TestApp::start_with(now, |toml| match prepared {
            Some(prepared) => {
                let prepared = format!("[database]\nprepared_statements = {prepared}\n");
                tap.configuration(&toml).replace("[database]\n", &prepared)
            }
            None => toml,
        })
        .await;
        let (books, other) = (books(&app).await, books_of(&app, "alder").await);
        let (own, foreign) = (named(&app, &books).await, named(&app, &other).await);
        let mut superuser = app.test_database.superuser().await;
        let ends = sqlx::query_as("SELECT tenant_id, seq FROM countersign.audit_heads");
        let ends: Vec<(Uuid, i64)> = ends.fetch_all(&mut superuser).await.unwrap();
        Self {
            app,
            tap,
            books,
            own,
            foreign,
            superuser,
            ends: ends.into_iter().collect(),
        }
    }

    /// An id that policy hides from a worker, one that is nowhere, and one of another tenant.
    pub(super) fn ids(&self, what: &str) -> [String; 3] {
        let own = &self.own[what];
        [own.clone(), nowhere(own), self.foreign[what].clone()]
    }

    async fn ask(&mut self, by: &Caller, form: &str, id: &str, dry_run: bool) -> Option<Way> {
        self.new_rows().await;
        self.tap.sent().await;
        let reply = ask(&self.app, by, form, id, dry_run).await;
        let sent = self.tap.sent().await?;
        let (ours, others): (Vec<_>, Vec<_>) = self
            .new_rows()
            .await
            .into_iter()
            .partition(|(tenant, _)| *tenant == self.books.tenant.id.uuid());
        Some(Way {
            answer: lasting(&reply),
            sent,
            rows: ours.into_iter().map(|(_, row)| row).collect(),
            elsewhere: others.len(),
        })
    }

    /// Waits until the answers to what was done before are kept, which nobody waits for.
    async fn settled(&mut self) {
        let open = "SELECT count(*) FROM countersign.idempotency_keys WHERE settled_at IS NULL";
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let open = sqlx::query_scalar(open).fetch_one(&mut self.superuser);
            let open: i64 = open.await.unwrap();
            if open == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{open} answers are not kept");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What came into the logs since this was asked, by whose log it is.
    async fn new_rows(&mut self) -> Vec<(Uuid, String)> {
        let sql = "SELECT a.tenant_id, a.seq, concat_ws(' ', action, outcome, permission, payload, cardinality(targets)) \
                   FROM countersign.audit_entries a JOIN unnest($1::uuid[], $2::bigint[]) AS k (tenant_id, seq) \
                   ON k.tenant_id = a.tenant_id AND a.seq > k.seq ORDER BY a.tenant_id, a.seq";
        let (tenants, ends): (Vec<Uuid>, Vec<i64>) = self.ends.iter().unzip();
        let new = sqlx::query_as(sql).bind(tenants).bind(ends);
        let new: Vec<(Uuid, i64, String)> = new.fetch_all(&mut self.superuser).await.unwrap();
        for (tenant, seq, _) in &new {
            self.ends.insert(*tenant, *seq);
        }
        new.into_iter()
            .map(|(tenant, _, row)| (tenant, row))
            .collect()
    }
}

/// The ways are one.
fn same(ways: [Option<Way>; 3], say: &str) -> bool {
    let [Some(hidden), Some(nowhere), Some(foreign)] = ways else {
        return false;
    };
    assert_eq!(hidden.answer.0, 404, "{say}: {hidden:?}");
    assert_eq!(hidden.rows.len(), 1, "{say}: {hidden:?}");
    let refused = hidden.rows[0].starts_with("request.refused REFUSED");
    assert!(refused, "{say}: {hidden:?}");
    assert_eq!(hidden.elsewhere, 0, "{say}");
    let texts = hidden.sent.join("\n");
    assert!(texts.contains("countersign.enter_"), "{say}: {texts}");
    assert_eq!(hidden, nowhere, "{say}");
    assert_eq!(hidden, foreign, "{say}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_goes_the_same_way_as_what_is_nowhere() {
    let mut watched = Watched::start(Some(true)).await;
    let machine = watched.books.owner.token(&[Scope::BasicRead]).await;
    let callers = [
        ("a worker", Caller::Person(watched.books.worker.clone())),
        ("a machine", Caller::Machine(machine)),
    ];
    watched.settled().await;
    let mut compared = 0;
    for (name, caller) in callers {
        for what in ["personal account", "personal transaction", "audit", "token"] {
            let forms = if what == "personal account" {
                every()
            } else {
                SOME.to_vec()
            };
            for (form, dry_run) in forms {
                let ids = watched.ids(what);
                // Let in a moment ago, with everything prepared.
                ask(&watched.app, &caller, form, &ids[1], dry_run).await;
                let mut ways = [None, None, None];
                for (way, id) in ways.iter_mut().zip(&ids) {
                    *way = watched.ask(&caller, form, id, dry_run).await;
                }
                let say = format!("{name} {what} {form} {dry_run}");
                compared += usize::from(same(ways, &say));
            }
        }
    }
    assert!(compared > 50, "the machine is too busy: {compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_a_credential_goes_one_way_as_well() {
    for prepared in [true, false] {
        let mut watched = Watched::start(Some(prepared)).await;
        watched.settled().await;
        let (mut people, mut compared) = (0, 0);
        for what in ["personal account", "audit"] {
            for (form, dry_run) in SOME {
                let mut ways = [None, None, None];
                let ids = watched.ids(what);
                for (n, id) in [&ids[1], &ids[0], &ids[1], &ids[2]].into_iter().enumerate() {
                    people += 1;
                    let (tenant, name) = (&watched.books.tenant, format!("wim{people}"));
                    let by = watched.app.person(tenant, Role::Worker, &name).await;
                    let by = Caller::Person(by);
                    let way = watched.ask(&by, form, id, dry_run).await;
                    // The first one prepares statements.
                    if let Some(place) = n.checked_sub(1) {
                        ways[place] = way;
                    }
                }
                let say = format!("{prepared} {what} {form} {dry_run}");
                compared += usize::from(same(ways, &say));
            }
        }
        assert!(compared > 4, "the machine is too busy: {compared}");
    }
}
