//! Requests that are refused for what they are, and not by a policy.

use countersign_domain::audit::{Facts, Outcome};
use countersign_entities::EventDraft;
use countersign_policies::Resolved;

use crate::code::Code;

/// What a request is held to that says which tenant it is meant for.
pub const MEANT: &str = "tenant meant";
/// What is said where its credential works in another one.
pub const ELSEWHERE: &str = "it is meant for another tenant than its credential works in: switch back to that one, \
     or use a token of it";

/// The row of a request that was refused whole. `rule` is what it was held to, in words.
pub fn of_request(rule: &'static str, code: Code) -> EventDraft {
    EventDraft {
        action: "request.refused",
        permission: Resolved::beside_policies(rule),
        outcome: Outcome::Refused,
        targets: Vec::new(),
        payload: Facts::new().word("reason", code.name()).into(),
    }
}
