//! Roles of the tenant's own: `createRole`, `role.created`, `roles:create`; `updateRole`, `role.updated`,
//! `roles:update`; `deleteRole`, `role.deleted`, `roles:delete`.

use countersign_domain::{
    access::{Capability, Role},
    audit::{Facts, Payload},
    id::{AnyId, CustomRoleId},
    name::is_deceiving,
};
use countersign_entities::{ApiToken, CustomRole, Member, Reader, RequestContext, WriteError};
use countersign_policies::{
    Engine, resource,
    rights::{Grant, Rights},
};

use super::{
    AppError, Fault, FaultCode, Mutation, Preview, Services, Writer, api_tokens, attempt,
    constraint, count,
    grants::{self, Granter, Measure, Step},
    name,
};

/// The longest name of a role, in characters.
pub const NAME_MAX: usize = 60;
/// The longest description of a role, in characters.
pub const DESCRIPTION_MAX: usize = 300;
/// The most roles that a tenant makes itself.
pub const ROLES_MAX: usize = 100;

/// What a role is to be, as the caller gave it. What is not given stays, or is empty where the role is new.
#[derive(Debug, Clone, Default)]
pub struct RoleInput {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The built-in role that it stands on, by name.
    pub base: Option<String>,
    /// What it grants beside that, by names.
    pub capabilities: Option<Vec<String>>,
}

/// A built-in role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInRole {
    /// Which.
    pub role: Role,
    /// What it holds of itself, as capabilities would grant it.
    pub capabilities: Vec<Capability>,
    /// How many members have it and no role of the tenant's own.
    pub member_count: u32,
}

/// The built-in roles, with what they hold.
pub async fn built_in(
    engine: &Engine,
    context: &RequestContext,
    reader: &Reader,
) -> Result<Vec<BuiltInRole>, AppError> {
    let scope = engine.read_scope::<resource::Member>(context.actor())?;
    let counts = reader.built_in_role_counts(&scope).await?;
    let role = |role: &Role| {
        let grant = Grant {
            role: *role,
            capabilities: [].into(),
        };
        let all = Capability::ALL.iter().copied();
        BuiltInRole {
            role: *role,
            capabilities: all.filter(|c| engine.is_held(&grant, *c)).collect(),
            member_count: counts.get(role).copied().unwrap_or_default(),
        }
    };
    Ok(Role::ALL.iter().map(role).collect())
}

/// Makes a role, which nobody has yet.
pub async fn create(
    services: &Services,
    writer: &Writer,
    input: RoleInput,
) -> Result<CustomRole, AppError> {
    let context = writer.context();
    let mutation = Mutation::begin(services, writer, "createRole").await?;
    let permit = attempt!(mutation, vec![], mutation.permit_books());
    let Locked { roles, me, .. } = attempt!(mutation, vec![], lock(&mutation, None).await);
    if roles.len() >= ROLES_MAX {
        let message =
            format!("a tenant has at most {ROLES_MAX} roles of its own: delete one first");
        let full = Fault::new(FaultCode::TooLarge, "name", message);
        return Err(mutation.refuse(full.into(), vec![]).await);
    }
    let granter = attempt!(mutation, vec![], Granter::find(context, &me, &roles));
    let empty = blank(services, context);
    let mut measure = Measure::new(&services.engine);
    let plan = plan(&mut measure, &empty, true, &input, vec![], &roles);
    let plan = attempt!(mutation, vec![], plan);
    attempt!(mutation, vec![], named(&plan.after, &input));
    let checked = measure.check(&granter, &plan.given, &plan.steps, plan.field);
    attempt!(mutation, vec![], checked);
    let role = plan.after;
    let inserted = mutation.transaction.insert_role(&permit, &role).await;
    attempt!(mutation, vec![], inserted.map_err(taken));
    let payload = Payload::created(recorded(&role));
    mutation
        .finish(permit, vec![role.id.into()], payload)
        .await?;
    Ok(role)
}

