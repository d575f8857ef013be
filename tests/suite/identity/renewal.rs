//! Fresh tokens, and what ends a session.

use chrono::{DateTime, Duration, Utc};
use countersign_entities::Clock;
use countersign_tests::Reply;

use super::stand::{Visit, invite, stand, stand_with};

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
    stand.counts("renewals", "1").await;
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
async fn whoever_only_works_is_held_to_the_provider_as_well() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.control("end-grants").await;
    assert_eq!(visit.work(&stand).await.status, 200, "nothing is due yet");
    stand.app.clock.advance(Duration::seconds(45));
    visit.until_ended(&stand).await;
    let ended = stand.app.test_database.logged("session.ended").await;
    assert_eq!(ended, 1, "it is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_where_the_provider_answers_for_somebody_else() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.control("answer-for?sub=mallory").await;
    stand.app.clock.advance(Duration::seconds(45));
    visit.until_ended(&stand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_for_a_day_without_the_providers_word_and_through_short_outages() {
    let mut stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.provider.stop();
    // It was tried on Friday, and over a weekend nobody asked for it: the first who does is not signed out.
    for minutes in [1, 3 * 24 * 60, 30, 29] {
        stand.app.clock.advance(Duration::minutes(minutes));
        assert_eq!(visit.work(&stand).await.status, 200, "{minutes}");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(visit.work(&stand).await.status, 200, "{minutes}");
    }
    stand.app.clock.advance(Duration::minutes(2));
    visit.until_ended(&stand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_nobody_can_be_asked_about_ends_in_a_day() {
    let stand = stand_with(&["authorization_code"]).await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.app.clock.advance(Duration::hours(23));
    let user = visit.user(&stand).await;
    assert_eq!(user.status, 200);
    let expires_at = user.body["sessionExpiresAt"].as_str().unwrap();
    let expires_at: DateTime<Utc> = expires_at.parse().unwrap();
    let left = expires_at - stand.app.clock.now();
    assert!(left <= Duration::hours(1) + Duration::minutes(1), "{left}");
    stand.app.clock.advance(left);
    assert_eq!(visit.work(&stand).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_holds_up_nobody() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visits = Vec::new();
    for _ in 0..3 {
        visits.push(Visit::sign_in(&stand, "olivia@example.test").await);
    }
    stand.control("hang").await;
    stand.app.clock.advance(Duration::seconds(45));
    for visit in &mut visits {
        assert_eq!(visit.user(&stand).await.status, 200);
    }
    stand.counts("hanging", "2").await;
    stand.control("up").await;
    for visit in &mut visits {
        let status = visit.user(&stand).await.status;
        assert_eq!(status, 200, "an answer that did not come ends nothing");
    }
}
