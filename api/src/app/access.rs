//! Who may, and why: of whoever asks, and of the tenant's members, tokens and machines.
//!
//! Whether somebody may be asked about is decided before by the field that asks. What is found here
//! is found in the asker's own scope, so that nobody learns of a row, a member or a token that they
//! may not read.

use chrono::{DateTime, Utc};
use countersign_entities::{ApiToken, Member, RegisteredMachine, RequestContext};
use countersign_policies::effects::Somebody;

/// Whoever asks.
pub fn viewer(context: &RequestContext) -> Somebody {
    Somebody::of(context.actor())
}

/// A member, as if a second factor had been given: what is asked is what they may at the most.
pub fn member(context: &RequestContext, member: &Member) -> Somebody {
    Somebody::person(member.role, member.capabilities.clone())
        .as_user(member.user)
        .in_tenant(context.tenant())
        .of_suspended(context.actor().tenant_suspended)
}

/// A token; `None` where it has ended, and may nothing.
pub fn token(context: &RequestContext, token: &ApiToken) -> Option<Somebody> {
    is_live(token, context.now()).then(|| {
        Somebody::machine(token.scopes.clone())
            .in_tenant(context.tenant())
            .of_suspended(context.actor().tenant_suspended)
    })
}

/// A client of the provider, with all that it is registered with; `None` where it is let in no more.
pub fn machine(context: &RequestContext, machine: &RegisteredMachine) -> Option<Somebody> {
    (!machine.is_disabled).then(|| {
        Somebody::machine(machine.scopes.clone())
            .in_tenant(context.tenant())
            .of_suspended(context.actor().tenant_suspended)
    })
}

fn is_live(token: &ApiToken, now: DateTime<Utc>) -> bool {
    token.revoked_at.is_none() && token.expires_at > now
}
