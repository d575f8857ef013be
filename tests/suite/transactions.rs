//! Transactions: filters, pages, categories.

use chrono::DateTime;
use countersign_tests::{Tap, TestApp};
use serde_json::{Value, json};

use crate::books::{BUSINESS, CARD, PERSONAL, books};

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_filtered_paged_and_sorted_under_categories() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    let owner = &books.owner;
    let page = "query($after: String, $before: String, $first: Int, $last: Int) { transactions(first: $first, after: $after, last: $last, \
                before: $before) { edges { cursor node { id bookedOn } } \
                pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } }";
    let mut forward = Vec::new();
    let mut after = Value::Null;
    loop {
        let reply = owner
            .graphql(page, json!({ "first": 3, "after": after }))
            .await;
        let connection = &reply.data()["transactions"];
        let edges = connection["edges"]
            .as_array()
            .unwrap_or_else(|| panic!("{:?}", reply.body));
        forward.extend(edges.iter().map(|edge| edge["node"]["id"].clone()));
        after = connection["pageInfo"]["endCursor"].clone();
        if connection["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(forward.len(), BUSINESS + CARD + PERSONAL);
    let mut backward = Vec::new();
    let mut before = Value::Null;
    loop {
        let reply = owner
            .graphql(page, json!({ "last": 4, "before": before }))
            .await;
        let connection = &reply.data()["transactions"];
        let edges = connection["edges"]
            .as_array()
            .unwrap_or_else(|| panic!("{:?}", reply.body));
        backward.splice(0..0, edges.iter().map(|edge| edge["node"]["id"].clone()));
        before = connection["pageInfo"]["startCursor"].clone();
        if connection["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(forward, backward, "the list reads the same from both ends");

    let filtered = owner
        .graphql("{ transactions(filter: { direction: OUT, magnitude: LARGE }) { nodes { amount } totalCount } }", json!({}))
        .await;
    assert!(
        filtered.data()["transactions"]["totalCount"]
            .as_i64()
            .unwrap_or_default()
            >= 2
    );
    for node in filtered.data()["transactions"]["nodes"]
        .as_array()
        .expect("rows")
    {
        let amount = node["amount"].as_str().unwrap_or_default();
        assert!(amount.starts_with('-') && amount.len() == 8, "{amount}");
    }

    let made = owner
        .graphql(
            "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }",
            json!({}),
        )
        .await;
    let category = made.data()["createCategory"]["category"]["id"].clone();
    let sorted = owner
        .graphql(
            "mutation($t: ID!, $c: ID) { categorizeTransaction(input: { transactionId: $t, \
             categoryId: $c }) { transaction { category { name } } userErrors { code } } }",
            json!({ "t": books.business_transaction, "c": category }),
        )
        .await;
    let transaction = &sorted.data()["categorizeTransaction"]["transaction"];
    assert_eq!(transaction["category"]["name"], "Rent", "{:?}", sorted.body);
    // The accountant may sort what is not personal: a decision that only the row in hand settles.
    let by_accountant = |id: String| {
        let accountant = &books.accountant;
        async move {
            let query = "mutation($t: ID!) { categorizeTransaction(input: { transactionId: $t }) \
                         { transaction { id } userErrors { code } } }";
            accountant.graphql(query, json!({ "t": id })).await
        }
    };
    let own = by_accountant(books.business_transaction.clone()).await;
    let id = &own.data()["categorizeTransaction"]["transaction"]["id"];
    assert_eq!(id, &json!(books.business_transaction), "{:?}", own.body);
    let personal = by_accountant(books.personal_transaction.clone()).await;
    let code = personal.error_code();
    assert_eq!(code, Some("NOT_FOUND"), "{:?}", personal.body);
    let again = owner
        .graphql(
            "mutation($t: ID!, $c: ID) { categorizeTransaction(input: { transactionId: $t, \
             categoryId: $c }) { userErrors { code } } }",
            json!({ "t": books.business_transaction, "c": category }),
        )
        .await;
    assert_eq!(
        again.data()["categorizeTransaction"]["userErrors"],
        json!([])
    );
    let open = owner
        .graphql(
            "{ transactions(filter: { uncategorized: true }) { totalCount } }",
            json!({}),
        )
        .await;
    assert_eq!(
        open.data()["transactions"]["totalCount"],
        BUSINESS + CARD + PERSONAL - 1
    );
    let taken = owner
        .graphql(
            "mutation { createCategory(input: { name: \"rENT\" }) { userErrors { code } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        taken.data()["createCategory"]["userErrors"][0]["code"],
        "TAKEN"
    );
}

/// However many are asked for: one statement for each kind.
#[tokio::test(flavor = "multi_thread")]
async fn several_things_by_their_ids_are_one_statement_of_each_kind() {
    let tap = Tap::open().await;
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let app = TestApp::start_with(now, |toml| tap.configuration(&toml)).await;
    let books = books(&app).await;
    let owner = &books.owner;
    let lists = "{ transactions { nodes { id } } accounts { nodes { id } } tenant { id } }";
    let reply = owner.graphql(lists, json!({})).await;
    let ids = |list: &str| {
        let nodes = reply.data()[list]["nodes"].as_array().unwrap();
        nodes
            .iter()
            .map(|node| node["id"].clone())
            .collect::<Vec<_>>()
    };
    let (transactions, accounts) = (ids("transactions"), ids("accounts"));
    let tenant = reply.data()["tenant"]["id"].clone();
    let few = vec![
        transactions[1].clone(),
        accounts[0].clone(),
        tenant.clone(),
        transactions[0].clone(),
    ];
    let mut many = transactions;
    many.insert(1, tenant);
    many.splice(2..2, accounts);
    many.reverse();
    many.push(many[0].clone());
    let query =
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Transaction { account { id } } } }";
    let mut sent = Vec::new();
    for ids in [&few, &few, &many] {
        tap.sent().await;
        let reply = owner.graphql(query, json!({ "ids": ids })).await;
        let nodes = reply.data()["nodes"].as_array();
        let nodes = nodes.unwrap_or_else(|| panic!("{:?}", reply.body)).iter();
        let found: Vec<_> = nodes.map(|node| node["id"].clone()).collect();
        assert_eq!(&found, ids, "in the order asked for");
        sent.push(tap.sent().await);
    }
    // The first one prepares statements.
    assert!(sent[2].is_none() || sent[1] == sent[2], "{sent:#?}");
}
