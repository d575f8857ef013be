//! The running product against the committed role matrix: every field of every list, for every role
//! and for tokens of every scope.

use std::collections::BTreeMap;

use countersign_domain::access::{Role, Scope};
use countersign_tests::{Browser, Reply, TestApp};
use serde_json::json;

use crate::{books::books, roles::role};

const MATRIX: &str = include_str!("../../policies/snapshots/roles.txt");
const SDL: &str = include_str!("../../api/schema.graphql");

/// `yes`, `row` or `no` by `Type.field`, for one kind of caller.
type Verdicts = BTreeMap<&'static str, &'static str>;

/// For each role.
fn of_roles() -> Vec<(Role, Verdicts)> {
    let mut lines = MATRIX.lines().skip_while(|line| !line.contains("owner "));
    let roles = lines.next().unwrap().split_whitespace();
    let mut columns: Vec<(Role, Verdicts)> = roles
        .map(|role| (role.parse().unwrap(), Verdicts::new()))
        .collect();
    for line in lines.take_while(|line| !line.is_empty()) {
        let mut cells = line.split_whitespace();
        let field = cells.next().unwrap();
        for ((_, column), cell) in columns.iter_mut().zip(cells) {
            column.insert(field, cell);
        }
    }
    columns
}

/// For a token with these scopes: what one of them permits, the token may.
fn of_token(scopes: &[Scope]) -> Verdicts {
    let (_, machines) = MATRIX
        .split_once("What a machine with this one scope may")
        .unwrap();
    let mut verdicts: Verdicts = of_roles()[0].1.keys().map(|field| (*field, "no")).collect();
    let mut counts = false;
    for line in machines.lines() {
        if let Some((verdict, field)) = line.trim_start().split_once(' ') {
            if counts && verdicts[field] != "yes" {
                verdicts.insert(field, verdict);
            }
        } else {
            counts = scopes.iter().any(|scope| scope.name() == line);
        }
    }
    verdicts
}

/// The fields of a type in the SDL, each as it is asked for.
fn selections(name: &str) -> BTreeMap<&'static str, String> {
    let heads = [
        format!("type {name} {{"),
        format!("type {name} implements "),
    ];
    let block = SDL
        .split("\n\n")
        .flat_map(|part| part.split("\n}\n"))
        .map(|part| part.trim_start_matches("\"\"\""))
        .find_map(|part| {
            let at = heads.iter().find_map(|head| part.find(head.as_str()))?;
            part[at..].split_once('\n').map(|(_, fields)| fields)
        })
        .unwrap_or_else(|| panic!("`{name}` in the SDL"));
    let fields = block.lines().filter_map(|line| {
        let line = line.strip_prefix('\t')?;
        let (field, rest) = line.split_once(": ")?;
        let plain = field.chars().all(char::is_alphanumeric);
        let kind = rest.split([' ', '!', ']']).next()?.trim_start_matches('[');
        let object = SDL.contains(&format!("type {kind} "));
        let more = if object { " { __typename }" } else { "" };
        plain.then(|| (field, format!("{field}{more}")))
    });
    fields.collect()
}

/// Asks for every field of every list, and holds the answers to the verdicts. Says how many were
/// denied and how many permitted.
async fn check<F: Future<Output = Reply>>(
    who: &str,
    verdicts: &Verdicts,
    ask: impl Fn(String) -> F,
) -> (usize, usize) {
    let (mut denied, mut permitted) = (0, 0);
    let lists = verdicts
        .keys()
        .filter_map(|row| row.strip_suffix("Connection.nodes"));
    for of in lists {
        let list = format!("{}{}s", of[..1].to_lowercase(), &of[1..]).replace("ys", "ies");
        // Under one name with the roles that every tenant has.
        let list = list.replace("customRoles", "roles");
        let fields = selections(of);
        let wanted: Vec<_> = fields.values().cloned().collect();
        let wanted = wanted.join(" ");
        let query = format!("{{ {list}(first: 200) {{ nodes {{ {wanted} }} }} }}");
        let reply = ask(query.clone()).await;
        let say = format!("{who}: {query}: {:?}", reply.body);
        // Who may not know that a row exists gets no list of them either.
        let id = format!("{of}.id");
        // What has no id is reached by its list alone.
        let exists = !fields.contains_key("id") || verdicts[id.as_str()] != "no";
        if verdicts[format!("Query.{list}").as_str()] == "no" || !exists {
            assert_eq!(reply.error_code(), Some("FORBIDDEN"), "{say}");
            denied += 1;
            continue;
        }
        let nodes = reply.data()[&list]["nodes"].as_array().cloned();
        let nodes = nodes.unwrap_or_else(|| panic!("{say}"));
        let redactions = reply.redactions().to_string();
        for field in fields.keys() {
            let named = redactions.contains(&format!("\"{list}.nodes.*.{field}\""));
            match verdicts[format!("{of}.{field}").as_str()] {
                "no" => {
                    let hidden = nodes.iter().all(|node| node[field].is_null());
                    assert!(hidden, "{field}: {say}");
                    assert!(named || nodes.is_empty(), "{field} is not named: {say}");
                    denied += 1;
                }
                "yes" => {
                    assert!(!named, "{field}: {say}");
                    permitted += 1;
                }
                _ => {}
            }
        }
    }
    (denied, permitted)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_served_what_the_matrix_says() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    fill(&books.owner).await;
    let (mut denied, mut permitted) = (0, 0);
    for (role, verdicts) in of_roles() {
        let name = format!("{role}.matrix");
        let person = &app.person(&books.tenant, role, &name).await;
        let ask = |query: String| async move { person.graphql(&query, json!({})).await };
        let found = check(&name, &verdicts, ask).await;
        denied += found.0;
        permitted += found.1;
    }
    assert!(denied > 15 && permitted > 200, "{denied} {permitted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_served_what_the_matrix_says() {
    let app = TestApp::start().await;
    let books = books(&app).await;
    fill(&books.owner).await;
    let (mut denied, mut permitted) = (0, 0);
    for scope in Scope::ALL {
        for scopes in [vec![*scope], vec![Scope::BasicRead, *scope]] {
            let token = &books.owner.token(&scopes).await;
            let ask = |query: String| async move { token.graphql(&query, json!({})).await };
            let found = check(&format!("{scopes:?}"), &of_token(&scopes), ask).await;
            denied += found.0;
            permitted += found.1;
        }
    }
    assert!(denied > 200 && permitted > 120, "{denied} {permitted}");
}

/// Something of each kind that the books do not have yet.
async fn fill(owner: &Browser) {
    let make = "mutation { createCategory(input: { name: \"Rent\" }) { category { id } } }";
    owner.graphql(make, json!({})).await;
    owner.token(&[Scope::BasicRead]).await;
    role(owner, "Trainee", Role::Worker, &["write.basic"]).await;
}
