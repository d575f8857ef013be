//! AUT-2: roles of a tenant's own, and what a preview tells of a change.

use countersign_domain::access::Role;
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::{Value, json};

use crate::books::{Books, books};

pub(crate) const CREATE: &str = "mutation($input: CreateRoleInput!) { createRole(input: $input) \
    { role { id name baseRole capabilities memberCount } userErrors { code field message } } }";
pub(crate) const UPDATE: &str = "mutation($input: UpdateRoleInput!) { updateRole(input: $input) \
    { role { id name baseRole capabilities memberCount } userErrors { code field message } } }";
const DELETE: &str = "mutation($input: DeleteRoleInput!) { deleteRole(input: $input) \
    { deletedRoleId userErrors { code field message } } }";
pub(crate) const MEMBER: &str = "mutation($input: UpdateMemberInput!) { updateMember(input: $input) \
    { member { id role capabilities customRole { name } } userErrors { code field message } } }";
const PREVIEW: &str = "fragment P on RightsPreview { memberCount gains { group actions rows } \
    losses { group actions rows } members { member { id } gains { group actions rows } \
    losses { group actions rows } } ceilings { rule sentence capabilities rows } \
    refusals { code message } }";

pub(crate) async fn send(by: &Browser, mutation: &str, input: Value) -> Reply {
    by.graphql(mutation, json!({ "input": input })).await
}

/// The payload of the one mutation.
pub(crate) fn payload(reply: &Reply) -> &Value {
    let data = reply.data().as_object();
    data.and_then(|data| data.values().next())
        .unwrap_or_else(|| panic!("no data: {:?}", reply.body))
}

pub(crate) fn fault(reply: &Reply) -> &str {
    payload(reply)["userErrors"][0]["code"]
        .as_str()
        .unwrap_or_default()
}

pub(crate) async fn role(by: &Browser, name: &str, base: Role, capabilities: &[&str]) -> String {
    let input = json!({ "name": name, "baseRole": base.name(), "capabilities": capabilities });
    let made = send(by, CREATE, input).await;
    let id = payload(&made)["role"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{:?}", made.body)).to_owned()
}

pub(crate) async fn give(by: &Browser, whom: &Browser, mut input: Value) -> Reply {
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

pub(crate) async fn events(by: &Browser, action: &str) -> Vec<Value> {
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
    // The database knows the names of built-in roles as well; who asks is told what it is.
    let own = json!({ "name": " aDMIN ", "baseRole": "worker" });
    let refused = send(owner, CREATE, own).await;
    let told = &payload(&refused)["userErrors"][0]["message"];
    assert_eq!(*told, "a built-in role has that name", "{:?}", refused.body);
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
