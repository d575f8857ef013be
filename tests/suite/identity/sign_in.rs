//! From the sign-in button to the session.

use chrono::Duration;
use countersign_tests::{Reply, TestApp};
use sqlx::Executor;

use super::stand::{Visit, invite, location, real_time, stand};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_works_and_signs_out() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "olivia@example.test").await;
    let answer = visit.get(&stand, &callback).await;
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    let session = cookies
        .iter()
        .map(|c| c.to_str().unwrap())
        .find(|c| c.starts_with("__Host-countersign="));
    for flag in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(session.unwrap().contains(flag), "{session:?}");
    }
    assert!(
        answer.text().await.unwrap().contains("url=/t/x"),
        "back to where one wanted to be"
    );

    let user = visit.user(&stand).await;
    assert_eq!(
        user.body["user"]["email"], "olivia@example.test",
        "{:?}",
        user.body
    );
    assert_eq!(user.body["user"]["name"], "Olivia");
    assert_eq!(user.body["activeTenant"], "northwind");
    assert!(
        !user.body.to_string().contains("eyJ"),
        "no token reaches the browser"
    );

    let other = visit
        .get(&stand, &format!("{}/bff/logout?sid=ses_1", stand.app.url()))
        .await;
    let other = Reply::of(other).await;
    assert_eq!(
        (other.status, other.error_code()),
        (400, Some("SESSION_MISMATCH")),
        "another site can not sign people out"
    );
    let logout = user.body["logoutUrl"].as_str().unwrap();
    let before = visit.header();
    let out = visit
        .get(&stand, &format!("{}{logout}", stand.app.url()))
        .await;
    let next = location(&out);
    assert!(
        next.starts_with(&format!("{}/session/end?", stand.issuer)),
        "{next}"
    );
    assert!(
        !next.contains("eyJ") && !next.contains("id_token_hint"),
        "no token reaches the browser: {next}"
    );
    assert_eq!(
        visit.confirm_sign_out(&stand, &next).await,
        "http://localhost:8080/",
        "and the provider sends people back"
    );
    let refreshed = stand.control("refresh-tokens").await.text().await.unwrap();
    assert_eq!(refreshed, "0", "the refresh token was given back");
    let stale = stand
        .app
        .http()
        .get(format!("{}/bff/user", stand.app.url()))
        .header("cookie", before);
    let stale = stale
        .header("x-csrf", "1")
        .header("sec-fetch-site", "same-origin")
        .send()
        .await;
    assert_eq!(
        stale.unwrap().status().as_u16(),
        401,
        "the cookie of before opens nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_finished_once_and_by_the_browser_that_began_it() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut mine = Visit::default();
    let callback = mine.reach_callback(&stand, "olivia@example.test").await;

    let mut victim = Visit::default();
    let lured = Reply::of(victim.get(&stand, &callback).await).await;
    assert_eq!(
        (lured.status, lured.error_code()),
        (401, Some("SIGN_IN_REFUSED"))
    );
    assert!(victim.cookies.is_empty());

    let wrong = callback.replace("state=", "state=x");
    let wrong = Reply::of(mine.get(&stand, &wrong).await).await;
    assert_eq!(wrong.status, 401);

    let again = mine.header();
    assert_eq!(mine.get(&stand, &callback).await.status().as_u16(), 200);
    let replayed = stand
        .app
        .http()
        .get(&callback)
        .header("cookie", again)
        .send()
        .await
        .unwrap();
    assert_eq!(replayed.status().as_u16(), 401, "a callback is good once");
}

