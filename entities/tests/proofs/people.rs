//! Sign-in, sessions, and who stays an owner.

use countersign_domain::{access::Role, id::MemberId};
use countersign_entities::{
    EndedBy, NewMember, NewSession, NewTenant, OperatorError, ProvidedIdentity, RequestContext,
    SessionsOf, SignIn, SignInError, WriteError, WriteTransaction,
};
use countersign_policies::{resource, row::TenantOnly};
use secrecy::ExposeSecret;
use sqlx::{Executor, Row};

use crate::sessions;
use crate::world::{ISSUER, World, draft, facts, identity, new_session, now, tokens, uuid};

#[tokio::test]
async fn user_is_matched_by_subject_and_claimed_by_verified_address() {
    let world = World::new().await;
    let tenant = world.tenant("north").await;
    let invited = NewMember {
        email: "Olivia@Example.com".into(),
        name: "Olivia".into(),
        role: Role::Owner.into(),
        capabilities: [].into(),
    };
    let operator = world.database.operator();
    let (_, user) = operator.add_member(tenant, &invited).await.unwrap();
    let entry = world.database.entry();
    let unverified = ProvidedIdentity {
        email_verified: false,
        ..identity("olivia")
    };
    let refused = entry.sign_in_user(&unverified, now()).await;
    assert!(
        matches!(refused, Err(SignInError::EmailUnverified)),
        "{refused:?}"
    );
    assert_eq!(
        entry
            .sign_in_user(&identity("olivia"), now())
            .await
            .unwrap(),
        user
    );
    // From then on the address does not matter, and nobody else can claim it.
    let moved = ProvidedIdentity {
        email: None,
        email_verified: false,
        ..identity("olivia")
    };
    assert_eq!(entry.sign_in_user(&moved, now()).await.unwrap(), user);
    let thief = ProvidedIdentity {
        subject: "mallory".into(),
        ..identity("olivia")
    };
    let refused = entry.sign_in_user(&thief, now()).await;
    assert!(
        matches!(refused, Err(SignInError::EmailTaken)),
        "{refused:?}"
    );
    let again = operator.add_member(tenant, &invited).await;
    assert!(
        matches!(&again, Err(OperatorError::Conflict(c)) if c == "memberships_once"),
        "{again:?}"
    );
}

#[tokio::test]
async fn two_first_sign_ins_of_one_person_are_both_theirs() {
    let world = World::new().await;
    let mut other = world.bare("postgres").await;
    // The other one has claimed the address, and has not committed yet.
    other.execute("BEGIN").await.unwrap();
    let claim = "INSERT INTO countersign.users (id, email, name, issuer, subject, created_at) \
                 VALUES ($1, 'olivia@example.com', 'olivia', $2, 'olivia', now())";
    let claimed = uuid();
    let claim = sqlx::query(claim).bind(claimed).bind(ISSUER);
    claim.execute(&mut other).await.unwrap();
    let entry = world.database.entry();
    let second = tokio::spawn(async move { entry.sign_in_user(&identity("olivia"), now()).await });
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event_type = 'Lock')";
    let mut watcher = world.bare("postgres").await;
    while !sqlx::query_scalar::<_, bool>(waits)
        .fetch_one(&mut watcher)
        .await
        .unwrap()
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    other.execute("COMMIT").await.unwrap();
    assert_eq!(second.await.unwrap().unwrap().uuid(), claimed);
}

#[tokio::test]
async fn names_that_nobody_sees_are_refused_and_keep_nobody_out() {
    let world = World::new().await;
    let north = world.tenant("north").await;
    let operator = world.database.operator();
    let unseen = || "\u{3164}".to_owned();
    let tenant = NewTenant {
        slug: "south".into(),
        name: unseen(),
    };
    let made = operator.create_tenant(&tenant).await;
    assert!(matches!(made, Err(OperatorError::Name(_))), "{made:?}");
    let mut member = NewMember {
        email: "olivia@example.com".into(),
        name: unseen(),
        role: Role::Owner.into(),
        capabilities: [].into(),
    };
    let added = operator.add_member(north, &member).await;
    assert!(matches!(added, Err(OperatorError::Name(_))), "{added:?}");
    member.name = "Olivia".into();
    let (_, user) = operator.add_member(north, &member).await.unwrap();
    // The provider's word is as none where it is no name: at the first sign-in and later.
    for name in [unseen(), String::new(), "x".repeat(300)] {
        let nameless = ProvidedIdentity {
            name: Some(name),
            ..identity("olivia")
        };
        let signed_in = world.database.entry().sign_in_user(&nameless, now()).await;
        assert_eq!(signed_in.unwrap(), user);
        let sql = "SELECT name FROM countersign.users WHERE id = $1";
        let mut superuser = world.bare("postgres").await;
        let name = sqlx::query_scalar::<_, String>(sql).bind(user.uuid());
        assert_eq!(name.fetch_one(&mut superuser).await.unwrap(), "Olivia");
    }
}

