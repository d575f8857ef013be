//! Transactions: filters, pages, categories.

use countersign_tests::TestApp;
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
