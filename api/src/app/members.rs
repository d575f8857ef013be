//! Members: `updateMember`, `member.updated`, `members:update`; `removeMember`, `member.removed`,
//! `members:remove`.

use std::collections::BTreeSet;

use countersign_domain::{
    access::Role,
    audit::{Facts, Payload},
    id::{AnyId, ApiTokenId, CustomRoleId, MemberId, UserId},
};
use countersign_entities::{ApiToken, CustomRole, Member, Reader, RequestContext};
use countersign_policies::{resource, rights::Rights};

use super::{
    AppError, Fault, FaultCode, Mutation, Preview, Services, Writer, api_tokens, attempt, count,
    grants::{self, Granter, Measure, Step},
};

/// The input of [`update`], as the caller gave it. What is not given stays.
#[derive(Debug, Clone)]
pub struct UpdateMember {
    /// Who.
    pub id: MemberId,
    /// A built-in role by its name.
    pub role: Option<String>,
    /// A role of the tenant's own.
    pub custom_role: Option<CustomRoleId>,
    /// What is granted beside either role, by names.
    pub capabilities: Option<Vec<String>>,
}

impl UpdateMember {
    /// The member of the input that grants most.
    const fn field(&self) -> &'static str {
        match (&self.role, &self.custom_role) {
            (Some(_), _) => "role",
            (None, Some(_)) => "customRoleId",
            (None, None) => "capabilities",
        }
    }
}

/// What a change of a member is about to do.
struct Plan {
    after: Member,
    step: Step,
    /// What is granted as such: by the role, where another is given.
    given: Rights,
}

/// Changes what a member is and what is granted to them, from their next request on.
pub async fn update(
    services: &Services,
    writer: &Writer,
    input: UpdateMember,
) -> Result<Member, AppError> {
    let context = writer.context();
    let mutation = Mutation::begin(services, writer, "updateMember").await?;
    let targets = vec![input.id.into()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(input.id.uuid()));
    let engine = &services.engine;
    let role_scope = engine.read_scope::<resource::CustomRole>(context.actor());
    let role_scope = attempt!(mutation, targets, role_scope);
    let scope = engine.read_scope::<resource::Member>(context.actor());
    let scope = attempt!(mutation, targets, scope);
    let roles = mutation.transaction.lock_roles(&role_scope).await;
    let roles = attempt!(mutation, targets, roles);
    let mut ids = vec![input.id];
    ids.extend(context.actor().human().map(|human| human.member));
    let locked = mutation.transaction.lock_members_and_owners(&scope, &ids);
    let members = attempt!(mutation, targets, locked.await);
    let granter = attempt!(mutation, targets, Granter::find(context, &members, &roles));
    let owners = members.iter().filter(|m| m.role == Role::Owner).count();
    let mut measure = Measure::new(engine);
    let plan = plan(&mut measure, &input, &members, &roles);
    let plan = attempt!(mutation, targets, plan);
    let checked = by_an_owner(context, &members, input.id, input.field())
        .map_err(AppError::from)
        .and_then(|()| check(&mut measure, &granter, &plan, &input, owners));
    attempt!(mutation, targets, checked);
    let Plan { after, step, .. } = plan;
    let steps = [step];
    let makers = [after.user].into_iter();
    let ends = |token: &ApiToken| measure.exceeds_maker(token, &steps);
    let ended = api_tokens::revoke_of(&mutation, &permit, makers, ends).await;
    let ended = attempt!(mutation, targets, ended);
    let [step] = steps;
    let written = mutation.transaction.update_member(&permit, &after).await;
    attempt!(mutation, targets, written);
    let payload = Payload::changed(recorded(&step.member), recorded(&after));
    let payload = payload.with(beside(after.user, &ended));
    let targets = with_tokens(input.id, ended);
    mutation.finish(permit, targets, payload).await?;
    Ok(after)
}

