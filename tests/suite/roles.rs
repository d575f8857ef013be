//! AUT-2: roles of a tenant's own, who grants what, and what a preview tells of it.

use countersign_domain::access::{Capability, Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};

use crate::books::{Books, books};

const CREATE: &str = "mutation($input: CreateRoleInput!) { createRole(input: $input) \
    { role { id name baseRole capabilities memberCount } userErrors { code field message } } }";
const UPDATE: &str = "mutation($input: UpdateRoleInput!) { updateRole(input: $input) \
    { role { id name baseRole capabilities memberCount } userErrors { code field message } } }";
const DELETE: &str = "mutation($input: DeleteRoleInput!) { deleteRole(input: $input) \
    { deletedRoleId userErrors { code field message } } }";
const MEMBER: &str = "mutation($input: UpdateMemberInput!) { updateMember(input: $input) \
    { member { id role capabilities customRole { name } } userErrors { code field message } } }";
const PREVIEW: &str = "fragment P on RightsPreview { memberCount gains { group actions rows } \
    losses { group actions rows } members { member { id } gains { group actions rows } \
    losses { group actions rows } } ceilings { rule sentence capabilities rows } \
    refusals { code message } }";

async fn send(by: &Browser, mutation: &str, input: Value) -> Reply {
    by.graphql(mutation, json!({ "input": input })).await
}

/// The payload of the one mutation.
fn payload(reply: &Reply) -> &Value {
    let data = reply.data().as_object();
    data.and_then(|data| data.values().next())
        .unwrap_or_else(|| panic!("no data: {:?}", reply.body))
}

fn fault(reply: &Reply) -> &str {
    payload(reply)["userErrors"][0]["code"]
        .as_str()
        .unwrap_or_default()
}

