//! Recorded requests, decided again by policies that are proposed (AUT-5, AUD-7).

use std::{process::ExitCode, sync::Arc};

use chrono::{Duration, SubsecRound};
use clap::Parser;
use countersign::{
    command::{Cli, dispatch},
    replay::{Asking, Changed, Report, Verb, run},
};
use countersign_domain::{
    access::Role,
    audit::{Asked, Facts, Outcome},
    id::TenantId,
};
use countersign_entities::{Clock, EventDraft, RequestContext, SystemClock};
use countersign_policies::{
    Engine,
    replay::{Replay, Who},
};
use countersign_tests::{Browser, Reply, TestApp, configuration};
use serde_json::{Value, json};

use super::Folder;
use crate::{audit::log, books::books};

const AMOUNTS: &str = "{ transactions(first: 5) { nodes { id bookedOn amount } } }";
const NAMES: &str = "{ accounts { nodes { id name } } }";

/// Where accountants see amounts.
const HAD: &str = "rows of the company, rows of the household in their own care";

/// A server whose clock is the machine's, as the command's is.
async fn start() -> TestApp {
    TestApp::start_with(SystemClock.now().trunc_subsecs(0), |toml| toml).await
}

/// By the policies of a folder, beside those that are built in.
async fn replay(app: &TestApp, tenant: TenantId, proposed: Engine) -> Report {
    let tenants = [tenant];
    let now = app.clock.now();
    let asking = Asking {
        tenants: &tenants,
        from: now - Duration::days(1),
        to: now + Duration::days(1),
        by: "maria",
    };
    let mut replay = Replay::new([Engine::embedded().unwrap()], proposed);
    let operator = app.database().operator();
    run(&operator, asking, &mut replay).await.unwrap()
}

fn engine(folder: &Folder) -> Engine {
    let folder = countersign::policies::PolicyFolder::read(&folder.0).unwrap();
    folder.engine().unwrap()
}

fn forbid(folder: &Folder, role: &str, action: &str) {
    let policy = format!(
        "@id(\"proposed\")\n@rule(\"1\")\n@control(\"AUT-1\")\n@description(\"A test.\")\n\
         forbid (principal is Countersign::Human, action == Countersign::Action::\"{action}\", resource) \
         when {{ principal in Countersign::Role::\"{role}\" }};\n"
    );
    std::fs::write(folder.0.join("cedar/proposed.cedar"), policy).unwrap();
}

fn request(reply: &Reply) -> String {
    assert_eq!(reply.error_code(), None, "{:?}", reply.body);
    reply.headers["x-request-id"].to_str().unwrap().to_owned()
}

async fn asks(by: &Browser, document: &str, variables: Value) -> String {
    request(&by.graphql(document, variables).await)
}

