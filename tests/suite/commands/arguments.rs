//! Arguments that are of no use are refused before anything is connected to, in words that say what is wanted.

use countersign_domain::access::Role;
use countersign_tests::TestApp;
use sqlx::Row;

use super::Operator;

/// Neither a configuration nor a database is there: what is refused here was looked at before either.
#[test]
fn what_is_wrong_with_arguments_is_said_before_anything_is_looked_for() {
    let operator = Operator::without_configuration();
    let long = "x".repeat(101);
    let create = |slug, name| ["tenant", "create", "--slug", slug, "--name", name];
    let slug = "2 to 40 lower-case letters, digits or hyphens";
    for bad in ["", "a", "Acme", "a_b", "a-", &long] {
        refused(&operator, &create(bad, "Acme"), &["--slug", slug]);
    }
    let characters = "1 to 100 characters";
    for bad in ["", "  ", &long] {
        refused(&operator, &create("acme", bad), &["--name", characters]);
    }
    for (bad, told) in [
        ("Acme\nLtd", "without control characters"),
        ("\u{1b}[2J", "without control characters"),
        ("\u{200b}", "no visible character"),
    ] {
        refused(&operator, &create("acme", bad), &["--name", told]);
    }
    let add = |tenant, email, name, role| {
        [
            "member", "add", "--tenant", tenant, "--email", email, "--name", name, "--role", role,
        ]
    };
    refused(
        &operator,
        &add("A B", "a@b", "x", "owner"),
        &["--tenant", slug],
    );
    for bad in ["", "ada", "@b", "a@", "a@b@c", "a b@c", "Ada <a@b>"] {
        refused(
            &operator,
            &add("acme", bad, "x", "owner"),
            &["--email", "such as `ada@books.example`"],
        );
    }
    refused(
        &operator,
        &add("acme", "a@b", "", "owner"),
        &["--name", "1 to 254 characters"],
    );
    refused(
        &operator,
        &add("acme", "a@b", "x", ""),
        &["--role", "1 to 60 characters"],
    );
    let unknown = [
        &add("acme", "a@b", "x", "owner")[..],
        &["--capability", "read.all"],
    ]
    .concat();
    refused(&operator, &unknown, &["--capability", "read.financial"]);
    let longer = "x".repeat(201);
    let machine = |client, scope| {
        [
            "machine",
            "add",
            "--tenant",
            "acme",
            "--client-id",
            client,
            "--scope",
            scope,
        ]
    };
    for bad in ["", " x", &longer] {
        refused(
            &operator,
            &machine(bad, "basic:read"),
            &["--client-id", "1 to 200 characters"],
        );
    }
    refused(
        &operator,
        &machine("x", "all"),
        &["--scope", "basic:read, financial:read"],
    );
    for command in [
        &["keys", "status"][..],
        &["keys", "rotate"],
        &["keys", "destroy"],
        &["ledger", "verify"],
        &["ledger", "checkpoint"],
        &["ledger", "key"],
        &["ledger", "proof", "--row", "1"],
        &["ledger", "export", "--out", "x"],
        &[
            "policy", "replay", "--days", "1", "--with", "x", "--by", "otto",
        ],
    ] {
        refused(
            &operator,
            &[command, &["--tenant", "A B"]].concat(),
            &["--tenant", slug],
        );
    }
}