/// Changes a role for everybody who has it, from their next request on. Tokens that let machines do what
/// their maker may not do any more end with it.
pub async fn update(
    services: &Services,
    writer: &Writer,
    id: CustomRoleId,
    input: RoleInput,
) -> Result<CustomRole, AppError> {
    let context = writer.context();
    let mutation = Mutation::begin(services, writer, "updateRole").await?;
    let targets = vec![id.into()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(id.uuid()));
    let locked = attempt!(mutation, targets, lock(&mutation, Some(id)).await);
    let Locked { roles, me, members } = locked;
    let granter = attempt!(mutation, targets, Granter::find(context, &me, &roles));
    let before = roles.iter().find(|role| role.id == id);
    let before = attempt!(mutation, targets, before.ok_or_else(unknown));
    let mut measure = Measure::new(&services.engine);
    let plan = plan(&mut measure, before, false, &input, members, &roles);
    let mut plan = attempt!(mutation, targets, plan);
    attempt!(mutation, targets, named(&plan.after, &input));
    let checked = measure.check(&granter, &plan.given, &plan.steps, plan.field);
    attempt!(mutation, targets, checked);
    let (makers, steps) = (plan.steps.iter().map(|step| step.member.user), &plan.steps);
    let ends = |token: &ApiToken| measure.exceeds_maker(token, steps);
    let ended = api_tokens::revoke_of(&mutation, &permit, makers, ends).await;
    let ended = attempt!(mutation, targets, ended);
    plan.after.updated_at = context.now();
    let updated = mutation.transaction.update_role(&permit, &plan.after).await;
    attempt!(mutation, targets, updated.map_err(taken));
    let beside = Facts::new()
        .flag("renamed", before.name != plan.after.name)
        .flag("redescribed", before.description != plan.after.description)
        .count("members", count(plan.steps.len()))
        .count("tokensRevoked", count(ended.len()));
    let payload = Payload::changed(recorded(before), recorded(&plan.after)).with(beside);
    let ended = ended.into_iter().map(AnyId::from);
    let targets = targets.into_iter().chain(ended).collect();
    mutation.finish(permit, targets, payload).await?;
    Ok(plan.after)
}

/// Deletes a role that nobody has.
pub async fn delete(
    services: &Services,
    writer: &Writer,
    id: CustomRoleId,
) -> Result<CustomRoleId, AppError> {
    let mutation = Mutation::begin(services, writer, "deleteRole").await?;
    let targets = vec![id.into()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(id.uuid()));
    let locked = attempt!(mutation, targets, lock(&mutation, Some(id)).await);
    let role = locked.roles.iter().find(|role| role.id == id);
    let role = attempt!(mutation, targets, role.ok_or_else(unknown));
    if !locked.members.is_empty() {
        let message = match locked.members.len() {
            1 => "1 member has this role: give them another one first".to_owned(),
            many => format!("{many} members have this role: give them another one first"),
        };
        let used = Fault::new(FaultCode::RoleInUse, "roleId", message);
        return Err(mutation.refuse(used.into(), targets).await);
    }
    let deleted = mutation.transaction.delete_role(&permit, id).await;
    attempt!(mutation, targets, deleted);
    let payload = Payload::removed(recorded(role));
    mutation.finish(permit, targets, payload).await?;
    Ok(id)
}

/// What [`create`], or [`update`] where an id is given, would come to. Nothing is locked or changed.
pub async fn preview(
    services: &Services,
    context: &RequestContext,
    reader: &Reader,
    id: Option<CustomRoleId>,
    input: RoleInput,
) -> Result<Preview, AppError> {
    let engine = &services.engine;
    let role_scope = engine.read_scope::<resource::CustomRole>(context.actor())?;
    let scope = engine.read_scope::<resource::Member>(context.actor())?;
    let roles = reader.every_role(&role_scope).await?;
    let empty = blank(services, context);
    let (before, members) = match id {
        None => (&empty, Vec::new()),
        Some(id) => {
            let Some(role) = roles.iter().find(|role| role.id == id) else {
                return Ok(Preview::refused(vec![unknown()]));
            };
            (role, reader.members_of_role(&scope, id).await?)
        }
    };
    let me: Vec<_> = context
        .actor()
        .human()
        .map(|h| h.member)
        .into_iter()
        .collect();
    let me = reader.members_by_id(&scope, &me).await?;
    let mut measure = Measure::new(engine);
    let plan = match plan(&mut measure, before, id.is_none(), &input, members, &roles) {
        Ok(plan) => plan,
        Err(AppError::Faults(faults)) => return Ok(Preview::refused(faults)),
        Err(other) => return Err(other),
    };
    let checked = Granter::find(context, &me, &roles)
        .and_then(|granter| Ok(measure.check(&granter, &plan.given, &plan.steps, plan.field)?));
    let refusals = grants::refusals(checked)?;
    let (makers, steps) = (plan.steps.iter().map(|step| step.member.user), &plan.steps);
    let ends = |token: &ApiToken| measure.exceeds_maker(token, steps);
    let tokens = api_tokens::seen_of(services, context, reader, makers, ends).await?;
    let after = grants::grant_of_role(&plan.after);
    // A new role is held against the one that it stands on.
    let before = match id {
        Some(_) => grants::grant_of_role(before),
        None => Grant {
            role: after.role,
            capabilities: [].into(),
        },
    };
    Ok(measure.preview(&before, &after, plan.steps, tokens, refusals))
}