/// What [`update`] would come to. `Reader` reads; nothing is locked, and nothing is changed.
pub async fn preview(
    services: &Services,
    context: &RequestContext,
    reader: &Reader,
    input: UpdateMember,
) -> Result<Preview, AppError> {
    let engine = &services.engine;
    let role_scope = engine.read_scope::<resource::CustomRole>(context.actor())?;
    let scope = engine.read_scope::<resource::Member>(context.actor())?;
    let roles = reader.every_role(&role_scope).await?;
    let mut ids = vec![input.id];
    ids.extend(context.actor().human().map(|human| human.member));
    let members = reader.members_by_id(&scope, &ids).await?;
    let counts = reader.built_in_role_counts(&scope).await?;
    let owners = counts.get(&Role::Owner).copied().unwrap_or_default();
    let owners = usize::try_from(owners).unwrap_or(usize::MAX);
    let mut measure = Measure::new(engine);
    let plan = match plan(&mut measure, &input, &members, &roles) {
        Ok(plan) => plan,
        Err(AppError::Faults(faults)) => return Ok(Preview::refused(faults)),
        Err(other) => return Err(other),
    };
    let checked = by_an_owner(context, &members, input.id, input.field())
        .map_err(AppError::from)
        .and_then(|()| Granter::find(context, &members, &roles))
        .and_then(|granter| check(&mut measure, &granter, &plan, &input, owners));
    let refusals = grants::refusals(checked)?;
    let (before, after) = (plan.step.before.clone(), plan.step.after.clone());
    let steps = vec![plan.step];
    let makers = [plan.after.user].into_iter();
    let ends = |token: &ApiToken| measure.exceeds_maker(token, &steps);
    let tokens = api_tokens::seen_of(services, context, reader, makers, ends).await?;
    Ok(measure.preview(&before, &after, steps, tokens, refusals))
}

/// What [`remove`] would come to. `Reader` reads; nothing is locked, and nothing is changed.
pub async fn preview_removal(
    services: &Services,
    context: &RequestContext,
    reader: &Reader,
    id: MemberId,
) -> Result<Preview, AppError> {
    let engine = &services.engine;
    let role_scope = engine.read_scope::<resource::CustomRole>(context.actor())?;
    let scope = engine.read_scope::<resource::Member>(context.actor())?;
    let roles = reader.every_role(&role_scope).await?;
    let members = reader.members_and_owners(&scope, &[id]).await?;
    let Some(member) = members.iter().find(|member| member.id == id) else {
        return Ok(Preview::refused(vec![unknown()]));
    };
    let refusals = grants::refusals(removable(context, &members, member).map_err(AppError::from))?;
    let makers = [member.user].into_iter();
    let tokens = api_tokens::seen_of(services, context, reader, makers, |_| true).await?;
    let before = grants::grant_of(member, &roles)?;
    Ok(Preview {
        tokens,
        refusals,
        ..Measure::new(engine).preview_removal(member, &before)
    })
}

/// Brings the input into what the member is to be.
fn plan(
    measure: &mut Measure<'_>,
    input: &UpdateMember,
    members: &[Member],
    roles: &[CustomRole],
) -> Result<Plan, AppError> {
    let member = members.iter().find(|member| member.id == input.id);
    let member = member.ok_or_else(unknown)?;
    let mut after = member.clone();
    match (&input.role, input.custom_role) {
        (Some(_), Some(_)) => {
            let message = "give a built-in role or one of your own, not both";
            return Err(Fault::new(FaultCode::Invalid, "role", message).into());
        }
        (Some(name), None) => {
            after.role = grants::built_in(name, "role")?;
            after.custom_role = None;
        }
        (None, Some(id)) => {
            let role = roles.iter().find(|role| role.id == id).ok_or_else(|| {
                let message = "there is no role with that id";
                Fault::new(FaultCode::NotFound, "customRoleId", message)
            })?;
            after.role = role.base;
            after.custom_role = Some(id);
        }
        (None, None) if input.capabilities.is_none() => {
            let message = "say what is to change: a role, or the capabilities beside it";
            return Err(Fault::new(FaultCode::Invalid, "role", message).into());
        }
        (None, None) => {}
    }
    if let Some(names) = &input.capabilities {
        after.capabilities = grants::capabilities(names)?;
    }
    let step = Step {
        member: member.clone(),
        before: grants::grant_of(member, roles)?,
        after: grants::grant_of(&after, roles)?,
    };
    let has_another_role = (after.role, after.custom_role) != (member.role, member.custom_role);
    let given = if has_another_role {
        let bare = Member {
            capabilities: BTreeSet::new(),
            ..after.clone()
        };
        measure.rights(&grants::grant_of(&bare, roles)?)
    } else {
        Rights::default()
    };
    Ok(Plan { after, step, given })
}

