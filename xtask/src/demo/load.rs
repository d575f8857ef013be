//! Loads the books as partners and people would: through the product's own API.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use countersign_stand::books::{AccountBooks, TenantBooks, camt053, category, demo_books, months};
use serde_json::{Value, json};

use super::{Demo, http::Client, people::MACHINES, secrets::base64};
use crate::tools::say;

/// Of the transactions with a plain category, those that stay open for the visitor to sort.
const LEFT_OPEN: usize = 4;

/// Loads every tenant's books.
pub(crate) fn books(demo: &Demo) -> anyhow::Result<()> {
    for tenant in demo_books() {
        say(&format!("loading the books of {}", tenant.name));
        tenant_books(demo, &tenant).with_context(|| format!("the books of {}", tenant.name))?;
    }
    Ok(())
}

fn tenant_books(demo: &Demo, tenant: &TenantBooks) -> anyhow::Result<()> {
    let machine = MACHINES
        .iter()
        .find(|machine| machine.tenant == tenant.slug);
    let machine = machine.context("no machine is registered")?;
    let machine = Client::machine(demo, machine.client_id)?;
    let members = members(demo, &machine)?;
    for account in &tenant.accounts {
        let custodian = account.custodian_email.and_then(|email| members.get(email));
        // No machine makes or sees a personal account, so its owner enters it and imports the statements.
        let owner = match account.custodian_email {
            Some(email) if account.personal => Some(Client::person(demo, email, tenant.slug)?),
            _ => None,
        };
        let importer = owner.as_ref().unwrap_or(&machine);
        create_account(demo, importer, account, custodian)?;
        let mut imported = 0;
        for month in months() {
            imported += import(demo, importer, account, month)?;
        }
        say(&format!("    {:18} {imported} transactions", account.name));
    }
    categorize(demo, &machine, tenant)
}

fn members(demo: &Demo, machine: &Client) -> anyhow::Result<BTreeMap<String, String>> {
    let data = machine.graphql(
        demo,
        "{ members(first: 200) { nodes { id email } } }",
        &json!({}),
    )?;
    let nodes = data.pointer("/members/nodes").and_then(Value::as_array);
    let pair = |node: &Value| {
        let text = |name: &str| node.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((text("email")?, text("id")?))
    };
    Ok(nodes.into_iter().flatten().filter_map(pair).collect())
}

fn create_account(
    demo: &Demo,
    by: &Client,
    account: &AccountBooks,
    custodian: Option<&String>,
) -> anyhow::Result<()> {
    let input = json!({
        "name": account.name,
        "currency": account.currency,
        "number": account.number,
        "personal": account.personal,
        "custodianId": custodian,
    });
    let query = "mutation($input: CreateAccountInput!) { createAccount(input: $input) \
                 { userErrors { code message } } }";
    let data = by.graphql(demo, query, &json!({ "input": input }))?;
    // A load that was interrupted finds its accounts again.
    no_faults(&data, "/createAccount/userErrors", &["TAKEN"])
}

fn import(
    demo: &Demo,
    importer: &Client,
    account: &AccountBooks,
    month: countersign_stand::books::Month,
) -> anyhow::Result<u64> {
    let file = camt053(account, month);
    let name = format!("{}-{}-{:02}.xml", account.number, month.year, month.number);
    let input = json!({ "fileName": name, "content": base64(file.as_bytes()) });
    let query = "mutation($input: ImportStatementInput!) { importStatement(input: $input) \
                 { import { addedCount } userErrors { code message } } }";
    let data = importer.graphql(demo, query, &json!({ "input": input }))?;
    no_faults(&data, "/importStatement/userErrors", &[])?;
    let count = data
        .pointer("/importStatement/import/addedCount")
        .and_then(Value::as_u64);
    Ok(count.unwrap_or_default())
}

/// Sorts most of the newest transactions, by who was paid and for what.
fn categorize(demo: &Demo, machine: &Client, tenant: &TenantBooks) -> anyhow::Result<()> {
    let entries = tenant.accounts.iter().flat_map(|account| &account.entries);
    let names: BTreeSet<&str> = entries.filter_map(|entry| entry.category).collect();
    let create = "mutation($name: String!) { createCategory(input: { name: $name }) \
                  { userErrors { code message } } }";
    for name in names {
        let data = machine.graphql(demo, create, &json!({ "name": name }))?;
        no_faults(&data, "/createCategory/userErrors", &["TAKEN"])?;
    }
    let query = "{ categories(first: 200) { nodes { id name } } transactions(first: 200) \
                 { nodes { id counterparty description } } }";
    let data = machine.graphql(demo, query, &json!({}))?;
    let nodes = |path: &str| {
        data.pointer(path)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let text = |node: &Value, name: &str| {
        node.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let categories = nodes("/categories/nodes");
    let categories: BTreeMap<String, String> = categories
        .iter()
        .map(|node| (text(node, "name"), text(node, "id")))
        .collect();
    let sort = "mutation($t: ID!, $c: ID) { categorizeTransaction(input: { transactionId: $t, \
                categoryId: $c }) { userErrors { code message } } }";
    for (i, node) in nodes("/transactions/nodes").iter().enumerate() {
        let name = category(&text(node, "counterparty"), &text(node, "description"));
        let Some(id) = name.and_then(|name| categories.get(name)) else {
            continue;
        };
        if i % LEFT_OPEN != 0 {
            let data = machine.graphql(demo, sort, &json!({ "t": text(node, "id"), "c": id }))?;
            no_faults(&data, "/categorizeTransaction/userErrors", &[])?;
        }
    }
    Ok(())
}

/// Fails where a mutation found faults in the input, but for those.
pub(crate) fn no_faults(data: &Value, path: &str, but: &[&str]) -> anyhow::Result<()> {
    let faults = data
        .pointer(path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let grave: Vec<_> = faults
        .filter(|fault| {
            let code = fault
                .get("code")
                .and_then(Value::as_str)
                .unwrap_or_default();
            !but.contains(&code)
        })
        .collect();
    ensure!(grave.is_empty(), "{grave:?}");
    Ok(())
}