#[tokio::test]
async fn session_lists_its_tenants_and_switches_among_them_only() {
    let world = World::new().await;
    let (north, olivia) = world.company("north").await;
    let (south, _) = world.company("south").await;
    let entry = world.database.entry();
    let record = entry.session(&olivia.secret, now()).await.unwrap().unwrap();
    assert_eq!(record.active_tenant, Some(north));
    assert_eq!(
        record
            .tenants
            .iter()
            .map(|t| t.slug.as_str())
            .collect::<Vec<_>>(),
        ["north"]
    );
    assert_eq!(record.email, "owner-north@example.com");
    assert!(
        !entry
            .switch_tenant(&olivia.secret, "south", &facts())
            .await
            .unwrap()
    );
    assert!(
        !entry
            .switch_tenant(&olivia.secret, "nowhere", &facts())
            .await
            .unwrap()
    );
    let member = NewMember {
        email: record.email,
        name: "O".into(),
        role: Role::Auditor.into(),
        capabilities: [].into(),
    };
    world
        .database
        .operator()
        .add_member(south, &member)
        .await
        .unwrap();
    assert!(
        entry
            .switch_tenant(&olivia.secret, "south", &facts())
            .await
            .unwrap()
    );
    let (context, _read) = world.enter(&olivia).await;
    assert_eq!(
        (context.tenant(), context.actor().human().unwrap().role),
        (south, Role::Auditor)
    );
}