async fn role(by: &Browser, name: &str, base: Role, capabilities: &[&str]) -> String {
    let input = json!({ "name": name, "baseRole": base.name(), "capabilities": capabilities });
    let made = send(by, CREATE, input).await;
    let id = payload(&made)["role"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{:?}", made.body)).to_owned()
}

async fn give(by: &Browser, whom: &Browser, mut input: Value) -> Reply {
    input["memberId"] = json!(whom.member.to_string());
    send(by, MEMBER, input).await
}

async fn preview(by: &Browser, field: &str, of: &str, input: Value) -> Value {
    let query = format!("query($input: {of}!) {{ {field}(input: $input) {{ ...P }} }} {PREVIEW}");
    let reply = by.graphql(&query, json!({ "input": input })).await;
    assert!(reply.data()[field].is_object(), "{:?}", reply.body);
    reply.data()[field].clone()
}

async fn may_sort(who: &Browser, books: &Books) -> bool {
    let sort = "mutation($t: ID!) { categorizeTransaction(input: { transactionId: $t }) \
                { userErrors { code } } }";
    let sorted = who
        .graphql(sort, json!({ "t": books.business_transaction }))
        .await;
    match sorted.error_code() {
        None => true,
        Some("FORBIDDEN") => false,
        Some(other) => panic!("{other}: {:?}", sorted.body),
    }
}

/// Whether a change of that group stands in a list of changes.
fn names(changes: &Value, group: &str) -> bool {
    let changes = changes.as_array().into_iter().flatten();
    changes.into_iter().any(|change| change["group"] == group)
}

async fn events(by: &Browser, action: &str) -> Vec<Value> {
    let query = "query($a: String!) { auditEntries(first: 50, filter: { action: $a }) \
                 { nodes { outcome targets payload permission } } }";
    let reply = by.graphql(query, json!({ "a": action })).await;
    let nodes = reply.data()["auditEntries"]["nodes"].as_array().cloned();
    let mut nodes = nodes.unwrap_or_else(|| panic!("{:?}", reply.body));
    for node in &mut nodes {
        if let Some(text) = node["payload"].as_str() {
            node["payload"] = serde_json::from_str(text).unwrap();
        }
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_made_given_changed_and_taken_and_holds_from_the_next_request() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let (owner, worker) = (&books.owner, &books.worker);
    let trainee = role(
        owner,
        " Bookkeeping trainee ",
        Role::Worker,
        &["write.basic"],
    )
    .await;
    assert!(!may_sort(worker, &books).await);
    let given = give(owner, worker, json!({ "customRoleId": trainee })).await;
    let member = &payload(&given)["member"];
    assert_eq!(member["customRole"]["name"], "Bookkeeping trainee");
    assert_eq!(
        (&member["role"], &member["capabilities"]),
        (&json!("worker"), &json!([]))
    );
    assert!(may_sort(worker, &books).await);

    let listed = "{ roles { nodes { name memberCount } builtIn { name capabilities memberCount } } \
                  node(id: \"ID\") { ... on CustomRole { name } } }";
    let listed = owner
        .graphql(&listed.replace("ID", &trainee), json!({}))
        .await;
    let roles = &listed.data()["roles"];
    assert_eq!(
        roles["nodes"],
        json!([{ "name": "Bookkeeping trainee", "memberCount": 1 }])
    );
    assert_eq!(listed.data()["node"]["name"], "Bookkeeping trainee");
    let built_in = roles["builtIn"].as_array().unwrap();
    assert_eq!(built_in.len(), Role::ALL.len());
    let of = |name: &str| built_in.iter().find(|role| role["name"] == name).unwrap();
    assert_eq!(
        (&of("worker")["memberCount"], &of("owner")["memberCount"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(of("worker")["capabilities"], json!(["read.basic"]));

    let used = send(owner, DELETE, json!({ "roleId": trainee })).await;
    assert_eq!(fault(&used), "ROLE_IN_USE");
    let sentence = payload(&used)["userErrors"][0]["message"].as_str().unwrap();
    assert!(
        sentence.contains("1 member") && sentence.contains("another one first"),
        "{sentence}"
    );

    let narrowed = json!({ "roleId": trainee, "capabilities": ["read.audit"] });
    let narrowed = send(owner, UPDATE, narrowed).await;
    assert_eq!(payload(&narrowed)["role"]["memberCount"], 1);
    assert!(!may_sort(worker, &books).await);
    let audit = "{ auditEntries(first: 1) { nodes { id } } }";
    assert_eq!(worker.graphql(audit, json!({})).await.error_code(), None);

    let back = give(owner, worker, json!({ "role": "worker" })).await;
    assert_eq!(payload(&back)["member"]["customRole"], Value::Null);
    assert_eq!(
        worker.graphql(audit, json!({})).await.error_code(),
        Some("FORBIDDEN")
    );
    let gone = send(owner, DELETE, json!({ "roleId": trainee })).await;
    assert_eq!(payload(&gone)["deletedRoleId"], trainee);
    let again = send(owner, DELETE, json!({ "roleId": trainee })).await;
    assert_eq!((again.status, again.error_code()), (404, Some("NOT_FOUND")));

    // Each of them is in the log, with what it was and what it became, and nothing that people wrote.
    let updated = events(owner, "role.updated").await;
    assert_eq!(
        updated[0]["payload"]["before"]["capabilities"],
        json!(["write.basic"])
    );
    assert_eq!(
        updated[0]["payload"]["after"]["capabilities"],
        json!(["read.audit"])
    );
    let deleted = events(owner, "role.deleted").await;
    let outcomes: Vec<_> = deleted
        .iter()
        .map(|event| event["outcome"].clone())
        .collect();
    assert_eq!(outcomes, [json!("DONE"), json!("REFUSED")]);
    let changed = events(owner, "member.updated").await;
    assert_eq!(changed[1]["payload"]["after"]["customRole"], trainee);
    assert_eq!(changed[0]["payload"]["before"]["customRole"], trainee);
    let created = events(owner, "role.created").await;
    for event in created.iter().chain(&updated).chain(&changed) {
        let text = event.to_string();
        assert!(!text.contains("trainee") && !text.contains('@'), "{text}");
    }
}

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
    let second = app.person(tenant, Role::Owner, "oona").await;
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
        .token(&[Scope::MembersRead, Scope::MembersUpdate])
        .await;
    let input = json!({ "memberId": plain.member.to_string(), "role": "worker" });
    let machine = token.graphql(MEMBER, json!({ "input": input })).await;
    assert_eq!(machine.error_code(), Some("FORBIDDEN"));
    let theirs = give(&books.worker, &plain, json!({ "role": "worker" })).await;
    assert_eq!(theirs.error_code(), Some("FORBIDDEN"));
    let refused = events(&books.owner, "member.updated").await;
    let codes = json!({ "reason": "input", "faults": ["EXCEEDS_GRANTER"] });
    assert!(
        refused.iter().any(|event| event["payload"] == codes),
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
async fn a_preview_tells_who_gains_and_loses_what_and_which_ceilings_win() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let (owner, worker) = (&books.owner, &books.worker);
    let input = json!({
        "memberId": worker.member.to_string(),
        "capabilities": ["read.financial", "admin.member"],
    });
    let seen = preview(owner, "previewMember", "UpdateMemberInput", input).await;
    assert_eq!(
        (&seen["memberCount"], &seen["refusals"]),
        (&json!(1), &json!([]))
    );
    assert_eq!(
        seen["members"][0]["member"]["id"],
        worker.member.to_string()
    );
    assert_eq!(seen["members"][0]["gains"], seen["gains"]);
    assert!(names(&seen["gains"], "read.financial"), "{seen}");
    assert!(
        !names(&seen["gains"], "admin.member"),
        "a ceiling takes it: {seen}"
    );
    assert_eq!(seen["losses"], json!([]));
    let ceilings = seen["ceilings"].as_array().unwrap();
    let ceiling = |rule: &str| ceilings.iter().find(|one| one["rule"] == rule).unwrap();
    let administers = ceiling("worker.never-administers");
    assert_eq!(administers["capabilities"], json!(["admin.member"]));
    assert!(
        administers["sentence"]
            .as_str()
            .unwrap()
            .contains("Workers administer")
    );
    let hidden = ceiling("human.personal-hidden")["rows"].as_str().unwrap();
    assert!(hidden.contains("household"), "{hidden}");

    // A preview changes nothing, and says what the change itself would be refused for.
    assert!(!may_sort(worker, &books).await);
    let admin = app.person(&books.tenant, Role::Admin, "adam").await;
    let input = json!({ "memberId": worker.member.to_string(), "role": "owner" });
    let refused = preview(&admin, "previewMember", "UpdateMemberInput", input).await;
    assert_eq!(refused["refusals"][0]["code"], "EXCEEDS_GRANTER");
    let input = json!({ "memberId": owner.member.to_string(), "role": "worker" });
    let last = preview(owner, "previewMember", "UpdateMemberInput", input).await;
    assert_eq!(last["refusals"][0]["code"], "LAST_OWNER");
    assert!(names(&last["losses"], "admin.member") && names(&last["losses"], "read.financial"));

    // A role is previewed for everybody who has it, with what they have beside it.
    let trainee = role(owner, "Trainee", Role::Worker, &["write.basic"]).await;
    let other = app.person(&books.tenant, Role::Worker, "wim").await;
    let both = json!({ "customRoleId": trainee, "capabilities": ["read.audit"] });
    assert_eq!(
        fault(&give(owner, worker, json!({ "customRoleId": trainee })).await),
        ""
    );
    assert_eq!(fault(&give(owner, &other, both).await), "");
    let input = json!({ "roleId": trainee, "capabilities": ["read.audit"] });
    let seen = preview(owner, "previewRole", "PreviewRoleInput", input).await;
    assert_eq!(seen["memberCount"], 2);
    assert!(names(&seen["gains"], "read.audit") && names(&seen["losses"], "write.basic"));
    let of = |who: &Browser| {
        let members = seen["members"].as_array().unwrap();
        let id = who.member.to_string();
        members
            .iter()
            .find(|one| one["member"]["id"] == id)
            .unwrap()
    };
    assert!(names(&of(worker)["gains"], "read.audit"));
    assert_eq!(of(&other)["gains"], json!([]), "they have it already");
    assert!(names(&of(&other)["losses"], "write.basic"));
    let input = json!({ "baseRole": "worker", "capabilities": ["admin.token"] });
    let new = preview(owner, "previewRole", "PreviewRoleInput", input).await;
    assert_eq!(
        (&new["memberCount"], &new["gains"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(new["ceilings"][0]["rule"], "worker.never-administers");
    // What can not be is said as the mutation would say it.
    for (input, code) in [
        (json!({ "baseRole": "owner" }), "INVALID"),
        (json!({ "baseRole": "chief" }), "INVALID"),
        (
            json!({ "baseRole": "worker", "capabilities": ["x"] }),
            "INVALID",
        ),
        (json!({}), "INVALID"),
    ] {
        let none = preview(owner, "previewRole", "PreviewRoleInput", input).await;
        assert_eq!(none["refusals"][0]["code"], code, "{none}");
    }
    // Workers learn nothing of it.
    let query = format!(
        "query($input: PreviewRoleInput!) {{ previewRole(input: $input) {{ ...P }} }} {PREVIEW}"
    );
    let refused = worker
        .graphql(&query, json!({ "input": { "baseRole": "worker" } }))
        .await;
    assert_eq!(refused.error_code(), Some("FORBIDDEN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_input_are_named() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    role(owner, "Trainee", Role::Worker, &[]).await;
    for (input, code, field) in [
        (
            json!({ "name": " ", "baseRole": "worker" }),
            "INVALID",
            "name",
        ),
        (
            json!({ "name": "x".repeat(61), "baseRole": "worker" }),
            "INVALID",
            "name",
        ),
        (
            json!({ "name": "trainee", "baseRole": "worker" }),
            "TAKEN",
            "name",
        ),
        (
            json!({ "name": "Owner", "baseRole": "worker" }),
            "TAKEN",
            "name",
        ),
        (
            json!({ "name": "A", "baseRole": "owner" }),
            "INVALID",
            "baseRole",
        ),
        (
            json!({ "name": "A", "baseRole": "chief" }),
            "INVALID",
            "baseRole",
        ),
        (
            json!({ "name": "A", "baseRole": "worker", "capabilities": ["all"] }),
            "INVALID",
            "capabilities",
        ),
        (
            json!({ "name": "A", "baseRole": "worker", "description": "x".repeat(301) }),
            "INVALID",
            "description",
        ),
    ] {
        let refused = send(owner, CREATE, input.clone()).await;
        assert_eq!(fault(&refused), code, "{input}: {:?}", refused.body);
        let path = &payload(&refused)["userErrors"][0]["field"];
        assert_eq!(*path, json!(["input", field]), "{input}");
    }
    let trainee = role(owner, "Other", Role::Worker, &[]).await;
    let renamed = send(
        owner,
        UPDATE,
        json!({ "roleId": trainee, "name": "TRAINEE" }),
    )
    .await;
    assert_eq!(fault(&renamed), "TAKEN");
    for (input, code) in [
        (json!({ "role": "chief" }), "INVALID"),
        (json!({}), "INVALID"),
        (
            json!({ "role": "worker", "customRoleId": trainee }),
            "INVALID",
        ),
        (json!({ "capabilities": ["all"] }), "INVALID"),
    ] {
        let refused = give(owner, &books.worker, input.clone()).await;
        assert_eq!(fault(&refused), code, "{input}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_another_tenant_is_none() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let other = app.tenant("other").await;
    let stranger = app.person(&other, Role::Owner, "oscar").await;
    let theirs = role(&stranger, "Theirs", Role::Worker, &["write.basic"]).await;
    let owner = &books.owner;
    let given = give(owner, &books.worker, json!({ "customRoleId": theirs })).await;
    let gone = send(owner, DELETE, json!({ "roleId": theirs })).await;
    let input = json!({ "roleId": theirs, "baseRole": "worker" });
    let changed = send(owner, UPDATE, input.clone()).await;
    let query = format!(
        "query($input: PreviewRoleInput!) {{ previewRole(input: $input) {{ ...P }} }} {PREVIEW}"
    );
    let seen = owner.graphql(&query, json!({ "input": input })).await;
    for reply in [given, gone, changed, seen] {
        assert_eq!((reply.status, reply.error_code()), (404, Some("NOT_FOUND")));
    }
    let listed = "{ roles { nodes { name } } }";
    let listed = owner.graphql(listed, json!({})).await;
    assert_eq!(listed.data()["roles"]["nodes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_no_more_than_who_makes_it() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let admin = app.person(&books.tenant, Role::Admin, "adam").await;
    let make = "mutation($scopes: [String!]!) { createApiToken(input: { name: \"x\", scopes: $scopes }) \
                { plainToken userErrors { code field } } }";
    for scope in Scope::ALL {
        let made = admin
            .graphql(make, json!({ "scopes": ["basic:read", scope.name()] }))
            .await;
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