/// The tenant's own roles, whoever acts, and who has the role in question: all of them locked.
struct Locked {
    roles: Vec<CustomRole>,
    me: Vec<Member>,
    members: Vec<Member>,
}

async fn lock(mutation: &Mutation<'_>, id: Option<CustomRoleId>) -> Result<Locked, AppError> {
    let (engine, actor) = (&mutation.services.engine, mutation.writer.context().actor());
    let role_scope = engine.read_scope::<resource::CustomRole>(actor)?;
    let scope = engine.read_scope::<resource::Member>(actor)?;
    let transaction = &mutation.transaction;
    let roles = transaction.lock_roles(&role_scope).await?;
    let me = actor.human().map(|human| human.member);
    let locked = transaction.lock_members_of_role(&scope, me, id).await?;
    let of_me = locked.iter().filter(|member| Some(member.id) == me);
    let me = of_me.cloned().collect();
    let of_role = |member: &Member| id.is_some() && member.custom_role == id;
    let members = locked.into_iter().filter(of_role).collect();
    Ok(Locked { roles, me, members })
}

/// What a change of a role is about to do.
struct Plan {
    after: CustomRole,
    steps: Vec<Step>,
    /// What is granted as such: all of a new role, and what another one gains.
    given: Rights,
    /// The member of the input that grants most.
    field: &'static str,
}

/// Brings the input into what the role is to be, and everybody who has it.
fn plan(
    measure: &mut Measure<'_>,
    before: &CustomRole,
    is_new: bool,
    input: &RoleInput,
    members: Vec<Member>,
    roles: &[CustomRole],
) -> Result<Plan, AppError> {
    let mut after = before.clone();
    if is_new && input.base.is_none() {
        let message = "say which built-in role it stands on";
        return Err(Fault::new(FaultCode::Invalid, "baseRole", message).into());
    }
    if let Some(text) = &input.base {
        after.base = grants::built_in(text, "baseRole")?;
        if !after.base.can_be_base() {
            let message = "no role stands on the owner's: make the person an owner";
            return Err(Fault::new(FaultCode::Invalid, "baseRole", message).into());
        }
    }
    if let Some(names) = &input.capabilities {
        after.capabilities = grants::capabilities(names)?;
    }
    if let Some(text) = &input.description {
        after.description = description(text)?;
    }
    let mut rights = measure.rights(&grants::grant_of_role(&after));
    if !is_new {
        rights = rights.beyond(&measure.rights(&grants::grant_of_role(before)));
    }
    let steps = members.into_iter().map(|member| {
        let mut grant = grants::grant_of_role(&after);
        grant.capabilities.extend(&member.capabilities);
        Ok(Step {
            before: grants::grant_of(&member, roles)?,
            after: grant,
            member,
        })
    });
    let steps = steps.collect::<Result<_, AppError>>()?;
    let field = if after.capabilities == before.capabilities {
        "baseRole"
    } else {
        "capabilities"
    };
    if let Some(text) = &input.name {
        text.trim().clone_into(&mut after.name);
    }
    Ok(Plan {
        after,
        steps,
        given: rights,
        field,
    })
}

/// Checks the name, which a preview may leave out.
fn named(after: &CustomRole, input: &RoleInput) -> Result<(), Fault> {
    name(&after.name, NAME_MAX, "name")?;
    if input.name.is_some() && after.name.to_lowercase().parse::<Role>().is_ok() {
        let message = "a built-in role has that name";
        return Err(Fault::new(FaultCode::Taken, "name", message));
    }
    Ok(())
}

fn description(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if text.chars().count() > DESCRIPTION_MAX || text.chars().any(is_deceiving) {
        let message = format!(
            "describe it in at most {DESCRIPTION_MAX} characters, without control characters"
        );
        return Err(Fault::new(FaultCode::Invalid, "description", message));
    }
    Ok(text.to_owned())
}

/// A role before anything was said of it.
fn blank(services: &Services, context: &RequestContext) -> CustomRole {
    CustomRole {
        id: CustomRoleId::new(services.database.ids().uuid()),
        name: String::new(),
        description: String::new(),
        base: Role::Family,
        capabilities: [].into(),
        member_count: 0,
        created_at: context.now(),
        updated_at: context.now(),
    }
}

fn unknown() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "roleId",
        "there is no role with that id",
    )
}

fn taken(error: WriteError) -> AppError {
    constraint(error, || {
        let message = "another role has that name";
        Fault::new(FaultCode::Taken, "name", message)
    })
}

/// What the audit log keeps of a role: nothing that people wrote.
fn recorded(role: &CustomRole) -> Facts {
    Facts::new()
        .word("base", role.base.name())
        .words("capabilities", grants::names(&role.capabilities))
}
