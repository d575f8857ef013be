//! Who may grant what: the rule that every change of a role or of a member meets, and what a change would
//! come to.
//!
//! Nobody grants more than they hold. What is granted, and what everybody whom it affects gains, is within
//! what whoever grants it may do; nobody gains anything by their own hand. All of it is asked of the
//! policies, on rows that are locked, so that ceilings count and a capability that gives nothing is none.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use countersign_domain::{
    access::{Capability, Role, Scope},
    id::MemberId,
};
use countersign_entities::{ApiToken, CustomRole, Member, RequestContext, StoreError};
use countersign_policies::{
    Engine,
    rights::{Ceiling, Grant, Rights, RightsChange},
};

use super::{AppError, Fault, FaultCode};

/// The most members whom a preview tells of, of however many are affected.
const PREVIEW_MAX: usize = 200;
/// The most actions that a refusal names.
const NAMED_MAX: usize = 3;

/// What a change would come to.
#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// What the role, or the member, may do then and may not now.
    pub gains: Vec<RightsChange>,
    /// What it may do now and may not then.
    pub losses: Vec<RightsChange>,
    /// Who is affected; of many, the oldest members.
    pub members: Vec<Arc<MemberRights>>,
    /// How many are affected.
    pub member_count: usize,
    /// What still holds against the capabilities.
    pub ceilings: Vec<Ceiling>,
    /// The tokens that it would revoke, as far as whoever asks sees tokens; oldest first.
    pub tokens: Vec<Arc<ApiToken>>,
    /// What the change would be refused for.
    pub refusals: Vec<Fault>,
}

impl Preview {
    /// A change that can not even be thought of.
    pub(super) fn refused(refusals: Vec<Fault>) -> Self {
        Self {
            refusals,
            ..Self::default()
        }
    }
}

/// What a change would come to for one member.
#[derive(Debug, Clone)]
pub struct MemberRights {
    /// Who.
    pub member: Arc<Member>,
    /// What they may do then and may not now.
    pub gains: Vec<RightsChange>,
    /// What they may do now and may not then.
    pub losses: Vec<RightsChange>,
}

/// Who grants, as the rows in hand have it.
#[derive(Debug)]
pub(super) struct Granter {
    id: MemberId,
    grant: Grant,
}

impl Granter {
    /// Whoever acts, among members that were just read. A role that changed since they were let in ends
    /// the change.
    pub(super) fn find(
        context: &RequestContext,
        members: &[Member],
        roles: &[CustomRole],
    ) -> Result<Self, AppError> {
        let Some(human) = context.actor().human() else {
            let fault = "a machine grants nothing: let a person do it";
            return Err(Fault::new(FaultCode::ExceedsGranter, "role", fault).into());
        };
        let found = members.iter().find(|member| member.id == human.member);
        let grant = found.map(|member| grant_of(member, roles)).transpose()?;
        match grant {
            Some(grant) if grant.role == human.role && grant.capabilities == human.capabilities => {
                Ok(Self {
                    id: human.member,
                    grant,
                })
            }
            _ => {
                let fault = "your own role was changed meanwhile: look again at what you may do";
                Err(Fault::new(FaultCode::ExceedsGranter, "role", fault).into())
            }
        }
    }
}

/// What a member is granted, by their role, their custom role, and beside both.
pub(super) fn grant_of(member: &Member, roles: &[CustomRole]) -> Result<Grant, StoreError> {
    let mut capabilities = member.capabilities.clone();
    if let Some(id) = member.custom_role {
        let role = roles.iter().find(|role| role.id == id);
        let role = role.ok_or_else(|| StoreError::inconsistent("a member's role is not there"))?;
        capabilities.extend(&role.capabilities);
    }
    Ok(Grant {
        role: member.role,
        capabilities,
    })
}

/// What whoever has a role of the tenant's own is granted by it.
pub(super) fn grant_of_role(role: &CustomRole) -> Grant {
    Grant {
        role: role.base,
        capabilities: role.capabilities.clone(),
    }
}

/// One member before and after.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) member: Member,
    pub(super) before: Grant,
    pub(super) after: Grant,
}