#[test]
fn ranges_days_and_addresses_are_judged_as_well() {
    let operator = Operator::without_configuration();
    let import = "import --server http://localhost:9";
    let csv = format!("{import} --csv-date d --csv-description t");
    for (arguments, told) in [
        (
            "ledger verify --from 5 --to 1",
            &["no rows from 5 to 1"][..],
        ),
        ("ledger verify --from -1", &["--from", "counted from 1"]),
        ("ledger verify --to x", &["--to", "counted from 1"]),
        ("ledger verify --key x", &["--export <FILE>|--proof <FILE>"]),
        (
            "ledger proof --tenant acme --row 0",
            &["--row", "counted from 1"],
        ),
        (
            "ledger proof --tenant acme --since -5",
            &["--since", "from 1 on"],
        ),
        (
            "ledger proof --tenant acme",
            &["--row <ROW>|--since <ROWS>"],
        ),
        (
            "ledger export --tenant acme --out x --from 2026-10-01",
            &["--from", "such as `2026-10-01T00:00:00Z`"],
        ),
        (
            "ledger export --tenant acme --out x --from 2026-10-02T00:00:00Z --to 2026-10-01T00:00:00Z",
            &["`--to` is to be later than `--from`"],
        ),
        (
            "ledger export --tenant acme --out x --format xml",
            &["jsonl, csv"],
        ),
        (
            "backup key --out x --since today",
            &["--since", "such as `2026-10-01`"],
        ),
        (
            "policy explain Nothing.here --role owner",
            &["`Nothing.here` is no action"],
        ),
        (
            "policy explain Transaction.amount --role boss",
            &["owner, admin, manager"],
        ),
        (
            "policy replay --days 0 --with x --by otto",
            &["from 1 to 3650"],
        ),
        (
            "policy replay --days 1 --with x --by o/o",
            &["1 to 64 letters"],
        ),
        (
            "policy reload --by otto --at replica",
            &["--at", "a host and a port"],
        ),
        (
            "import --server books.example x",
            &["--server", "such as `https://"],
        ),
        (
            "import --server http://books.example x",
            &["has to start with `https://`"],
        ),
        (
            &format!("{import} x"),
            &["no API token", "COUNTERSIGN_TOKEN"],
        ),
        (&format!("{csv} x"), &["no column has the amounts"]),
        (
            &format!("{csv} --csv-amount a --csv-delimiter :: x"),
            &["--csv-delimiter", "or a tab"],
        ),
        (
            &format!("{csv} --csv-amount a --csv-currency euro x"),
            &["--csv-currency", "three capital letters"],
        ),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        refused(&operator, &arguments, told);
    }
    assert!(!operator.0.join("x").exists(), "nothing was written");
}

/// Exit code 2, on standard error, in words of which none is a database's, a parser's or Rust's.
fn refused(operator: &Operator, arguments: &[&str], told: &[&str]) {
    let (code, out, said) = operator.heard(arguments);
    assert_eq!(code, 2, "{arguments:?}: {out}{said}");
    assert!(out.is_empty(), "{arguments:?}: {out}");
    for told in told {
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    for inside in [
        "configuration",
        "digit found",
        "premature end",
        "invalid characters",
        "Some(",
        "Err(",
    ] {
        assert!(!said.contains(inside), "{arguments:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_told_without_the_words_of_the_database() {
    let app = TestApp::start().await;
    let operator = Operator::of(&app);
    let create = ["tenant", "create", "--slug", "acme", "--name", "Acme Ltd"];
    operator.done(&create);
    let said = operator.failed(1, &create);
    assert!(said.contains("a tenant is called `acme` already"), "{said}");
    let add = |role| {
        [
            "member",
            "add",
            "--tenant",
            "acme",
            "--email",
            "Ada@books.example",
            "--name",
            "Ada",
            "--role",
            role,
        ]
    };
    let said = operator.failed(1, &add("boss"));
    assert!(said.contains("no role called `boss`"), "{said}");
    for role in Role::ALL {
        assert!(said.contains(role.name()), "{said}");
    }
    let mut superuser = app.test_database.superuser().await;
    let invited = "SELECT count(*) FROM countersign.users WHERE email = 'ada@books.example'";
    let invited = sqlx::query(invited)
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(
        invited.get::<i64, _>(0),
        0,
        "who is not let in is not invited"
    );
    operator.done(&add("owner"));
    let said = operator.failed(1, &add("owner"));
    assert!(said.contains("is a member of `acme` already"), "{said}");
    let machine = [
        "machine",
        "add",
        "--tenant",
        "acme",
        "--client-id",
        "till",
        "--scope",
        "basic:read",
    ];
    operator.done(&machine);
    let again = operator.failed(1, &machine);
    assert!(
        again.contains("`till` was let into `acme` already"),
        "{again}"
    );
    for inside in ["tenants_", "memberships_", "machines_"] {
        assert!(!format!("{said}{again}").contains(inside), "{said}{again}");
    }
    let long = "x".repeat(150);
    let machine = [
        "machine",
        "add",
        "--tenant",
        "acme",
        "--client-id",
        &long,
        "--scope",
        "basic:read",
    ];
    let said = operator.failed(2, &machine);
    assert!(
        said.contains("--name") && said.contains("1 to 100 characters"),
        "{said}"
    );
    operator.done(&[&machine[..], &["--name", "till"]].concat());
    let destroy = ["keys", "destroy", "--tenant", "acme", "--confirm", "acne"];
    let said = operator.failed(2, &destroy);
    assert!(
        said.contains("nothing was destroyed") && said.contains("`acne`"),
        "{said}"
    );
}
