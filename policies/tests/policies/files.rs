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
fn every_file_is_loaded() {
    let loader = text("src/load.rs");
    for file in support::policy_files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(
            loader.contains(&format!("../cedar/{name}")),
            "{name} is not loaded"
        );
    }
}

/// The numbered sentences of the README, by file, without the policies that they name.
fn rules_of_readme() -> Vec<(String, u32, String)> {
    let readme = text("README.md");
    let (_, rules) = readme.split_once("## The rules in words").unwrap();
    let (rules, _) = rules.split_once("\n## ").unwrap();
    let mut found: Vec<(String, u32, String)> = Vec::new();
    let mut file = String::new();
    for line in rules.lines() {
        if let Some(name) = line
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix("`:"))
        {
            name.clone_into(&mut file);
        } else if let Some((number, sentence)) = line.split_once(". ")
            && let Ok(number) = number.parse()
        {
            found.push((file.clone(), number, sentence.to_owned()));
        } else if let (Some(rest), Some((_, _, sentence))) =
            (line.strip_prefix("   "), found.last_mut())
        {
            sentence.push(' ');
            sentence.push_str(rest.trim());
        }
    }
    found
}

#[test]
fn every_policy_stands_under_the_sentence_that_it_implements() {
    let (mut sentences, mut numbers) = (Vec::new(), Vec::new());
    for (file, number, sentence) in rules_of_readme() {
        let text = text(&format!("cedar/{file}"));
        let (words, ids) = sentence.rsplit_once(" (").unwrap();
        let heading = format!("// Rule {number}. {words}\n");
        let (_, below) = text
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{file} has no `{heading}`"));
        let below = below.split("// Rule ").next().unwrap();
        let set: PolicySet = below.parse().unwrap();
        let mut named: Vec<String> = Vec::new();
        for policy in set.policies() {
            let id = policy.annotation("id").unwrap();
            assert_eq!(
                policy.annotation("rule"),
                Some(&*number.to_string()),
                "{id}"
            );
            let control = policy.annotation("control").unwrap_or_default();
            let (group, digits) = control.split_once('-').unwrap_or_default();
            let is_control = group.len() == 3
                && group.bytes().all(|byte| byte.is_ascii_uppercase())
                && digits.parse::<u8>().is_ok();
            assert!(is_control, "{id} names the control `{control}`");
            named.push(format!("`{id}`"));
        }
        named.sort();
        let mut told: Vec<&str> = ids.trim_end_matches(')').split(", ").collect();
        told.sort_unstable();
        assert_eq!(told, named, "rule {number} of README.md");
        numbers.push(number);
        sentences.push(heading);
    }
    let last = u32::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    let headings = support::policy_files()
        .iter()
        .map(|file| {
            std::fs::read_to_string(file)
                .unwrap()
                .matches("// Rule ")
                .count()
        })
        .sum::<usize>();
    assert_eq!(
        headings,
        sentences.len(),
        "a heading that README.md has not"
    );
}
