//! Subscriptions: what goes on is told as it goes on, to whoever may know of it at that moment.

mod places;

use chrono::Duration;
use countersign::graphql::{Answer, Frame, GraphqlRequest, Method, Source};
use countersign_domain::{
    access::{Role, Scope},
    token::PlainToken,
};
use countersign_entities::{Clock, Credential};
use countersign_tests::{Browser, Event, TestApp};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::{
    audit::{instant, log},
    audit_exports::streamed::{MANY, grow},
    books::{account, books, camt, entries, send},
};

const AUDIT: &str = "subscription { auditEntryAdded(filter: { action: \"category.created\" }) { seq action targets } }";
pub(crate) const IMPORTS: &str = "subscription { importProgressed { fileName stage transactionCount \
                       writtenCount import { addedCount } } }";

async fn create_category(by: &Browser, name: &str) -> String {
    let made = by
        .graphql(
            "mutation($name: String!) { createCategory(input: { name: $name }) { category { id } } }",
            json!({ "name": name }),
        )
        .await;
    let id = &made.data()["createCategory"]["category"]["id"];
    id.as_str()
        .unwrap_or_else(|| panic!("{:?}", made.body))
        .to_owned()
}

fn code(answer: &Value) -> &Value {
    &answer["errors"][0]["extensions"]["code"]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_told_as_it_grows_until_the_token_is_revoked() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::AuditRead]).await;
    create_category(&books.owner, "Before").await;
    let mut events = token.listen(AUDIT).await;
    events.opened().await;
    let mut seqs = Vec::new();
    for name in ["One", "Two"] {
        let id = create_category(&books.owner, name).await;
        let answer = events.answer().await;
        let entry = &answer["data"]["auditEntryAdded"];
        assert_eq!(entry["action"], "category.created", "{answer}");
        assert_eq!(entry["targets"], json!([id]));
        seqs.push(entry["seq"].as_i64().unwrap());
        assert_eq!(answer["extensions"]["cost"]["requested"], 4);
    }

    books.owner.revoke(&token).await;
    create_category(&books.owner, "Three").await;
    let answer = events.answer().await;
    assert_eq!(code(&answer), "UNAUTHENTICATED", "{answer}");
    assert_eq!(events.next().await, Some(Event::Complete));
    assert_eq!(events.next().await, None);

    // Whoever comes back names the last row that they saw, and misses none.
    let watcher = books.owner.token(&[Scope::AuditRead]).await;
    let again = AUDIT.replace("(filter", &format!("(afterSeq: {}, filter", seqs[0]));
    let mut events = watcher.listen(&again).await;
    let answer = events.answer().await;
    assert_eq!(
        answer["data"]["auditEntryAdded"]["seq"], seqs[1],
        "{answer}"
    );

    let opened = log(&books.owner, json!({ "action": "stream.opened" })).await;
    let permission = opened[0]["permission"].as_str().unwrap();
    assert_eq!(permission, "Subscription.auditEntryAdded by machine.audit");
    let closed = log(&books.owner, json!({ "action": "stream.closed" })).await;
    let payload: Value = serde_json::from_str(closed[0]["payload"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&payload["events"], &payload["why"]),
        (&json!(2), &json!("the credential ended"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_stream_is_recorded_with_the_time_at_which_it_ended() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let mut events = books.owner.listen(IMPORTS).await;
    events.opened().await;
    let opened_at = app.clock.now();
    app.clock.advance(Duration::minutes(7));
    app.state().graphql.close_streams();
    assert_eq!(events.next().await, Some(Event::Complete));
    for (action, at) in [
        ("stream.opened", opened_at),
        ("stream.closed", app.clock.now()),
    ] {
        let rows = log(&books.owner, json!({ "action": action })).await;
        assert_eq!(instant(&rows[0]["occurredAt"]), at, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_on_which_nothing_happens_ends_with_its_token() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let mut events = token.listen(IMPORTS).await;
    events.opened().await;
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("UPDATE countersign.api_tokens SET revoked_at = expires_at WHERE id = $1")
        .bind(token.id.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();
    // The next event may be hours away: the stream looks for itself.
    assert_eq!(code(&events.answer().await), "UNAUTHENTICATED");
    assert_eq!(events.next().await, Some(Event::Complete));
}

const ALL: &str =
    "subscription { auditEntryAdded(afterSeq: 0) { seq action payload hash previousHash } }";

/// Waits until the only stream has ended; why, and how many events it told.
async fn ended(app: &TestApp, by: &Browser) -> (Value, u64) {
    for _ in 0..100 {
        if app.metric("countersign_graphql_streams").await == 0 {
            let closed = log(by, json!({ "action": "stream.closed" })).await;
            let payload = closed[0]["payload"].as_str().unwrap();
            let payload: Value = serde_json::from_str(payload).unwrap();
            return (payload["why"].clone(), payload["events"].as_u64().unwrap());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the stream does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_in_its_time_though_nobody_reads_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    grow(&app, &books.owner, MANY).await;
    for why in ["the credential ended", "its time is over"] {
        let token = books.owner.token(&[Scope::AuditRead]).await;
        let mut events = token.listen(ALL).await;
        events.opened().await;
        // Until what is in between holds no more.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        if why == "the credential ended" {
            books.owner.revoke(&token).await;
        } else {
            app.clock.advance(Duration::minutes(61));
        }
        let (told, sent) = ended(&app, &books.owner).await;
        assert_eq!(told, why);
        assert!(sent < u64::try_from(MANY).unwrap(), "{sent}");
        // Whoever reads on finds what was sent before, and then the end.
        let mut read = 0;
        let last = loop {
            match events.next().await {
                Some(Event::Next(answer)) if answer.get("data").is_some() => read += 1,
                last => break last,
            }
        };
        assert_eq!(read, sent);
        if why == "the credential ended" {
            assert!(
                matches!(last, Some(Event::Next(answer)) if code(&answer) == "UNAUTHENTICATED")
            );
            assert_eq!(events.next().await, Some(Event::Complete));
        } else {
            assert_eq!(last, Some(Event::Complete));
        }
    }
}

/// A reader who takes an event now and then is told of none that was decided long before.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_a_while_ago_is_decided_anew_before_it_is_sent() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    for n in 0..30 {
        create_category(&books.owner, &format!("Category {n}")).await;
    }
    let token = books.owner.token(&[Scope::AuditRead]).await;
    let credential = Credential::ApiToken(PlainToken::parse(&token.plain).unwrap().hashed());
    let facts = app.facts();
    let request = GraphqlRequest {
        source: Source::Text(AUDIT.replace("(filter", "(afterSeq: 0, filter")),
        operation_name: None,
        variables: serde_json::from_str("{}").unwrap(),
        dry_run: false,
        streams: true,
        meant_for: None,
    };
    let endpoint = app.shared();
    let opened = endpoint
        .graphql
        .run(&credential, &facts, Method::Post, request);
    let (Answer::Streams(events), _) = opened.await else {
        panic!("no stream is opened");
    };
    let (asks, asked) = mpsc::channel(1);
    let running = tokio::task::LocalSet::new();
    running.spawn_local(async move { events.run(&endpoint.graphql, asked).await });
    let reading = async {
        let mut told = Vec::new();
        loop {
            let (ask, frame) = oneshot::channel();
            asks.send(ask).await.unwrap();
            match frame.await.unwrap() {
                Frame::Next(answer) => {
                    let answer: Value = serde_json::from_slice(&answer).unwrap();
                    if answer.get("data").is_none() {
                        return (told, answer);
                    }
                    told.push(answer["data"]["auditEntryAdded"]["seq"].as_i64().unwrap());
                    if told.len() == 7 {
                        books.owner.revoke(&token).await;
                    }
                }
                Frame::Silence => {}
                Frame::Complete => panic!("nothing is told of the end"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    let (told, last) = running.run_until(reading).await;
    assert_eq!(code(&last), "UNAUTHENTICATED", "{last}");
    // None is told twice or left out where the first of them were decided anew.
    assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
    assert!((7..12).contains(&told.len()), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_role_may_no_longer_read_is_told_so_and_hears_no_more() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let admin = app.person(&books.tenant, Role::Admin, "adele").await;
    let mut events = admin.listen(AUDIT).await;
    events.opened().await;
    let mut superuser = app.test_database.superuser().await;
    sqlx::query("UPDATE countersign.memberships SET role = 'worker' WHERE id = $1")
        .bind(admin.member.uuid())
        .execute(&mut superuser)
        .await
        .unwrap();
    create_category(&books.owner, "Secret").await;
    let answer = events.answer().await;
    assert_eq!(code(&answer), "FORBIDDEN", "{answer}");
    assert!(answer.get("data").is_none());
    assert_eq!(events.next().await, Some(Event::Complete));

    // And whoever may not read to begin with hears nothing at all, which is recorded.
    let mut refused = books.worker.listen(AUDIT).await;
    assert_eq!(code(&refused.answer().await), "FORBIDDEN");
    assert_eq!(refused.next().await, Some(Event::Complete));
    let rows = log(
        &books.owner,
        json!({ "action": "stream.opened", "outcome": "REFUSED" }),
    )
    .await;
    assert_eq!(rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_tell_how_far_they_have_come_to_their_own_tenant_alone() {
    let app = TestApp::start().await;
    let north = app.tenant("north").await;
    let owner = app.person(&north, Role::Owner, "olivia").await;
    let (_, number) = account(&owner, "Operating", "NL26VAYB8060476890", None, false).await;
    let south = app.tenant("south").await;
    let other = app.person(&south, Role::Owner, "otto").await;
    let (mut own, mut foreign) = (owner.listen(IMPORTS).await, other.listen(IMPORTS).await);
    own.opened().await;
    foreign.opened().await;

    let file = camt(&number, "1000.00", &entries(5));
    send(&owner, "march.xml", file.as_bytes(), json!({})).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|(stage, _)| stage != "DONE") {
        let answer = own.answer().await;
        let progress = &answer["data"]["importProgressed"];
        assert_eq!(progress["fileName"], "march.xml", "{answer}");
        if progress["stage"] == "DONE" {
            assert_eq!(progress["import"]["addedCount"], 5, "{answer}");
            assert_eq!(progress["transactionCount"], 5);
        }
        let stage = progress["stage"].as_str().unwrap().to_owned();
        told.push((stage, progress["writtenCount"].as_i64().unwrap()));
    }
    let expected = [("READING", 0), ("WRITING", 0), ("WRITING", 5), ("DONE", 5)];
    assert_eq!(told, expected.map(|(stage, n)| (stage.to_owned(), n)));

    send(&owner, "broken.xml", b"<Document", json!({})).await;
    let stages = [own.answer().await, own.answer().await];
    let stages = stages.map(|answer| answer["data"]["importProgressed"]["stage"].clone());
    assert_eq!(stages, ["READING", "REFUSED"].map(Value::from));
    send(&other, "theirs.xml", b"<Document", json!({})).await;
    let first = foreign.answer().await;
    let name = &first["data"]["importProgressed"]["fileName"];
    assert_eq!(
        name, "theirs.xml",
        "nothing of the other tenant's came before"
    );
}

/// What a listener hears of imports, to the end of the one with four entries.
async fn heard(events: &mut countersign_tests::Events) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let answer = events.answer().await;
        let progress = &answer["data"]["importProgressed"];
        assert!(progress.is_object(), "{answer}");
        let name = progress["fileName"].as_str().unwrap_or("-");
        let stage = progress["stage"].as_str().unwrap();
        told.push(format!("{name} {stage}"));
        // Four of the last one: no other one has as many.
        if stage == "DONE" && progress["transactionCount"] == 4 {
            return told;
        }
    }
}

/// Nothing is told of an import to whom it would be hidden; while its accounts are not known, to who imports and
/// to who may see the household.
#[tokio::test(flavor = "multi_thread")]
async fn imports_are_told_to_whom_their_accounts_are_shown() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let mut owner = books.owner.listen(IMPORTS).await;
    let mut importer = books.accountant.listen(IMPORTS).await;
    let mut worker = books.worker.listen(IMPORTS).await;
    let mut machine = token.listen(IMPORTS).await;
    for listener in [&mut owner, &mut importer, &mut worker, &mut machine] {
        listener.opened().await;
    }
    let household = camt("DE89370400440532013000", "9.00", &entries(3));
    send(&books.owner, "secret.xml", household.as_bytes(), json!({})).await;
    send(&books.accountant, "broken.xml", b"<Document", json!({})).await;
    let business = camt("NL26VAYB8060476890", "8.00", &entries(4));
    send(
        &books.accountant,
        "april.xml",
        business.as_bytes(),
        json!({}),
    )
    .await;

    let of = |name: &str, stages: &[&str]| -> Vec<String> {
        stages
            .iter()
            .map(|stage| format!("{name} {stage}"))
            .collect()
    };
    let written = ["READING", "WRITING", "WRITING", "DONE"];
    let broken = of("broken.xml", &["READING", "REFUSED"]);
    let secret = of("secret.xml", &written);
    let april = of("april.xml", &written);
    assert_eq!(
        heard(&mut owner).await,
        [secret, broken.clone(), april.clone()].concat()
    );
    assert_eq!(heard(&mut importer).await, [broken, april].concat());
    for other in [&mut worker, &mut machine] {
        assert_eq!(heard(other).await, of("-", &written[1..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_one_field_and_is_answered_as_events_alone() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let plain = token.graphql(IMPORTS, json!({})).await;
    assert_eq!(plain.status, 400);
    assert!(
        plain.body.to_string().contains("text/event-stream"),
        "{:?}",
        plain.body
    );
    for bad in [
        "subscription { a: importProgressed { stage } b: importProgressed { stage } }",
        "subscription { __typename }",
        "subscription { importProgressed { amount } }",
    ] {
        let mut events = token.listen(bad).await;
        let answer = events.answer().await;
        assert_eq!(
            code(&answer),
            "GRAPHQL_VALIDATION_FAILED",
            "{bad}: {answer}"
        );
        assert_eq!(events.next().await, Some(Event::Complete));
    }
    // What is no subscription is answered once.
    let mut events = token.listen("{ viewer { kind } }").await;
    assert_eq!(events.answer().await["data"]["viewer"]["kind"], "MACHINE");
    assert_eq!(events.next().await, Some(Event::Complete));
}
