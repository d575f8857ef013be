//! What a request would cost and be decided to, without running it.

use async_graphql::{Name, Value, indexmap::IndexMap};

use super::{
    answer::{Data, Response},
    limits::Limits,
    operation::Operation,
    plan::{Measure, Plan},
    viewer::verdict,
};

/// Puts it under `extensions.dryRun`: the cost and its limit, the rows that each list is taken to
/// have, and the decision of every field. Rules are named to those who may know them.
pub(super) fn describe(
    operation: &Operation,
    plan: &Plan,
    measure: &Measure,
    limits: &Limits,
) -> Response {
    let pages = measure.pages.iter().map(|(field, rows)| {
        object([
            ("field", Value::from(field.as_str())),
            ("rows", Value::from(*rows)),
        ])
    });
    let engine = &operation.services.engine;
    let fields = plan.actions.iter().map(|action| {
        let (outcome, rules) = verdict(operation.decisions.get(*action));
        let rules = rules.into_iter().map(Value::from).collect();
        let rules = operation.reveal_rules.then_some(Value::List(rules));
        object([
            ("field", Value::from(engine.action_name(*action))),
            ("verdict", Value::from(outcome)),
            ("rules", rules.unwrap_or_default()),
        ])
    });
    let cost = object([
        ("requested", Value::from(measure.cost)),
        ("limit", Value::from(limits.cost_max)),
    ]);
    let described = object([
        ("cost", cost),
        ("pages", Value::List(pages.collect())),
        ("fields", Value::List(fields.collect())),
    ]);
    Response {
        data: Some(Data::null()),
        errors: Vec::new(),
        timing: None,
        extensions: [("dryRun", described)].into(),
        deprecation: plan.deprecation,
    }
}

fn object<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    let entries = entries.map(|(name, value)| (Name::new(name), value));
    Value::Object(IndexMap::from(entries))
}
