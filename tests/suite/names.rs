//! One name through every layer, and the schema against the policies.

use std::collections::BTreeSet;

use countersign::app::MUTATIONS;
use countersign_domain::access::Scope;
use countersign_policies::Engine;

/// `Type.field` of every object type in the committed SDL, by a scanner of its own: the test must
/// not trust the code that it tests.
fn fields_of_sdl() -> BTreeSet<String> {
    let sdl = include_str!("../../api/schema.graphql");
    let mut fields = BTreeSet::new();
    let mut current: Option<String> = None;
    let (mut open, mut in_text) = (0_usize, false);
    for line in sdl.lines() {
        let line = line.trim();
        if line.starts_with("\"\"\"") {
            in_text = !in_text;
            continue;
        }
        if in_text {
            continue;
        }
        if let Some(rest) = line.strip_prefix("type ") {
            current = rest.split([' ', '{']).next().map(str::to_owned);
        } else if line == "}" {
            current = None;
        } else if let Some(name) = &current {
            let field = line.split(['(', ':']).next().unwrap_or_default();
            if open == 0 && !field.is_empty() {
                fields.insert(format!("{name}.{field}"));
            }
            open = open + line.matches('(').count() - line.matches(')').count();
        }
    }
    fields
}

#[test]
fn every_field_has_an_action_and_every_action_a_field() {
    let engine = Engine::embedded().expect("the policies load");
    let fields = fields_of_sdl();
    assert!(
        fields.len() > 100,
        "the scanner reads the SDL: {} fields",
        fields.len()
    );
    let actions: BTreeSet<String> = engine
        .actions()
        .map(|(_, name)| name.to_owned())
        .filter(|name| name.contains('.') && !name.starts_with("Capability."))
        .collect();
    let without_action: Vec<_> = fields.difference(&actions).collect();
    let without_field: Vec<_> = actions.difference(&fields).collect();
    assert!(
        without_action.is_empty(),
        "fields that no policy knows: {without_action:?}"
    );
    assert!(
        without_field.is_empty(),
        "actions that no field has: {without_field:?}"
    );
}

#[test]
fn the_committed_sdl_is_the_schema() {
    let engine = Engine::embedded().expect("the policies load");
    let sdl = countersign::graphql::sdl(&engine).expect("the schema builds");
    assert_eq!(
        sdl,
        include_str!("../../api/schema.graphql"),
        "run `cargo generate`"
    );
}

#[test]
fn every_mutation_has_one_name_in_every_layer() {
    let engine = Engine::embedded().expect("the policies load");
    let in_sdl: BTreeSet<String> = fields_of_sdl()
        .into_iter()
        .filter_map(|field| field.strip_prefix("Mutation.").map(str::to_owned))
        .collect();
    let named: BTreeSet<String> = MUTATIONS.iter().map(|name| name.field.to_owned()).collect();
    assert_eq!(in_sdl, named, "the table of mutations is the schema's");

    for name in MUTATIONS {
        // createApiToken -> (create, ApiToken)
        let split = name
            .field
            .find(|c: char| c.is_ascii_uppercase())
            .expect("verbNoun");
        let (verb, noun) = name.field.split_at(split);
        let noun = snake(noun);
        assert!(
            engine.action(&format!("Mutation.{}", name.field)).is_some(),
            "{}",
            name.field
        );
        let (event_noun, event_verb) = name.event.split_once('.').expect("noun.verb");
        assert_eq!(event_noun, noun, "audit event of {}", name.field);
        assert_eq!(event_verb, past(verb), "audit event of {}", name.field);
        let (scope_noun, scope_verb) = name.scope.name().split_once(':').expect("noun:verb");
        assert_eq!(scope_noun, plural(&noun), "scope of {}", name.field);
        assert_eq!(scope_verb, verb, "scope of {}", name.field);
        let file = format!(
            "{}/../api/src/app/{}.rs",
            env!("CARGO_MANIFEST_DIR"),
            plural(&noun)
        );
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        let function = format!("pub async fn {verb}(");
        assert!(
            source.contains(&function),
            "`{function}` in app/{}.rs",
            plural(&noun)
        );
    }

    let used: BTreeSet<Scope> = MUTATIONS.iter().map(|name| name.scope).collect();
    for scope in Scope::ALL {
        let reads = scope.name().ends_with(":read");
        assert!(
            reads || used.contains(scope),
            "scope `{scope}` belongs to no mutation"
        );
    }
}

fn snake(pascal: &str) -> String {
    let mut out = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn plural(noun: &str) -> String {
    match noun.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{noun}s"),
    }
}

fn past(verb: &str) -> String {
    if verb.ends_with('e') {
        format!("{verb}d")
    } else {
        format!("{verb}ed")
    }
}
