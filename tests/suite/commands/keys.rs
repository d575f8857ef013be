//! What `countersign keys` does and says.

use countersign_domain::access::Scope;
use countersign_tests::{TestApp, TestTenant, configuration};
use sqlx::{Connection, Executor};

use super::Operator;
use crate::books::{Books, books};

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_of_how_many_rows_and_destroyed_once() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let operator = Operator::of(&app);
    let slug = &*books.tenant.slug;
    let rotate = ["keys", "rotate", "--tenant", slug];
    books.owner.token(&[Scope::BasicRead]).await;
    let said = operator.done(&rotate);
    let last = said
        .lines()
        .rfind(|line| line.contains(" rows sealed anew"));
    let (_, counts) = last.unwrap().split_once(": ").unwrap();
    let mut words = counts.split(' ');
    let (rows, of) = (words.next(), words.nth(1));
    assert_eq!(rows, of, "all of them: {said}");
    assert!(rows.unwrap().parse::<u32>().unwrap() > 3, "{said}");
    assert!(
        said.ends_with("everything is sealed under the newest version\n"),
        "{said}"
    );

    let status = operator.done(&["keys", "status", "--tenant", slug]);
    assert!(
        status.contains("  api_tokens: 1 sealed under version 2\n"),
        "{status}"
    );

    let destroy = ["keys", "destroy", "--tenant", slug, "--confirm", slug];
    let said = operator.done(&destroy);
    assert!(said.ends_with(" keys are destroyed\n"), "{said}");
    let again = operator.failed(1, &destroy);
    assert!(
        again.contains("nothing is left to destroy") && again.contains("were destroyed at"),
        "{again}"
    );
    let status = operator.done(&["keys", "status", "--tenant", slug]);
    assert!(
        status.contains("unreadable: sealed under version 2, which is destroyed"),
        "{status}"
    );
    let destroyed = status
        .lines()
        .find(|line| line.contains("data key, version 2"));
    let destroyed = destroyed.unwrap();
    assert!(
        destroyed.contains("destroyed at") && !destroyed.contains("set aside"),
        "{status}"
    );

    let said = operator.done(&rotate);
    assert!(
        said.contains("sealed under versions that are destroyed, and unreadable"),
        "{said}"
    );
    let usage = operator.failed(2, &["keys", "rotate"]);
    assert!(
        usage.contains("--tenant <SLUG>") && usage.contains("--kek"),
        "{usage}"
    );
}

/// A tenant with books, and a byte of one of its imports changed.
async fn damaged(app: &TestApp) -> Books {
    let books = books(app).await;
    let changed = "UPDATE countersign.imports SET file_name_sealed = set_byte(file_name_sealed, 20, \
        get_byte(file_name_sealed, 20) # 1) WHERE id = (SELECT min(id::text)::uuid FROM countersign.imports)";
    let mut superuser = app.test_database.superuser().await;
    superuser.execute(changed).await.unwrap();
    books
}

#[tokio::test(flavor = "multi_thread")]
async fn row_that_does_not_open_holds_up_no_later_rotation() {
    let app = TestApp::start().await;
    let books = damaged(&app).await;
    let operator = Operator::of(&app);
    let slug = &*books.tenant.slug;
    let rotate = ["keys", "rotate", "--tenant", slug];
    for _ in 0..2 {
        let said = operator.failed(1, &rotate);
        assert!(said.contains("1 rows do not open"), "{said}");
        assert_eq!(said.matches(", and is left as it is").count(), 1, "{said}");
    }
    let status = operator.done(&["keys", "status", "--tenant", slug]);
    for told in [
        "data key, version 3,",
        "  accounts: 3 sealed under version 3\n",
        "  imports: 1 sealed under version 1\n",
        "  imports: 2 sealed under version 3\n",
    ] {
        assert!(status.contains(told), "{told}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_that_somebody_holds_is_not_said_to_be_sealed() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let operator = Operator::of(&app);
    let rotate = ["keys", "rotate", "--tenant", &*books.tenant.slug];
    let mut superuser = app.test_database.superuser().await;
    let mut held = superuser.begin().await.unwrap();
    let hold = "SELECT 1 FROM countersign.imports LIMIT 1 FOR UPDATE";
    held.execute(hold).await.unwrap();
    let said = operator.failed(1, &rotate);
    assert!(
        said.contains("1 rows are not sealed under the newest version yet"),
        "{said}"
    );
    held.rollback().await.unwrap();
    let said = operator.done(&rotate);
    assert!(
        said.starts_with("going on") && said.contains("imports: 1 of 1 rows sealed anew"),
        "{said}"
    );
}

const NEXT: &str = "kek = \"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\"";

/// The configuration with another key-encryption key, and those before it.
fn with_next_kek(app: &TestApp, before: bool) -> String {
    let toml = configuration(&app.test_database);
    let kek = toml
        .lines()
        .find(|line| line.starts_with("kek = "))
        .unwrap();
    let (_, old) = kek.split_once(" = ").unwrap();
    let previous = format!("{NEXT}\nprevious = [{old}]");
    toml.replace(kek, if before { &previous } else { NEXT })
}

/// Changes a byte of the tenant's audit key; done twice, it is as it was.
async fn flip_audit_key(app: &TestApp, tenant: &TestTenant) {
    let sql = "UPDATE countersign.tenant_keys SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) \
        WHERE purpose = 'audit' AND tenant_id = $1";
    let mut superuser = app.test_database.superuser().await;
    let change = sqlx::query(sql).bind(tenant.id.uuid());
    change.execute(&mut superuser).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_whose_key_does_not_unwrap_is_named_and_does_not_stop_those_behind_it() {
    let app = TestApp::start().await;
    app.tenant("acme").await;
    let middle = app.tenant("bravo").await;
    app.tenant("charlie").await;
    let operator = Operator::of(&app);
    let rewrap = ["keys", "rotate", "--kek"];
    // Which key is missing is said, and what to do.
    operator.put("countersign.toml", &with_next_kek(&app, false));
    let said = operator.failed(1, &rewrap);
    assert!(
        said.contains("acme: ") && said.contains("a key is wrapped under `local:"),
        "{said}"
    );
    assert!(said.contains("`keys.previous`"), "{said}");

    operator.put("countersign.toml", &with_next_kek(&app, true));
    flip_audit_key(&app, &middle).await;
    let said = operator.failed(1, &rewrap);
    assert!(
        said.contains("bravo: its audit key, version 1, is not wrapped anew: `local:"),
        "{said}"
    );
    assert!(said.contains("charlie: 3 keys wrapped anew"), "{said}");
    assert_eq!(
        said.matches(", is wrapped under local:").count(),
        3,
        "{said}"
    );
    assert!(
        said.contains("3 keys are not wrapped under local:"),
        "{said}"
    );
    assert!(!said.contains("make a backup now"), "{said}");

    flip_audit_key(&app, &middle).await;
    // As by a server that has the configuration from before.
    app.tenant("delta").await;
    let said = operator.done(&rewrap);
    for told in ["acme: 0 keys", "bravo: 3 keys", "delta: 3 keys"] {
        assert!(said.contains(told), "{said}");
    }
    let last = said.lines().next_back().unwrap();
    assert!(
        last.starts_with("make a backup now: ") && last.contains("the key-encryption key before"),
        "{said}"
    );
    operator.put("countersign.toml", &with_next_kek(&app, false));
    let said = operator.done(&["ledger", "verify"]);
    assert!(said.contains("bravo"), "{said}");
}