fn check(
    measure: &mut Measure<'_>,
    granter: &Granter,
    plan: &Plan,
    input: &UpdateMember,
    owners: usize,
) -> Result<(), AppError> {
    if plan.step.before.role == Role::Owner && plan.after.role != Role::Owner {
        keep_an_owner(owners, input.field())?;
    }
    let steps = std::slice::from_ref(&plan.step);
    Ok(measure.check(granter, &plan.given, steps, input.field())?)
}

fn keep_an_owner(owners: usize, field: &'static str) -> Result<(), Fault> {
    if owners >= 2 {
        return Ok(());
    }
    let message = "a tenant keeps at least one owner: make somebody else an owner first";
    Err(Fault::new(FaultCode::LastOwner, field, message))
}

/// An owner is changed or removed by an owner only: else whoever administers members could take the tenant
/// from those who answer for it. `members` has every owner, or else whoever acts.
fn by_an_owner(
    context: &RequestContext,
    members: &[Member],
    id: MemberId,
    field: &'static str,
) -> Result<(), Fault> {
    let me = context.actor().human().map(|human| human.member);
    let is_owner = |id: MemberId| {
        let mut owners = members.iter().filter(|m| m.role == Role::Owner);
        owners.any(|owner| owner.id == id)
    };
    if !is_owner(id) || me.is_some_and(is_owner) {
        return Ok(());
    }
    let message = "only an owner changes or removes an owner: ask one of them";
    Err(Fault::new(FaultCode::OwnersOnly, field, message))
}

/// Whether whoever acts may end that membership. `members` has every owner.
fn removable(context: &RequestContext, members: &[Member], member: &Member) -> Result<(), Fault> {
    by_an_owner(context, members, member.id, "memberId")?;
    if member.role == Role::Owner {
        let owners = members.iter().filter(|m| m.role == Role::Owner).count();
        keep_an_owner(owners, "memberId")?;
    }
    Ok(())
}

/// What is told of a change beside what changed.
fn beside(user: UserId, ended: &[ApiTokenId]) -> Facts {
    Facts::new()
        .id("user", Some(user))
        .count("tokensRevoked", count(ended.len()))
}

/// What a change was done to: the member, and the tokens that it revoked.
fn with_tokens(id: MemberId, ended: Vec<ApiTokenId>) -> Vec<AnyId> {
    let ended = ended.into_iter().map(AnyId::from);
    std::iter::once(id.into()).chain(ended).collect()
}

fn unknown() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "memberId",
        "there is no member with that id",
    )
}

fn recorded(member: &Member) -> Facts {
    Facts::new()
        .word("role", member.role.name())
        .id("customRole", member.custom_role)
        .words("capabilities", grants::names(&member.capabilities))
}

/// Ends a membership. The person's next request in this tenant is refused, and so is the next one of every
/// token that they made (ISO-3).
pub async fn remove(
    services: &Services,
    writer: &Writer,
    id: MemberId,
) -> Result<MemberId, AppError> {
    let mutation = Mutation::begin(services, writer, "removeMember").await?;
    let targets = vec![id.into()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(id.uuid()));
    let scope = services
        .engine
        .read_scope::<resource::Member>(writer.context().actor());
    let scope = attempt!(mutation, targets, scope);
    let locked = mutation
        .transaction
        .lock_members_and_owners(&scope, &[id])
        .await;
    let members = attempt!(mutation, targets, locked);
    let member = members.iter().find(|member| member.id == id);
    let member = attempt!(mutation, targets, member.ok_or_else(unknown));
    let removable = removable(writer.context(), &members, member);
    attempt!(mutation, targets, removable);
    let makers = [member.user].into_iter();
    let ended = api_tokens::revoke_of(&mutation, &permit, makers, |_| true).await;
    let ended = attempt!(mutation, targets, ended);
    let removed = mutation.transaction.remove_member(&permit, id).await;
    attempt!(mutation, targets, removed);
    let payload = Payload::removed(recorded(member)).with(beside(member.user, &ended));
    let targets = with_tokens(id, ended);
    mutation.finish(permit, targets, payload).await?;
    Ok(id)
}
