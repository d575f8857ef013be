//! Fresh tokens, and what ends a session.

use chrono::Duration;
use countersign_tests::Reply;

use super::stand::{Visit, invite, stand};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_renewed_once_and_a_rotated_key_is_found() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    // Past the access token's minute, not past the clock's leeway.
    stand.app.clock.advance(Duration::seconds(45));
    let mut many = Vec::new();
    for _ in 0..6 {
        let mut same = Visit {
            cookies: visit.cookies.clone(),
        };
        let stand = &stand;
        many.push(async move { same.user(stand).await.status });
    }
    let statuses = futures::future::join_all(many).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    // The provider ends a grant whose refresh token is used twice: had two callers renewed, the
    // session would be gone.
    assert_eq!(visit.user(&stand).await.status, 200);

    stand.control("rotate-keys").await;
    stand.app.clock.advance(Duration::seconds(10));
    let mut other = Visit::sign_in(&stand, "olivia@example.test").await;
    assert_eq!(
        other.user(&stand).await.status,
        200,
        "the new key was fetched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_signs_people_out_by_its_back_channel() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    let url = format!("{}/bff/backchannel", stand.app.url());
    for forged in ["x", "e30.e30.e30"] {
        let body = format!("logout_token={forged}");
        let request = stand.app.http().post(&url).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(
            (reply.status, reply.error_code()),
            (400, Some("INVALID_LOGOUT_TOKEN"))
        );
    }
    assert_eq!(visit.user(&stand).await.status, 200);
    // The provider's own call, to where this product listens.
    let uri = url.replace(':', "%3A").replace('/', "%2F");
    let told = format!("end-sessions?client=countersign&sub=olivia&uri={uri}");
    stand.control(&told).await;
    assert_eq!(
        visit.user(&stand).await.status,
        401,
        "the very next request is refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_where_the_provider_takes_its_refresh_token_no_more() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.control("end-grants").await;
    assert_eq!(visit.user(&stand).await.status, 200, "nothing is due yet");
    stand.app.clock.advance(Duration::seconds(45));
    let due = visit.user(&stand).await.status;
    assert_eq!(
        due, 200,
        "this answer was read before the provider was asked"
    );
    assert_eq!(visit.user(&stand).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_where_the_provider_answers_for_somebody_else() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.control("answer-for?sub=mallory").await;
    stand.app.clock.advance(Duration::seconds(45));
    visit.user(&stand).await;
    assert_eq!(visit.user(&stand).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_holds_up_two_renewals_and_nobody_else() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visits = Vec::new();
    for _ in 0..3 {
        visits.push(Visit::sign_in(&stand, "olivia@example.test").await);
    }
    stand.control("hang").await;
    stand.app.clock.advance(Duration::seconds(45));
    let stand = std::sync::Arc::new(stand);
    let mut third = visits.pop().unwrap();
    let waiting: Vec<_> = visits
        .into_iter()
        .map(|mut visit| {
            let stand = std::sync::Arc::clone(&stand);
            tokio::spawn(async move { visit.user(&stand).await.status })
        })
        .collect();
    while stand.control("hanging").await.text().await.unwrap() != "2" {
        tokio::task::yield_now().await;
    }
    assert_eq!(third.user(&stand).await.status, 200);
    assert!(waiting.iter().all(|one| !one.is_finished()), "they wait");
    stand.control("up").await;
    for one in waiting {
        assert_eq!(
            one.await.unwrap(),
            200,
            "an answer that did not come ends nothing"
        );
    }
}