/// The word that the sign-in page is given where a person comes to that address, which has a text for it.
async fn told(app: &TestApp, url: &str, cookies: &str) -> String {
    let person = app.http().get(url).header("accept", "text/html,*/*");
    let person = person.header("cookie", cookies).send().await.unwrap();
    assert_eq!(person.status().as_u16(), 303, "a person is told by a page");
    let page = location(&person);
    let word = page.strip_prefix("/sign-in?error=").expect("the page");
    let texts = include_str!("../../../web/src/routes/sign-in.tsx");
    assert!(
        texts.contains(&format!("\n  {word}:")),
        "`{word}` has no text"
    );
    word.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_whose_fault_it_is_that_nobody_is_signed_in() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let app = &stand.app;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "olivia@example.test").await;
    let (address, answer) = callback.split_once("?code=").unwrap();
    let (_, answer) = answer.split_once('&').unwrap();

    assert_eq!(told(app, &callback, "").await, "expired", "elsewhere begun");
    let wrong = callback.replace("state=", "state=x");
    assert_eq!(told(app, &wrong, &visit.header()).await, "failed");
    let denied = format!("{address}?error=access_denied&{answer}");
    let cookies = visit.header();
    assert_eq!(told(app, &denied, &cookies).await, "access_denied");
    assert_eq!(told(app, &denied, &cookies).await, "expired", "once only");

    let mut unknown = Visit::default();
    let callback = unknown.reach_callback(&stand, "mallory@example.test").await;
    let word = told(app, &callback, &unknown.header()).await;
    assert_eq!(word, "email_unverified");

    // What fails on our side is no fault of the provider.
    let mut later = Visit::default();
    let callback = later.reach_callback(&stand, "olivia@example.test").await;
    let mut superuser = app.test_database.superuser().await;
    let revoke = "REVOKE ALL ON countersign.sign_ins FROM countersign_entry";
    superuser.execute(revoke).await.unwrap();
    assert_eq!(told(app, &callback, &later.header()).await, "unavailable");

    let away = TestApp::start().await;
    let login = format!("{}/bff/login", away.url());
    assert_eq!(told(&away, &login, "").await, "provider_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_too_long_at_the_provider_is_told_so() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "olivia@example.test").await;
    stand.app.clock.advance(Duration::minutes(16));
    let word = told(&stand.app, &callback, &visit.header()).await;
    assert_eq!(word, "expired", "the provider did let them in");
    // By then browsers have forgotten the cookie.
    assert_eq!(told(&stand.app, &callback, "").await, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_say_whose_it_is_is_refused() {
    let stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    // The provider announces that it names itself in every answer (RFC 9207), so an answer without
    // a name, or with another, is of somebody between.
    for iss in ["", "&iss=https%3A%2F%2Fother.example"] {
        let mut visit = Visit::default();
        let callback = visit.reach_callback(&stand, "olivia@example.test").await;
        let (rest, own) = callback.split_once("&iss=").unwrap();
        let after = own.split_once('&').map_or("", |(_, after)| after);
        let changed = format!("{rest}{iss}&{after}");
        let refused = Reply::of(visit.get(&stand, &changed).await).await;
        assert_eq!(refused.status, 401, "{changed}: {:?}", refused.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_address_claims_nobody() {
    let stand = stand().await;
    invite(&stand, "mallory@example.test").await;
    let mut visit = Visit::default();
    let callback = visit.reach_callback(&stand, "mallory@example.test").await;
    let refused = Reply::of(visit.get(&stand, &callback).await).await;
    assert_eq!(refused.status, 401, "{:?}", refused.body);
    assert!(refused.body["detail"].as_str().unwrap().contains("e-mail"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_away_people_go_on_working_and_sign_in_says_so() {
    let mut stand = stand().await;
    invite(&stand, "olivia@example.test").await;
    let mut visit = Visit::sign_in(&stand, "olivia@example.test").await;
    stand.provider.stop();
    stand.app.clock.advance(Duration::hours(1));
    let user = visit.user(&stand).await;
    assert_eq!(
        user.status, 200,
        "tokens are due, and the session goes on: {:?}",
        user.body
    );
    let work = visit.work(&stand).await;
    assert_eq!(work.data()["viewer"]["kind"], "HUMAN", "{:?}", work.body);

    // A product that never saw the provider can not begin a sign-in, and says why.
    let fresh = TestApp::start_with(real_time(), |toml| {
        toml.replace("http://127.0.0.1:9", &stand.issuer)
    })
    .await;
    let sign_in = fresh
        .http()
        .get(format!("{}/bff/login", fresh.url()))
        .send()
        .await
        .unwrap();
    let sign_in = Reply::of(sign_in).await;
    assert_eq!(sign_in.status, 503);
    assert!(sign_in.headers.contains_key("retry-after"));
    assert!(
        sign_in.body["detail"]
            .as_str()
            .unwrap()
            .contains("provider"),
        "{:?}",
        sign_in.body
    );
}
