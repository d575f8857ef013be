//! Who may what, as a table that is reviewed like source.

mod html;
mod json;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use countersign_domain::{
    access::{Role, Scope},
    principal::Actor,
};

use self::table::Table;
use crate::{
    Decision, Engine,
    effects::{self, WHO},
};

/// The width of the column of actions.
const NAME_WIDTH: usize = 38;

impl Engine {
    /// The same for programs, with the conditions on rows in words.
    pub fn role_matrix_json(&self) -> String {
        json::write(&Table::of(self))
    }

    /// The same as a page that stands alone.
    pub fn role_matrix_html(&self) -> String {
        html::write(&Table::of(self))
    }

    /// Every action against every role, and against a machine with each one scope: `yes`, `no`, or
    /// `row` where the row decides, with the conditions on rows.
    pub fn role_matrix(&self) -> String {
        let mut text = String::from(
            "Generated from the policies by `cargo generate`; reviewed like source.\n\
             yes: on every row of the tenant; row: the row decides; no: never. People have given a second factor.\n\n",
        );
        let people: Vec<(&str, Actor)> = Role::ALL
            .iter()
            .map(|role| (role.name(), effects::person(*role, BTreeSet::new())))
            .collect();
        self.table(&mut text, &people);
        text.push_str("\nWhere the row decides, beside its being of the tenant:\n");
        self.conditions(&mut text, &people);
        text.push_str("\nA machine without a scope, beside the frame of answers:\n\n");
        let all: Vec<_> = self.actions().collect();
        let ids: Vec<_> = all.iter().map(|(id, _)| *id).collect();
        let without = self.decide(&effects::machine(BTreeSet::new()), &ids);
        let is_closed = |decision: &Decision| matches!(decision, Decision::Deny(_));
        let open = all
            .iter()
            .filter(|(id, _)| !is_closed(without.get(*id)) && !self.is_in_group(*id, "structure"));
        for (id, name) in open {
            let _ = writeln!(text, "  {:<4}{name}", cell(without.get(*id)));
        }
        text.push_str("\nWhat a machine with this one scope may beside that:\n\n");
        for scope in Scope::ALL {
            let actor = effects::machine(BTreeSet::from([*scope]));
            let decisions = self.decide(&actor, &ids);
            let open = all
                .iter()
                .filter(|(id, _)| !is_closed(decisions.get(*id)) && is_closed(without.get(*id)));
            let _ = writeln!(text, "{}", scope.name());
            for (id, name) in open {
                let _ = writeln!(text, "  {:<4}{name}", cell(decisions.get(*id)));
            }
        }
        text
    }

    fn conditions(&self, text: &mut String, actors: &[(&str, Actor)]) {
        let ids: Vec<_> = self.actions().map(|(id, _)| id).collect();
        for (who, actor) in actors {
            let decisions = self.decide(actor, &ids);
            let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (id, name) in self.actions() {
                if let Decision::Row(rule) = decisions.get(id) {
                    let condition = rule.predicate().to_string();
                    let condition = condition.replace(&WHO.to_string(), "themselves");
                    alike.entry(condition).or_default().push(name);
                }
            }
            for (condition, names) in alike {
                let _ = writeln!(text, "\n{who} if {condition}");
                for name in names {
                    let _ = writeln!(text, "  {name}");
                }
            }
        }
    }

    fn table(&self, text: &mut String, actors: &[(&str, Actor)]) {
        let actions: Vec<_> = self.actions().collect();
        let ids: Vec<_> = actions.iter().map(|(id, _)| *id).collect();
        let decided: Vec<_> = actors
            .iter()
            .map(|(_, actor)| self.decide(actor, &ids))
            .collect();
        let _ = write!(text, "{:NAME_WIDTH$}", "");
        for (name, _) in actors {
            let _ = write!(text, " {name:>10}");
        }
        text.push('\n');
        for (id, name) in actions {
            let _ = write!(text, "{name:NAME_WIDTH$}");
            for decisions in &decided {
                let _ = write!(text, " {:>10}", cell(decisions.get(id)));
            }
            text.push('\n');
        }
    }
}

const fn cell(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "yes",
        Decision::Row(_) => "row",
        Decision::Deny(_) => "no",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_forms_of_the_matrix_say_the_same() {
        let engine = Engine::embedded().unwrap();
        let json: Value = serde_json::from_str(&engine.role_matrix_json()).unwrap();
        let actions = json["actions"].as_array().unwrap();
        let text = engine.role_matrix();
        let html = engine.role_matrix_html();
        let roles = Role::ALL.iter().map(|role| role.name());
        let roles: Vec<_> = roles.collect();
        let mut seen = BTreeSet::new();
        for action in actions {
            let name = action["action"].as_str().unwrap();
            let line = text
                .lines()
                .find(|line| line.split_whitespace().next() == Some(name));
            let said: Vec<_> = line.unwrap().split_whitespace().skip(1).collect();
            let (_, after) = html
                .split_once(&format!("<th scope=\"row\">{name}</th>"))
                .unwrap();
            let cells = after.lines().next().unwrap().split("<td class=\"").skip(1);
            let shown: Vec<_> = cells
                .map(|cell| cell.split(['"', ' ']).next().unwrap())
                .collect();
            for (i, role) in roles.iter().enumerate() {
                let cell = &action["human"][*role];
                let verdict = match cell.as_str() {
                    Some("allow") => "yes",
                    Some("deny") => "no",
                    _ => "row",
                };
                assert_eq!((said[i], shown[i]), (verdict, verdict), "{name} {role}");
                seen.insert(verdict);
                if let Some(words) = cell["row"].as_str() {
                    assert!(
                        html.contains(&format!("on rows that are {words}<")),
                        "{words}"
                    );
                }
            }
            let machines = action["machine"].as_object().unwrap();
            assert_eq!(machines.len(), Scope::ALL.len() + 1);
        }
        assert_eq!(actions.len(), engine.actions().count());
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn the_page_runs_nothing_and_fetches_nothing() {
        let html = Engine::embedded().unwrap().role_matrix_html();
        for word in [
            "<script", "src=", "href=", "url(", "@import", "http:", "https:", "?</abbr>",
        ] {
            assert!(!html.contains(word), "{word}");
        }
        assert!(html.contains("default-src 'none'"));
    }
}
