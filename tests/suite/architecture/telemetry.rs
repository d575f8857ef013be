//! What events and spans say of themselves stands in the lists of what may leave, and nothing else does: a
//! field that is in no list is dropped without a word, and the operator looks for it in vain.

use std::collections::BTreeSet;

use super::{product, sources};

const EVENTS: [&str; 6] = ["trace!", "debug!", "info!", "warn!", "error!", "event!"];
const SPANS: [&str; 6] = [
    "trace_span!",
    "debug_span!",
    "info_span!",
    "warn_span!",
    "error_span!",
    "span!",
];

/// The texts of a list that a source has as a constant.
fn list(file: &str, name: &str) -> BTreeSet<String> {
    let (_, text) = sources("api/src/telemetry")
        .into_iter()
        .find(|(path, _)| path.ends_with(file))
        .expect("the file of the list");
    let (_, list) = text.split_once(&format!("const {name}: ")).expect(name);
    let (list, _) = list.split_once("];").expect("its end");
    let texts = list.split('"').skip(1).step_by(2);
    texts.map(str::to_owned).collect()
}

/// What stands between the parentheses that `text` begins with, at each comma that is in no others.
fn arguments(text: &str) -> Vec<String> {
    let (mut found, mut depth, mut is_text, mut is_escaped) =
        (vec![String::new()], 0, false, false);
    for c in text.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ if is_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        found.last_mut().expect("one").push(c);
    }
    let found = found.iter().map(|one| one.trim_start_matches('(').trim());
    found.map(str::to_owned).collect()
}

/// The names of the fields of the calls of one of `macros` in a source.
fn fields(text: &str, macros: &[&str], is_span: bool) -> Vec<String> {
    let code = product(text).lines().map(str::trim_start);
    let code: Vec<_> = code.filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for (name, (at, _)) in macros
        .iter()
        .flat_map(|name| code.match_indices(name).map(move |hit| (name, hit)))
    {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        for argument in arguments(&code[at + name.len()..]) {
            if argument.starts_with('"') {
                if is_span {
                    continue;
                }
                // What follows an event's text is written into it.
                break;
            }
            let field = argument.split([' ', '=']).next().unwrap_or_default();
            let field = field.trim_start_matches(['%', '?']);
            if !field.is_empty() && !field.ends_with(':') {
                found.push(field.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_field_of_an_event_is_written_and_every_field_that_may_be_is_used() {
    let lines = list("lines.rs", "FIELDS");
    let traces = list("traces.rs", "ATTRIBUTES");
    // The text of an event is a field of that name.
    let mut in_events = BTreeSet::from(["message".to_owned()]);
    let mut in_spans = BTreeSet::new();
    for floor in ["api", "domain", "entities", "migrations", "policies"] {
        for (name, text) in sources(&format!("{floor}/src")) {
            if name.ends_with("/tests.rs") {
                continue;
            }
            for field in fields(&text, &EVENTS, false) {
                assert!(
                    lines.contains(&field),
                    "`{field}` of an event in {name} is not among FIELDS: nobody reads it"
                );
                in_events.insert(field);
            }
            for field in fields(&text, &SPANS, true) {
                // How a span is shown, which the layer of traces takes for itself.
                let is_known = field.starts_with("otel.") || traces.contains(&field);
                assert!(
                    is_known || lines.contains(&field),
                    "`{field}` of a span in {name} is neither among ATTRIBUTES nor among FIELDS"
                );
                in_spans.insert(field);
            }
        }
    }
    let unused: Vec<_> = lines
        .iter()
        .filter(|name| !in_events.contains(*name) && !in_spans.contains(*name))
        .collect();
    assert!(unused.is_empty(), "no event says {unused:?}");
    let unused: Vec<_> = traces.difference(&in_spans).collect();
    assert!(unused.is_empty(), "no span says {unused:?}");
}

#[test]
fn fields_are_found_however_a_call_is_written() {
    let text = r#"
        tracing::warn!(
            error = &error as &dyn Error,
            cause = told(a, "b, c = d"),
            %tenant, ?why, plain,
            "it {} failed, {x}", left,
        );
        // tracing::info!(commented, "not");
        warn!(target: "own", bare = 1, "said");
        my_warn!(other, "not one");
        let span = tracing::debug_span!("name", rows = Empty, otel.kind = "client");
    "#;
    let found = fields(text, &EVENTS, false);
    assert_eq!(found, ["error", "cause", "tenant", "why", "plain", "bare"]);
    assert_eq!(fields(text, &SPANS, true), ["rows", "otel.kind"]);
}
