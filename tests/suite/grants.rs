//! AUT-2: nobody grants more than they hold, nobody gains by their own hand, and a tenant keeps an owner.

mod ended;

use countersign_domain::access::{Capability, Role, Scope};
use countersign_tests::{Reply, TestApp};
use serde_json::{Value, json};

use crate::{
    books::books,
    roles::{CREATE, MEMBER, UPDATE, events, fault, give, payload, role, send},
};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_grants_more_than_they_hold() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let tenant = &books.tenant;
    let admin = app.person(tenant, Role::Admin, "adam").await;
    let colleague = app.person(tenant, Role::Admin, "ava").await;
    let plain = app.person(tenant, Role::Worker, "wim").await;
    // Roles that may what an admin may not, and capabilities that open it.
    for (role, may) in [
        ("owner", false),
        ("manager", false),
        ("accountant", false),
        ("family", false),
        ("auditor", false),
        ("admin", true),
        ("worker", true),
    ] {
        let given = give(&admin, &plain, json!({ "role": role })).await;
        let expected = if may { "" } else { "EXCEEDS_GRANTER" };
        assert_eq!(fault(&given), expected, "{role}: {:?}", given.body);
    }
    for capability in Capability::ALL {
        let given = give(
            &admin,
            &plain,
            json!({ "capabilities": [capability.name()] }),
        )
        .await;
        let of_money = [
            "read.financial",
            "read.pii",
            "write.basic",
            "write.financial",
        ];
        let expected = if of_money.contains(&capability.name()) {
            "EXCEEDS_GRANTER"
        } else {
            ""
        };
        assert_eq!(fault(&given), expected, "{capability}: {:?}", given.body);
        let base = json!({ "name": capability.name(), "baseRole": "worker", "capabilities": [capability.name()] });
        assert_eq!(
            fault(&send(&admin, CREATE, base).await),
            expected,
            "{capability}"
        );
    }
    let cleared = give(&admin, &plain, json!({ "capabilities": [] })).await;
    assert_eq!(fault(&cleared), "");
    // Nor is a role granted to who holds as much by another: an admin makes nobody an accountant.
    let second = app.person(tenant, Role::Auditor, "aude").await;
    let given = give(&admin, &second, json!({ "role": "accountant" })).await;
    assert_eq!(fault(&given), "EXCEEDS_GRANTER");
    assert_eq!(
        fault(&give(&admin, &second, json!({ "role": "worker" })).await),
        ""
    );
    // What somebody has already is not granted: it can be left, or taken.
    let kept = give(
        &admin,
        &books.accountant,
        json!({ "capabilities": ["read.audit"] }),
    )
    .await;
    assert_eq!(fault(&kept), "", "{:?}", kept.body);
    // Nor by way of a role: one that exceeds them, or one that others have and they widen.
    let keeper = role(&books.owner, "Keeper", Role::Accountant, &[]).await;
    let given = give(&admin, &plain, json!({ "customRoleId": keeper })).await;
    assert_eq!(fault(&given), "EXCEEDS_GRANTER");
    let helper = role(&admin, "Helper", Role::Worker, &["read.audit"]).await;
    assert_eq!(
        fault(&give(&admin, &plain, json!({ "customRoleId": helper })).await),
        ""
    );
    for wider in [
        json!({ "roleId": helper, "capabilities": ["read.financial"] }),
        json!({ "roleId": helper, "baseRole": "manager" }),
    ] {
        assert_eq!(fault(&send(&admin, UPDATE, wider).await), "EXCEEDS_GRANTER");
    }
    // Narrowing a role that exceeds them grants nothing, and is done.
    let narrower = json!({ "roleId": keeper, "description": "Keeps the books." });
    assert_eq!(fault(&send(&admin, UPDATE, narrower).await), "");
    // A capability that somebody has and a ceiling stops must not awake by way of a role.
    let dormant = json!({ "customRoleId": helper, "capabilities": ["write.financial"] });
    let auditing = role(&books.owner, "Auditing", Role::Auditor, &[]).await;
    assert_eq!(fault(&give(&books.owner, &plain, dormant).await), "");
    let asleep = json!({ "customRoleId": auditing, "capabilities": ["write.financial"] });
    assert_eq!(fault(&give(&books.owner, &plain, asleep).await), "");
    let awake = json!({ "roleId": auditing, "baseRole": "worker" });
    let awake = send(&admin, UPDATE, awake).await;
    assert_eq!(fault(&awake), "EXCEEDS_GRANTER", "{:?}", awake.body);
    // The owner may, and a machine and a worker may not even ask.
    assert_eq!(
        fault(&give(&books.owner, &colleague, json!({ "role": "owner" })).await),
        ""
    );
    let token = books
        .owner
        .token(&[Scope::BasicRead, Scope::MembersRead, Scope::MembersUpdate])
        .await;
    let input = json!({ "memberId": plain.member.to_string(), "role": "worker" });
    let machine = token.graphql(MEMBER, json!({ "input": input })).await;
    assert_eq!(machine.error_code(), Some("FORBIDDEN"));
    let theirs = give(&books.worker, &plain, json!({ "role": "worker" })).await;
    assert_eq!(theirs.error_code(), Some("FORBIDDEN"));
    let refused = events(&books.owner, "member.updated").await;
    let told = |event: &Value| {
        let payload = &event["payload"];
        (payload["reason"].clone(), payload["faults"].clone())
    };
    let codes = (json!("input"), json!(["EXCEEDS_GRANTER"]));
    assert!(
        refused.iter().any(|event| told(event) == codes),
        "refusals are rows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gains_by_their_own_hand() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let tenant = &books.tenant;
    let admin = app.person(tenant, Role::Admin, "adam").await;
    for (change, expected) in [
        (json!({ "role": "owner" }), "OWN_ROLE"),
        (json!({ "capabilities": ["read.financial"] }), "OWN_ROLE"),
        // Amounts of what is in one's own care are an admin's neither.
        (json!({ "role": "worker" }), "OWN_ROLE"),
        // What one holds already is no gain.
        (json!({ "capabilities": ["read.audit"] }), ""),
    ] {
        let changed = give(&admin, &admin, change.clone()).await;
        assert_eq!(fault(&changed), expected, "{change}: {:?}", changed.body);
    }
    let chief = role(&books.owner, "Chief", Role::Admin, &[]).await;
    assert_eq!(
        fault(&give(&books.owner, &admin, json!({ "customRoleId": chief })).await),
        ""
    );
    for wider in [
        json!({ "roleId": chief, "capabilities": ["read.financial"] }),
        json!({ "roleId": chief, "baseRole": "worker" }),
    ] {
        let widened = send(&admin, UPDATE, wider.clone()).await;
        assert_eq!(fault(&widened), "OWN_ROLE", "{wider}: {:?}", widened.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_changed_and_removed_by_owners_alone() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    let admin = app.person(&books.tenant, Role::Admin, "adam").await;
    let second = app.person(&books.tenant, Role::Owner, "oona").await;
    let id = second.member.to_string();
    for change in [
        json!({ "role": "admin" }),
        json!({ "role": "worker" }),
        json!({ "capabilities": ["read.audit"] }),
    ] {
        let given = give(&admin, &second, change.clone()).await;
        assert_eq!(fault(&given), "OWNERS_ONLY", "{change}: {:?}", given.body);
    }
    let remove = "mutation($input: RemoveMemberInput!) { removeMember(input: $input) \
                  { removedMemberId userErrors { code field message } } }";
    let removed = send(&admin, remove, json!({ "memberId": id })).await;
    assert_eq!(fault(&removed), "OWNERS_ONLY", "{:?}", removed.body);
    // It is said before it is tried.
    let previews = "query($id: ID!) { \
        previewMember(input: { memberId: $id, role: \"worker\" }) { refusals { code } } \
        previewRemoveMember(input: { memberId: $id }) { memberCount refusals { code } losses { group } } }";
    let seen = admin.graphql(previews, json!({ "id": id })).await;
    let refused = json!([{ "code": "OWNERS_ONLY" }]);
    assert_eq!(seen.data()["previewMember"]["refusals"], refused);
    let removal = &seen.data()["previewRemoveMember"];
    assert_eq!(
        (&removal["refusals"], &removal["memberCount"]),
        (&refused, &json!(1))
    );
    assert!(
        removal["losses"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    );
    let told = events(owner, "member.removed").await;
    assert_eq!(told[0]["outcome"], "REFUSED");
    assert_eq!(told[0]["payload"]["faults"], json!(["OWNERS_ONLY"]));

    let lowered = give(owner, &second, json!({ "role": "admin" })).await;
    assert_eq!(fault(&lowered), "");
    assert_eq!(
        fault(&give(owner, &second, json!({ "role": "owner" })).await),
        ""
    );
    let removed = send(owner, remove, json!({ "memberId": id })).await;
    assert_eq!(fault(&removed), "");
    let last = owner
        .graphql(previews, json!({ "id": owner.member.to_string() }))
        .await;
    let refused = json!([{ "code": "LAST_OWNER" }]);
    assert_eq!(last.data()["previewRemoveMember"]["refusals"], refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_owner_stays_one_even_when_two_step_down_at_once() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    for change in [json!({ "role": "admin" }), json!({ "role": "worker" })] {
        assert_eq!(fault(&give(owner, owner, change).await), "LAST_OWNER");
    }
    let chief = role(owner, "Chief", Role::Admin, &[]).await;
    let stepped = give(owner, owner, json!({ "customRoleId": chief })).await;
    assert_eq!(fault(&stepped), "LAST_OWNER");
    for round in 0..4 {
        let second = app
            .person(&books.tenant, Role::Owner, &format!("second{round}"))
            .await;
        let down = || json!({ "role": "admin" });
        let (one, two) = tokio::join!(give(owner, owner, down()), give(&second, &second, down()));
        let mut faults = [fault(&one), fault(&two)];
        faults.sort_unstable();
        assert_eq!(faults, ["", "LAST_OWNER"], "{:?} {:?}", one.body, two.body);
        if fault(&one).is_empty() {
            // The first is an owner again, by the second's hand, for the next round.
            assert_eq!(
                fault(&give(&second, owner, json!({ "role": "owner" })).await),
                ""
            );
            assert_eq!(fault(&give(owner, &second, down()).await), "");
        }
    }
    // Two who demote each other: the second is no owner any more when their turn comes.
    let second = app.person(&books.tenant, Role::Owner, "second").await;
    let third = app.person(&books.tenant, Role::Owner, "third").await;
    for _ in 0..6 {
        let down = || json!({ "role": "worker" });
        let (one, two) = tokio::join!(give(owner, &second, down()), give(&second, owner, down()));
        let is_done = |reply: &Reply| reply.error_code().is_none() && fault(reply).is_empty();
        assert!(
            is_done(&one) != is_done(&two),
            "{:?} {:?}",
            one.body,
            two.body
        );
        let demoted = if is_done(&one) { &second } else { owner };
        let again = give(&third, demoted, json!({ "role": "owner" })).await;
        assert_eq!(fault(&again), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_no_more_than_who_makes_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let admin = app.person(&books.tenant, Role::Admin, "adam").await;
    let make = "mutation($scopes: [String!]!) { createApiToken(input: { name: \"x\", scopes: $scopes }) \
                { plainToken userErrors { code field } } }";
    for scope in Scope::ALL {
        let mut scopes = vec!["basic:read", scope.name()];
        if *scope == Scope::StatementsImport {
            // Which is for nothing without it.
            scopes.push(Scope::FinancialRead.name());
        }
        let made = admin.graphql(make, json!({ "scopes": scopes })).await;
        let beyond = [
            Scope::FinancialRead,
            Scope::PiiRead,
            Scope::AccountsCreate,
            Scope::CategoriesCreate,
            Scope::TransactionsCategorize,
            Scope::StatementsImport,
        ];
        let expected = if beyond.contains(scope) {
            "EXCEEDS_GRANTER"
        } else {
            ""
        };
        assert_eq!(fault(&made), expected, "{scope}: {:?}", made.body);
        assert_eq!(
            payload(&made)["plainToken"].is_null(),
            beyond.contains(scope)
        );
    }
    books.owner.token(Scope::ALL).await;
}
