//! How many streams are open at a time, and who has the places.

use chrono::DateTime;
use countersign_domain::access::{Role, Scope};
use countersign_tests::{Event, TestApp};

use super::IMPORTS;
use crate::books::books;

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_has_so_many_streams_at_a_time() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let token = books.owner.token(&[Scope::BasicRead]).await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut events = token.listen(IMPORTS).await;
        events.opened().await;
        open.push(events);
    }
    // Before a stream begins: whoever stands between, and knows nothing of events, sees it too.
    assert_eq!(token.listen(IMPORTS).await.status(), 429);
    // Another principal has places of its own, and the server ends them all when it stops.
    let mut other = books.worker.listen(IMPORTS).await;
    other.opened().await;
    assert_eq!(app.metric("countersign_graphql_streams").await, 9);
    app.state().graphql.close_streams();
    assert_eq!(other.next().await, Some(Event::Complete));
    assert_eq!(open[0].next().await, Some(Event::Complete));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_streams_at_a_time_and_so_have_all_of_them() {
    let limits = "[limits]\nstreams_at_once = 2\nstreams_at_once_in_all = 3\n";
    let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(start, |toml| format!("{toml}{limits}")).await;
    let mut people = Vec::new();
    for name in ["north", "south"] {
        let tenant = app.tenant(name).await;
        for n in 0..3 {
            let name = format!("{name}.{n}");
            people.push(app.person(&tenant, Role::Owner, &name).await);
        }
    }
    let begin = async |person: usize| {
        let mut events = people[person].listen(IMPORTS).await;
        events.opened().await;
        events
    };
    let mut first = begin(0).await;
    let _others = begin(1).await;
    assert_eq!(
        people[2].listen(IMPORTS).await.status(),
        429,
        "of the tenant"
    );
    let _of_south = begin(3).await;
    assert_eq!(people[4].listen(IMPORTS).await.status(), 429, "of all");
    // A place is given back with the stream.
    let mut superuser = app.test_database.superuser().await;
    let end = sqlx::query("DELETE FROM countersign.memberships WHERE id = $1");
    let end = end.bind(people[0].member.uuid());
    end.execute(&mut superuser).await.unwrap();
    while first.next().await != Some(Event::Complete) {}
    begin(4).await;
}
