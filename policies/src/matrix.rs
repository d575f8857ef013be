//! Who may what, as a table that is reviewed like source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use countersign_domain::{
    access::{Role, Scope},
    principal::Actor,
};

use crate::{
    Decision, Engine,
    effects::{self, WHO},
};

/// The width of the column of actions.
const NAME_WIDTH: usize = 38;

impl Engine {
    /// Every action against every role, and against a machine with each one scope: `yes`, `no`, or
    /// `row` where the row decides, with the conditions on rows.
    pub fn role_matrix(&self) -> String {
        let mut text = String::from(
            "Generated from the policies by `cargo generate`; reviewed like source.\n\
             yes: on every row of the tenant; row: the row decides; no: never.\n\n",
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
