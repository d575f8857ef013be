//! The files of the policies against the rest of the repository.

use std::collections::BTreeSet;

use crate::support::{self, text};
use cedar_policy::PolicySet;
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use countersign_domain::access::{Capability, Role, Scope};

/// `Type.field` of every object type, by a scan of the SDL's words.
fn fields(sdl: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    for (index, part) in sdl.split('"').enumerate() {
        if index % 2 == 0 {
            plain.push_str(part);
        }
    }
    for sign in ["{", "}", "(", ")", ":", "="] {
        plain = plain.replace(sign, &format!(" {sign} "));
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let mut found = BTreeSet::new();
    let mut object = None;
    let mut is_open = false;
    let mut arguments = 0_u32;
    for (index, word) in words.iter().enumerate() {
        match *word {
            "type" if !is_open => object = words.get(index + 1).copied(),
            "interface" | "input" | "enum" | "scalar" | "schema" | "union" if !is_open => {
                object = None;
            }
            "{" => is_open = true,
            "}" => is_open = false,
            "(" => arguments += 1,
            ")" => arguments -= 1,
            name if is_open && arguments == 0 && !name.starts_with('@') => {
                let starts = matches!(words.get(index + 1), Some(&(":" | "(")));
                let is_type = words.get(index.wrapping_sub(1)) == Some(&":");
                if let (Some(object), true, false) = (object, starts, is_type) {
                    found.insert(format!("{object}.{name}"));
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn scan_reads_fields_and_nothing_else() {
    let sdl = r#""A type X { y: Z }" scalar D  type A implements N { "b: is" id: ID! list(a: Int, b: [C!] = 1): [D!]! }
        input I { x: Int } enum E { P Q } type B { c: Int @deprecated(reason: "x") }"#;
    let expected = ["A.id", "A.list", "B.c"].map(str::to_owned);
    assert_eq!(fields(sdl), expected.into());
}

#[test]
fn every_field_is_an_action_and_every_action_a_field() {
    let engine = support::engine();
    let fields = fields(&text("../api/schema.graphql"));
    assert!(fields.len() > 150, "{}", fields.len());
    let actions: BTreeSet<String> = engine
        .actions()
        .map(|(_, name)| name.to_owned())
        .filter(|name| !name.starts_with("Capability."))
        .collect();
    let unclassified: Vec<_> = fields.difference(&actions).collect();
    let idle: Vec<_> = actions.difference(&fields).collect();
    assert!(
        unclassified.is_empty(),
        "fields without an action: {unclassified:?}"
    );
    assert!(idle.is_empty(), "actions without a field: {idle:?}");
}

#[test]
fn role_matrix_is_the_one_that_was_reviewed() {
    let engine = support::engine();
    for (name, matrix) in [
        ("roles.txt", engine.role_matrix()),
        ("roles.json", engine.role_matrix_json()),
        ("roles.html", engine.role_matrix_html()),
    ] {
        let kept = text(&format!("snapshots/{name}"));
        assert!(
            kept == matrix,
            "the policies come to something else: run `cargo run -p countersign-policies --example \
             regenerate` and review the difference of {name}\n{matrix}"
        );
    }
}

#[test]
fn policies_are_laid_out_alike() {
    let layout = Config {
        line_width: 100,
        indent_width: 2,
    };
    for file in support::policy_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let pretty = policies_str_to_pretty(&text, &layout).unwrap();
        assert_eq!(
            text,
            pretty,
            "{}: run the example `regenerate`",
            file.display()
        );
    }
}

#[test]
fn closed_sets_are_those_of_the_domain() {
    let schema = text("cedar/schema.cedarschema");
    let declared = |kind: &str| -> Vec<String> {
        let (_, rest) = schema.split_once(&format!("entity {kind} enum [")).unwrap();
        let (names, _) = rest.split_once(']').unwrap();
        names
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        declared("Role"),
        Role::ALL.iter().map(|r| r.name()).collect::<Vec<_>>()
    );
    assert_eq!(
        declared("Capability"),
        Capability::ALL.iter().map(|c| c.name()).collect::<Vec<_>>()
    );
    assert_eq!(
        declared("Scope"),
        Scope::ALL.iter().map(|s| s.name()).collect::<Vec<_>>()
    );
}

#[test]
fn every_file_is_loaded_and_every_ceiling_is_in_one() {
    let loader = text("src/load.rs");
    for file in support::policy_files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            loader.contains(&format!("../cedar/{name}")),
            "{name} is not loaded"
        );
        let set: PolicySet = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        for policy in set.policies() {
            let is_forbid = policy.effect() == cedar_policy::Effect::Forbid;
            assert_eq!(
                is_forbid,
                name == "00_ceilings.cedar",
                "{:?}",
                policy.annotation("id")
            );
        }
    }
}
