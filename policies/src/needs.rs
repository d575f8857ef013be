//! What a condition that fails asks for, in words.

use cedar_policy::{
    Policy,
    pst::{BinaryOp, Clause, Expr, Literal, Var},
};

/// A row whose custodian it is about.
const OWN_CARE: &str = "a row in their own care";
/// A row of which it is only said that it has a custodian.
const IN_CARE: &str = "a row in somebody's care";

/// What would meet all of these policies, of one condition each: `the role owner or accountant, or
/// the capability read.financial`. `None` where there are no words for it.
pub(crate) fn needs(failing: &[Policy]) -> Option<String> {
    let mut said = Vec::new();
    for policy in failing {
        let words = of(policy)?;
        if !said.contains(&words) {
            said.push(words);
        }
    }
    // In whose care goes without saying that it is in somebody's.
    if said.iter().any(|words| words == OWN_CARE) {
        said.retain(|words| words != IN_CARE);
    }
    (!said.is_empty()).then(|| said.join(", and "))
}

fn of(policy: &Policy) -> Option<String> {
    let pst = policy.to_pst().ok()?;
    match pst.body().clauses().iter().collect::<Vec<_>>().as_slice() {
        [Clause::When(condition)] => say(condition),
        _ => None,
    }
}

fn say(condition: &Expr) -> Option<String> {
    match condition {
        Expr::BinaryOp { op, left, right } => match op {
            BinaryOp::Or => Some(format!("{}, or {}", say(left)?, say(right)?)),
            BinaryOp::And => Some(format!("{}, and {}", say(left)?, say(right)?)),
            BinaryOp::In if matches!(**left, Expr::Var(Var::Principal)) => {
                Some(format!("the role {}", either(&names("Role", right)?)))
            }
            BinaryOp::Contains => {
                let (set, kind) = match attribute(left, &Var::Principal)? {
                    "capabilities" => ("Capability", "capability"),
                    "scopes" => ("Scope", "scope"),
                    _ => return None,
                };
                Some(format!("the {kind} {}", either(&names(set, right)?)))
            }
            BinaryOp::Eq if matches!(**right, Expr::Var(Var::Principal)) => {
                (attribute(left, &Var::Resource)? == "custodian").then(|| OWN_CARE.to_owned())
            }
            _ => None,
        },
        Expr::HasAttr { expr, attrs } if matches!(**expr, Expr::Var(Var::Resource)) => {
            match attrs.first().as_str() {
                "custodian" => Some(IN_CARE.to_owned()),
                "personal" => Some("a row of the household".to_owned()),
                _ => None,
            }
        }
        Expr::GetAttr { .. } => (attribute(condition, &Var::Resource)? == "personal")
            .then(|| "a row of the household".to_owned()),
        _ => None,
    }
}

/// The name of an attribute of `of`.
fn attribute<'e>(expression: &'e Expr, of: &Var) -> Option<&'e str> {
    match expression {
        Expr::GetAttr { expr, attr } if matches!(&**expr, Expr::Var(var) if var == of) => {
            Some(attr)
        }
        _ => None,
    }
}

/// The members of a closed set: one, or several in brackets.
fn names(set: &str, expression: &Expr) -> Option<Vec<String>> {
    match expression {
        Expr::Literal(Literal::EntityUID(uid)) => {
            (uid.ty.0.id.as_str() == set).then(|| vec![uid.eid.to_string()])
        }
        Expr::Set(members) => {
            let members = members.iter().map(|member| names(set, member));
            Some(members.collect::<Option<Vec<_>>>()?.concat())
        }
        _ => None,
    }
}

fn either(names: &[String]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        names => names.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(condition: &str) -> Policy {
        let text = format!("permit (principal, action, resource) {condition};");
        Policy::parse(None, text).unwrap()
    }

    fn of(condition: &str) -> Option<String> {
        needs(&[policy(condition)])
    }

    #[test]
    fn what_fails_together_is_said_once() {
        let [has, own, open] = [
            "when { resource has custodian }",
            "when { resource.custodian == principal }",
            "when { resource.personal }",
        ]
        .map(policy);
        assert_eq!(needs(&[has.clone(), own.clone()]).unwrap(), OWN_CARE);
        assert_eq!(needs(&[has]).unwrap(), IN_CARE);
        let both = needs(&[open.clone(), open, own]).unwrap();
        assert_eq!(both, "a row of the household, and a row in their own care");
        assert_eq!(needs(&[]), None);
    }

    #[test]
    fn roles_capabilities_scopes_and_rows_have_words() {
        let role = r#"when { principal in [Countersign::Role::"owner", Countersign::Role::"admin"]
            || principal.capabilities.contains(Countersign::Capability::"read.financial") }"#;
        assert_eq!(
            of(role).unwrap(),
            "the role owner or admin, or the capability read.financial"
        );
        let one = r#"when { principal in Countersign::Role::"family" && resource.personal }"#;
        assert_eq!(
            of(one).unwrap(),
            "the role family, and a row of the household"
        );
        let scope = r#"when { principal.scopes.contains(Countersign::Scope::"pii:read") }"#;
        assert_eq!(of(scope).unwrap(), "the scope pii:read");
        let care = "when { resource.custodian == principal }";
        assert_eq!(of(care).unwrap(), "a row in their own care");
    }

    #[test]
    fn what_has_no_words_is_left_to_its_text() {
        for condition in [
            "",
            "unless { resource.personal }",
            "when { context.tenantSuspended }",
            "when { resource.custodian == resource }",
            "when { principal.scopes == [] }",
        ] {
            assert_eq!(of(condition), None, "{condition}");
        }
    }
}