#[tokio::test]
async fn provider_ends_sessions_from_behind() {
    let world = World::new().await;
    let (_, olivia) = world.company("north").await;
    let entry = world.database.entry();
    let open = || sessions::open(&world, &olivia);
    let end = |which| {
        let entry = entry.clone();
        async move {
            let facts = facts();
            let ended = entry.end_sessions(which, EndedBy::Provider, &facts).await;
            ended.unwrap().len()
        }
    };
    let second = open().await;
    let sid = "sid-owner-north";
    let of_sid = |issuer, sid, opened_by| SessionsOf::ProviderSid {
        issuer,
        sid,
        subject: Some("owner-north"),
        opened_by,
    };
    let elsewhere = "https://other.example.com";
    assert_eq!(end(of_sid(elsewhere, sid, now())).await, 0);
    assert_eq!(end(of_sid(ISSUER, "sid-other", now())).await, 0);
    assert_eq!(end(of_sid(ISSUER, sid, now())).await, 2);
    assert!(entry.session(&second, now()).await.unwrap().is_none());
    let third = open().await;
    let subject = |opened_by| SessionsOf::Subject {
        issuer: ISSUER,
        subject: "owner-north",
        opened_by,
    };
    let before = now() - chrono::Duration::minutes(1);
    assert_eq!(end(subject(before)).await, 0, "a logout of before it");
    assert_eq!(end(subject(now())).await, 1);
    assert_eq!(end(SessionsOf::Secret(&third)).await, 0);
    // Whose ID token named no session may have come of any.
    let new = NewSession {
        provider_sid: None,
        ..new_session(olivia.user, "owner-north")
    };
    entry.open_session(new, &facts()).await.unwrap();
    assert_eq!(end(of_sid(ISSUER, sid, before)).await, 0);
    assert_eq!(end(of_sid(ISSUER, sid, now())).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refreshed_by_one_at_a_time() {
    let world = World::new().await;
    let (_, olivia) = world.company("north").await;
    let entry = world.database.entry();
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (entry, secret) = (entry.clone(), olivia.secret.clone());
        tasks.push(tokio::spawn(async move {
            let lock = entry
                .lock_for_refresh(&secret, now())
                .await
                .unwrap()
                .unwrap();
            if lock.tokens().access.expose_secret() == "access-secret" {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                assert!(lock.store(&tokens("refreshed")).await.unwrap());
                return 1;
            }
            lock.release().await.unwrap();
            0
        }));
    }
    let mut refreshed = 0;
    for task in tasks {
        refreshed += task.await.unwrap();
    }
    assert_eq!(refreshed, 1);
    let record = entry.session(&olivia.secret, now()).await.unwrap().unwrap();
    assert_eq!(record.tokens.access.expose_secret(), "refreshed");
}

#[tokio::test]
async fn a_session_that_has_ended_keeps_no_new_tokens() {
    let world = World::new().await;
    let (_, olivia) = world.company("north").await;
    let entry = world.database.entry();
    let lock = entry.lock_for_refresh(&olivia.secret, now()).await;
    let lock = lock.unwrap().unwrap();
    let which = SessionsOf::Secret(&olivia.secret);
    let ended = entry.end_sessions(which, EndedBy::Person, &facts()).await;
    assert_eq!(ended.unwrap().len(), 1, "nobody waits for the provider");
    assert!(!lock.store(&tokens("refreshed")).await.unwrap());
}

#[tokio::test]
async fn sign_in_is_taken_once_and_in_time() {
    let world = World::new().await;
    let entry = world.database.entry();
    let sign_in = |state: u8, minutes| SignIn {
        state_hash: [state; 32],
        nonce: "the nonce".to_owned().into(),
        verifier: "the verifier".to_owned().into(),
        return_url: "/transactions".into(),
        expires_at: now() + chrono::Duration::minutes(minutes),
    };
    entry.save_sign_in(&sign_in(1, 10)).await.unwrap();
    entry.save_sign_in(&sign_in(2, -1)).await.unwrap();
    let taken = entry.take_sign_in(&[1; 32], now()).await.unwrap().unwrap();
    assert_eq!(taken.verifier.expose_secret(), "the verifier");
    assert_eq!(taken.return_url, "/transactions");
    for state in [1, 2, 3] {
        assert!(
            entry
                .take_sign_in(&[state; 32], now())
                .await
                .unwrap()
                .is_none(),
            "{state}"
        );
    }
}

#[tokio::test]
async fn no_secret_stands_in_the_database_in_clear() {
    let world = World::new().await;
    let (_, olivia) = world.company("north").await;
    let mut admin = world.bare("postgres").await;
    let row =
        sqlx::query("SELECT hash, tokens_sealed, s::text AS whole FROM countersign.sessions s")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    let sealed: Vec<u8> = row.get("tokens_sealed");
    assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
    assert!(
        !row.get::<String, _>("whole")
            .contains(&olivia.secret.reveal())
    );
}

#[tokio::test]
async fn tenant_keeps_an_owner_even_when_two_remove_each_other() {
    let world = World::new().await;
    let (tenant, first) = world.company("north").await;
    let second = world.person(tenant, "second", Role::Owner).await;
    let (ones, twos) = (world.write(&first).await, world.write(&second).await);
    let remove = async |(context, write): (RequestContext, WriteTransaction), whom: MemberId| {
        let action = world.engine.action("Mutation.removeMember").unwrap();
        let row = TenantOnly {
            tenant,
            id: whom.uuid(),
        };
        let permit = world.engine.permit(context.actor(), action, &row).unwrap();
        let scope = world.scope::<resource::Member>(&context);
        let owners = write.lock_members_and_owners(&scope, &[]).await?.len();
        write.remove_member(&permit, whom).await?;
        write.finish(permit, draft("member.removed")).await?;
        Ok::<_, WriteError>(owners)
    };
    let (one, two) = tokio::join!(remove(ones, second.member), remove(twos, first.member));
    let (done, refused) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(done.unwrap(), 2);
    assert!(
        matches!(&refused, Err(WriteError::Conflict(c)) if c.name() == "memberships_last_owner"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn tenant_is_made_once_and_finished_if_it_was_cut_off() {
    let world = World::new().await;
    let new = NewTenant {
        slug: "north".into(),
        name: "North".into(),
    };
    // As if the command had died between its two steps.
    let mut entry = world.bare("countersign_entry").await;
    sqlx::query("SELECT countersign.create_tenant(gen_random_uuid(), 'north', 'North', now())")
        .execute(&mut entry)
        .await
        .unwrap();
    let operator = world.database.operator();
    let tenant = operator.create_tenant(&new).await.unwrap();
    assert_eq!(
        operator
            .verify_ledger(tenant, None, None)
            .await
            .unwrap()
            .verified,
        1
    );
    let again = operator.create_tenant(&new).await;
    assert!(
        matches!(&again, Err(OperatorError::Conflict(c)) if c == "tenants_slug"),
        "{again:?}"
    );
    for slug in ["", "x", "-x", "x-", "Xx", "x y", "x'y"] {
        let bad = NewTenant {
            slug: slug.into(),
            ..new.clone()
        };
        let refused = operator.create_tenant(&bad).await;
        assert!(
            matches!(&refused, Err(OperatorError::Conflict(c)) if c == "tenants_slug_form"),
            "{slug}: {refused:?}"
        );
    }
    assert!(matches!(
        operator.tenant("nowhere").await,
        Err(OperatorError::UnknownTenant(_))
    ));
}
