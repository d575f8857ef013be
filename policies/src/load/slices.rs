//! Which policies can concern what.

use std::collections::HashMap;

use cedar_policy::{Effect, EntityTypeName, Policy, PolicySet, Schema};
use smol_str::SmolStr;

use super::{Kind, Sight, chain};
use crate::{action::Actions, error::PolicyError};

/// Policies that can concern one kind of principal, one action and its resource.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) kind: Kind,
    /// The type of its resource, without its namespace.
    pub(crate) resource: String,
    pub(crate) policies: PolicySet,
    /// The same one by one, by their ids.
    pub(crate) members: Vec<Member>,
    pub(crate) permits: Vec<SmolStr>,
}

/// A policy of a slice.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) rule: SmolStr,
    pub(crate) effect: Effect,
    pub(crate) sight: Sight,
}

type Slices = (Vec<Slice>, HashMap<Kind, Vec<usize>>);

pub(super) fn slices(
    schema: &Schema,
    policies: &PolicySet,
    actions: &Actions,
) -> Result<Slices, PolicyError> {
    let mut ids: HashMap<(Kind, String), Vec<&Policy>> = HashMap::new();
    for policy in policies.policies() {
        for environment in policy.get_valid_request_envs(schema) {
            let kind = kind_of(environment.principal());
            let action = environment.action().id().unescaped().to_owned();
            let Some(kind) = kind else { continue };
            ids.entry((kind, action)).or_default().push(policy);
        }
    }
    let mut slices = Vec::new();
    let mut known: HashMap<(Kind, String, Vec<String>), usize> = HashMap::new();
    let mut slice_of: HashMap<Kind, Vec<usize>> = HashMap::new();
    for kind in Kind::ALL {
        for action in &actions.all {
            let mut members = ids
                .remove(&(kind, action.name.to_string()))
                .unwrap_or_default();
            members.sort_by_key(|policy| policy.id().to_string());
            members.dedup_by_key(|policy| policy.id().to_string());
            let names: Vec<String> = members
                .iter()
                .map(|policy| policy.id().to_string())
                .collect();
            let key = (kind, action.resource.clone(), names);
            let index = if let Some(index) = known.get(&key) {
                *index
            } else {
                slices.push(slice(kind, &action.resource, members)?);
                known.insert(key, slices.len().saturating_sub(1));
                slices.len().saturating_sub(1)
            };
            slice_of.entry(kind).or_default().push(index);
        }
    }
    Ok((slices, slice_of))
}

fn slice(kind: Kind, resource: &str, policies: Vec<&Policy>) -> Result<Slice, PolicyError> {
    let members = policies.iter().map(|policy| {
        Ok(Member {
            rule: SmolStr::new(policy.id()),
            effect: policy.effect(),
            sight: Sight::of(policy)?,
        })
    });
    let members: Vec<Member> = members.collect::<Result<_, PolicyError>>()?;
    let permits = members.iter();
    let permits = permits.filter(|member| member.effect == Effect::Permit);
    let permits = permits.map(|member| member.rule.clone()).collect();
    let policies = PolicySet::from_policies(policies.into_iter().cloned())
        .map_err(|error| PolicyError::Id(chain(&error)))?;
    Ok(Slice {
        kind,
        resource: resource.to_owned(),
        policies,
        members,
        permits,
    })
}

fn kind_of(name: &EntityTypeName) -> Option<Kind> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name.basename())
}