/// Asks the engine what grants come to, each once.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    engine: &'a Engine,
    known: HashMap<Grant, Rights>,
    machines: BTreeMap<BTreeSet<Scope>, Rights>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            known: HashMap::new(),
            machines: BTreeMap::new(),
        }
    }

    pub(super) fn rights(&mut self, grant: &Grant) -> Rights {
        if let Some(known) = self.known.get(grant) {
            return known.clone();
        }
        let rights = self.engine.rights(grant);
        self.known.insert(grant.clone(), rights.clone());
        rights
    }

    fn gained(&mut self, before: &Grant, after: &Grant) -> Rights {
        self.rights(after).beyond(&self.rights(before))
    }

    /// Refuses what grants more than the granter holds. `given` is what is granted as such, whoever has
    /// it; `field` is the member of the input that asks for it.
    pub(super) fn check(
        &mut self,
        granter: &Granter,
        given: &Rights,
        steps: &[Step],
        field: &'static str,
    ) -> Result<(), Fault> {
        let own = self.rights(&granter.grant);
        for step in steps.iter().filter(|step| step.member.id == granter.id) {
            let gained = self.gained(&step.before, &step.after);
            if !gained.is_empty() {
                let message = format!(
                    "nobody gains by their own hand: let somebody else grant you {}",
                    self.named(&gained)
                );
                return Err(Fault::new(FaultCode::OwnRole, field, message));
            }
        }
        let mut granted = vec![given.clone()];
        let pairs: BTreeSet<_> = steps.iter().map(|s| (&s.before, &s.after)).collect();
        for (before, after) in pairs {
            granted.push(self.gained(before, after));
        }
        for granted in granted {
            let beyond = granted.apart_from_own_care().beyond(&own);
            if !beyond.is_empty() {
                let message = format!(
                    "you can not grant what you may not do yourself: {}",
                    self.named(&beyond)
                );
                return Err(Fault::new(FaultCode::ExceedsGranter, field, message));
            }
        }
        Ok(())
    }

    /// Whether a token lets a machine do what its maker, one of those whom the steps change, may not
    /// do after them.
    pub(super) fn exceeds_maker(&mut self, token: &ApiToken, steps: &[Step]) -> bool {
        let maker = steps
            .iter()
            .find(|s| Some(s.member.user) == token.created_by);
        maker.is_some_and(|step| {
            let own = self.rights(&step.after);
            let known = self.machines.entry(token.scopes.clone());
            let machine = known.or_insert_with_key(|scopes| self.engine.rights_of_machine(scopes));
            !machine.beyond(&own).is_empty()
        })
    }

    /// What it comes to that somebody is no member any more.
    pub(super) fn preview_removal(&mut self, member: &Member, before: &Grant) -> Preview {
        let rights = self.rights(before);
        let losses = self.engine.in_words(&rights);
        Preview {
            losses: losses.clone(),
            members: vec![Arc::new(MemberRights {
                member: Arc::new(member.clone()),
                gains: Vec::new(),
                losses,
            })],
            member_count: 1,
            ..Preview::default()
        }
    }

    fn named(&self, rights: &Rights) -> String {
        named(self.engine, rights)
    }

    /// What a change comes to: of `before` and `after` as such, and for everybody whom it affects.
    pub(super) fn preview(
        &mut self,
        before: &Grant,
        after: &Grant,
        steps: Vec<Step>,
        tokens: Vec<Arc<ApiToken>>,
        refusals: Vec<Fault>,
    ) -> Preview {
        let (gains, losses) = self.both(before, after);
        let member_count = steps.len();
        let shown = steps.into_iter().take(PREVIEW_MAX).map(|step| {
            let (gains, losses) = self.both(&step.before, &step.after);
            Arc::new(MemberRights {
                member: Arc::new(step.member),
                gains,
                losses,
            })
        });
        let members = shown.collect();
        Preview {
            gains,
            losses,
            members,
            member_count,
            ceilings: self.engine.ceilings(after),
            tokens,
            refusals,
        }
    }

    fn both(&mut self, before: &Grant, after: &Grant) -> (Vec<RightsChange>, Vec<RightsChange>) {
        let (gained, lost) = (self.gained(before, after), self.gained(after, before));
        (self.engine.in_words(&gained), self.engine.in_words(&lost))
    }
}

/// Refuses scopes that let a machine do what whoever gives it to them may not do. What one may do with
/// rows in one's own care is no right over others', and a machine has none in its care.
pub(super) fn check_scopes(
    engine: &Engine,
    context: &RequestContext,
    scopes: &BTreeSet<Scope>,
) -> Result<(), Fault> {
    let own = context.actor().human().map(|human| {
        engine.rights(&Grant {
            role: human.role,
            capabilities: human.capabilities.clone(),
        })
    });
    let beyond = engine
        .rights_of_machine(scopes)
        .beyond(&own.unwrap_or_default());
    if beyond.is_empty() {
        return Ok(());
    }
    let message = format!(
        "a token may no more than who makes it: leave out the scopes for {}",
        named(engine, &beyond)
    );
    Err(Fault::new(FaultCode::ExceedsGranter, "scopes", message))
}

/// The first few actions, and how many there are beside them.
fn named(engine: &Engine, rights: &Rights) -> String {
    let names: Vec<_> = rights.actions().map(|a| engine.action_name(a)).collect();
    let shown: Vec<_> = names.iter().take(NAMED_MAX).copied().collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// What a change would be refused for, of what came of checking it.
pub(super) fn refusals(checked: Result<(), AppError>) -> Result<Vec<Fault>, AppError> {
    match checked {
        Ok(()) => Ok(Vec::new()),
        Err(AppError::Faults(faults)) => Ok(faults),
        Err(other) => Err(other),
    }
}

/// A built-in role by its name.
pub(super) fn built_in(name: &str, field: &'static str) -> Result<Role, Fault> {
    name.parse().map_err(|_| {
        let names: Vec<_> = Role::ALL.iter().map(|role| role.name()).collect();
        let message = format!("choose one of {}", names.join(", "));
        Fault::new(FaultCode::Invalid, field, message)
    })
}

/// Capabilities by their names.
pub(super) fn capabilities(names: &[String]) -> Result<BTreeSet<Capability>, Fault> {
    let parsed: Result<_, _> = names.iter().map(|name| name.parse()).collect();
    parsed.map_err(|unknown: countersign_domain::access::UnknownNameError| {
        Fault::new(FaultCode::Invalid, "capabilities", unknown.to_string())
    })
}

/// The names of capabilities, for the audit log.
pub(super) fn names(capabilities: &BTreeSet<Capability>) -> Vec<&'static str> {
    capabilities.iter().map(|c| c.name()).collect()
}
