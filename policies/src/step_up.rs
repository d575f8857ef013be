//! Whether a second factor is all that is missing.

use countersign_domain::principal::{Actor, Principal};

use crate::{ActionId, Decision, Engine};

impl Engine {
    /// Whether a person is refused an action that the policies would let them do, on some row, had they given
    /// a second factor. Never of a machine: it has none to give.
    pub fn wants_second_factor(&self, actor: &Actor, action: ActionId) -> bool {
        let is_refused =
            |actor| matches!(self.decide(actor, &[action]).get(action), Decision::Deny(_));
        let mut with = actor.clone();
        match &mut with.principal {
            Principal::Human(human) => human.mfa = true,
            Principal::Machine(_) => return false,
        }
        is_refused(actor) && !is_refused(&with)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_domain::access::{Role, Scope};

    use super::*;
    use crate::effects::{machine, person};

    #[test]
    fn it_is_wanted_of_those_alone_whom_it_would_help() {
        let engine = Engine::embedded().unwrap();
        let export = engine.action("Capability.exportAudit").unwrap();
        let of = |role: Role, mfa: bool| {
            let mut actor = person(role, BTreeSet::new());
            if let Principal::Human(human) = &mut actor.principal {
                human.mfa = mfa;
            }
            actor
        };
        for role in Role::ALL {
            let helps = matches!(role, Role::Owner | Role::Auditor);
            let without = engine.wants_second_factor(&of(*role, false), export);
            assert_eq!(without, helps, "{role}");
            assert!(!engine.wants_second_factor(&of(*role, true), export));
        }
        let machine = machine(Scope::ALL.iter().copied().collect());
        assert!(!engine.wants_second_factor(&machine, export));
    }
}