/// What changes, with how many requests, and which was the first.
fn told(report: &Report) -> Vec<(String, u64, String)> {
    let changes = report.changes.iter();
    let told = changes.map(|(changed, tally)| {
        assert!(tally.first <= tally.last);
        (
            changed.to_string(),
            tally.requests,
            tally.sample.to_string(),
        )
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_would_have_been_decided_otherwise_is_listed() {
    let app = start().await;
    let books = books(&app).await;
    let first = asks(&books.accountant, AMOUNTS, json!({})).await;
    app.clock.advance(Duration::minutes(1));
    asks(&books.accountant, AMOUNTS, json!({})).await;
    // The field under a fragment and another name is the same field.
    let other =
        "{ transactions(first: 1) { nodes { ...T } } } fragment T on Transaction { sum: amount }";
    asks(&books.accountant, other, json!({})).await;
    for (by, document) in [
        (&books.accountant, NAMES),
        (&books.owner, AMOUNTS),
        (&books.worker, AMOUNTS),
    ] {
        asks(by, document, json!({})).await;
    }
    let folder = Folder::copy("replay-exact");
    forbid(&folder, "accountant", "Transaction.amount");
    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    let expected = (
        format!("accountant loses Transaction.amount on {HAD}"),
        3,
        first.clone(),
    );
    assert_eq!(told(&report), [expected]);
    let (changed, tally) = report.changes.first_key_value().unwrap();
    assert_eq!(
        *changed,
        Changed {
            who: Who::Role(Role::Accountant),
            verb: Verb::Loses,
            action: "Transaction.amount".to_owned(),
            rows: Some(HAD.to_owned()),
            is_of_today: false,
        }
    );
    assert_eq!(tally.last - tally.first, Duration::minutes(1));
    assert_eq!(report.not_replayable(), 0, "{report:?}");
    assert_eq!(report.contradicting, (0, None));
    assert!(report.replayed >= 6 && report.decisions > report.replayed);
    let each = report.replayed + report.told_already + report.beside_policies;
    assert_eq!(each, report.rows);

    // Whoever read the tenant's rows is in the tenant's log, before they were read (AUD-7).
    let rows = log(&books.owner, json!({ "action": "audit.replayed" })).await;
    let [row] = &rows[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(row["actorKind"], "operator");
    assert_eq!(row["actorId"], "policy replay: maria");
    let payload: Value = serde_json::from_str(row["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["proposed"], engine(&folder).version());

    let file = folder.0.join("countersign.toml");
    std::fs::write(&file, configuration(&app.test_database)).unwrap();
    let (file, with) = (file.display().to_string(), folder.0.display().to_string());
    let command = [
        "countersign",
        "--config",
        &file,
        "policy",
        "replay",
        "--days",
        "7",
        "--tenant",
        "northwind",
        "--with",
        &with,
        "--by",
        "otto",
        "--json",
    ];
    let done = dispatch(Cli::parse_from(command)).await.unwrap();
    assert_eq!(done, ExitCode::from(3));
    std::fs::remove_file(folder.0.join("cedar/proposed.cedar")).unwrap();
    let done = dispatch(Cli::parse_from(command)).await.unwrap();
    assert_eq!(done, ExitCode::SUCCESS);
    let rows = log(&books.owner, json!({ "action": "audit.replayed" })).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["actorId"], "policy replay: otto");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_are_written_otherwise_change_nothing() {
    let app = start().await;
    let books = books(&app).await;
    for by in [&books.owner, &books.accountant, &books.worker] {
        asks(by, AMOUNTS, json!({})).await;
        asks(by, NAMES, json!({})).await;
    }
    let folder = Folder::copy("replay-silent");
    folder.change(
        "household.cedar",
        "when { resource has personal && resource.personal }",
        "when { !(!(resource has personal) || !resource.personal) }",
    );
    let proposed = engine(&folder);
    assert_ne!(proposed.version(), app.engine().version());
    let report = replay(&app, books.tenant.id, proposed).await;
    assert_eq!(told(&report), []);
    assert!(report.replayed >= 6, "{report:?}");
    assert_eq!((report.not_replayable(), report.contradicting.0), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_the_row_is_told_of_the_rows_of_today() {
    let app = start().await;
    let books = books(&app).await;
    let balance = "query($id: ID!) { node(id: $id) { ... on Account { balance } } }";
    let found = books.owner.graphql(NAMES, json!({})).await;
    let accounts = found.data()["accounts"]["nodes"]
        .as_array()
        .unwrap()
        .clone();
    let called = |name: &str| {
        let account = accounts.iter().find(|account| account["name"] == name);
        json!({ "id": account.unwrap()["id"] })
    };
    let card = asks(&books.worker, balance, called("Field card")).await;
    // It is in nobody's care, so that the proposal takes nothing away.
    asks(&books.worker, balance, called("Operating")).await;
    let list = "{ accounts { nodes { balance } } }";
    let listed = asks(&books.worker, list, json!({})).await;
    asks(&books.owner, list, json!({})).await;
    let folder = Folder::copy("replay-rows");
    folder.change(
        "sensitive.cedar",
        "principal in [Countersign::Role::\"worker\", Countersign::Role::\"family\"]",
        "principal in [Countersign::Role::\"family\"]",
    );
    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    let loses = "worker loses Account.balance on rows in their own care".to_owned();
    let today = format!("{loses}, as those that were named are today");
    assert_eq!(told(&report), [(loses, 1, listed), (today, 1, card)]);

    // A row that is there no more is not guessed at.
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("SET session_replication_role = replica")
        .execute(&mut superuser)
        .await
        .unwrap();
    sqlx::query("DELETE FROM countersign.accounts WHERE name = 'Field card'")
        .execute(&mut superuser)
        .await
        .unwrap();
    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    assert_eq!((report.gone, report.changes.len()), (1, 1), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_is_replayed_with_what_it_asks_back() {
    let app = start().await;
    let books = books(&app).await;
    let both = "mutation { one: createCategory(input: { name: \"Rent\" }) { category { name } } \
        two: createCategory(input: { name: \"Fees\" }) { category { name } } }";
    let made = asks(&books.owner, both, json!({})).await;
    let folder = Folder::copy("replay-mutation");
    forbid(&folder, "owner", "Mutation.createCategory");
    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    let loses = "owner loses Mutation.createCategory".to_owned();
    assert_eq!(told(&report), [(loses, 1, made.clone())]);
    assert!(report.told_already > 0, "two rows of one request");
    forbid(&folder, "owner", "Category.name");
    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    let loses = "owner loses Category.name".to_owned();
    assert_eq!(told(&report), [(loses, 1, made)]);
}

/// A row as it was before rows told for whom and about what they were decided.
async fn enter(app: &TestApp, by: &Browser) -> RequestContext {
    let facts = app.facts();
    let credential = by.credential();
    let entered = app.database().enter(&credential, &facts, &[]);
    let (context, reader) = entered.await.unwrap();
    reader.leave();
    context
}

fn read(engine: &Engine, context: &RequestContext, root: &str) -> EventDraft {
    let action = engine.action(root).unwrap();
    let decisions = engine.decide(context.actor(), &[action]);
    EventDraft {
        action: "books.read",
        permission: decisions.resolved([(root, action)]),
        outcome: Outcome::Done,
        targets: Vec::new(),
        payload: Facts::new().count("hidden", 0).into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_decided_again_is_counted_and_never_guessed() {
    let served = Folder::copy("replay-served");
    served.let_workers_see_amounts();
    let app = start().await;
    let books = books(&app).await;
    let folder = Folder::copy("replay-counted");
    forbid(&folder, "owner", "Query.accounts");
    let asked_before = replay(&app, books.tenant.id, engine(&folder)).await;
    let own = app.engine();
    // From before.
    let context = enter(&app, &books.owner).await;
    let draft = read(&own, &context, "Query.accounts");
    app.database().record(&context, draft).await.unwrap();
    // By policies that nobody names.
    let context = enter(&app, &books.owner).await;
    let other = engine(&served);
    let numbers = [other.action("Query.accounts").unwrap().number()];
    context.note_asked(&Arc::new(Asked::of(numbers)));
    let draft = read(&other, &context, "Query.accounts");
    app.database().record(&context, draft).await.unwrap();
    // Says that something else was decided than was asked for.
    let context = enter(&app, &books.owner).await;
    context.note_asked(&Arc::new(Asked::of(numbers)));
    let draft = read(&own, &context, "Query.members");
    app.database().record(&context, draft).await.unwrap();

    let report = replay(&app, books.tenant.id, engine(&folder)).await;
    assert_eq!((report.before, report.unreadable, report.gone), (1, 0, 0));
    let others = [(other.version().to_owned(), 1)].into();
    assert_eq!(report.other_policies, others);
    assert_eq!(report.contradicting, (1, Some(context.request())));
    assert_eq!(report.not_replayable(), 2);
    assert_eq!(report.changes, asked_before.changes, "nothing was guessed");
}
