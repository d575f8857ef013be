//! Roles of a tenant's own: what the entrance makes of them, what the schema holds, and who waits for whom.

use std::{collections::BTreeSet, time::Duration};

use countersign_domain::{
    access::{Capability, Role},
    id::{CustomRoleId, TenantId},
};
use countersign_entities::{
    CustomRole, Member, MemberRole, NewMember, OperatorError, RequestContext, WriteError,
    WriteTransaction,
};
use countersign_policies::{Permit, resource, row::TenantOnly};
use sqlx::Executor;

use crate::world::{Person, World, draft, facts, uuid};

fn permit(world: &World, context: &RequestContext, mutation: &str, id: uuid::Uuid) -> Permit {
    let action = world
        .engine
        .action(&format!("Mutation.{mutation}"))
        .unwrap();
    let tenant = context.tenant();
    let row = TenantOnly { tenant, id };
    world.engine.permit(context.actor(), action, &row).unwrap()
}

/// Makes a member what `change` makes of them.
async fn change(
    world: &World,
    by: (RequestContext, WriteTransaction),
    whom: &Person,
    change: impl FnOnce(&mut Member),
) -> Result<(), WriteError> {
    let (context, write) = by;
    let scope = world.scope::<resource::Member>(&context);
    let members = write
        .lock_members_and_owners(&scope, &[whom.member])
        .await?;
    let mut member = members.into_iter().find(|m| m.id == whom.member).unwrap();
    change(&mut member);
    let permit = permit(world, &context, "updateMember", whom.member.uuid());
    write.update_member(&permit, &member).await?;
    write.finish(permit, draft("member.updated")).await?;
    Ok(())
}

async fn acts(world: &World, person: &Person) -> (Role, BTreeSet<Capability>) {
    let (context, read) = world.enter(person).await;
    read.leave();
    let human = context.actor().human().unwrap();
    (human.role, human.capabilities.clone())
}

/// A company with a worker who has a role of its own.
async fn company_with_trainee() -> (World, TenantId, Person, Person, CustomRole) {
    let world = World::new().await;
    let (tenant, owner) = world.company("north").await;
    let wanda = world.person(tenant, "wanda", Role::Worker).await;
    let trainee = world.custom_role(&owner, "Trainee").await;
    let by = world.write(&owner).await;
    let given = change(&world, by, &wanda, |member| {
        member.custom_role = Some(trainee.id);
        member.capabilities = [Capability::ReadAudit].into();
    });
    given.await.unwrap();
    (world, tenant, owner, wanda, trainee)
}

#[tokio::test]
async fn who_has_a_role_enters_with_its_base_and_all_capabilities_as_they_are_now() {
    let (world, _, owner, wanda, trainee) = company_with_trainee().await;
    let both = BTreeSet::from([Capability::WriteBasic, Capability::ReadAudit]);
    assert_eq!(acts(&world, &wanda).await, (Role::Worker, both));
    // What was presumed of them a moment ago does not hold any more once the role is another.
    let presume = async || {
        let credential = wanda.credential();
        let presumed = world.database.presume(&credential, &facts(), &[]).await;
        presumed.unwrap().1.confirm().await
    };
    presume().await.unwrap();
    let (context, write) = world.write(&owner).await;
    let permit = permit(&world, &context, "updateRole", trainee.id.uuid());
    let changed = CustomRole {
        base: Role::Manager,
        capabilities: [Capability::ReadToken].into(),
        ..trainee.clone()
    };
    write.update_role(&permit, &changed).await.unwrap();
    write.finish(permit, draft("role.updated")).await.unwrap();
    assert!(presume().await.is_err());
    let both = BTreeSet::from([Capability::ReadToken, Capability::ReadAudit]);
    assert_eq!(acts(&world, &wanda).await, (Role::Manager, both));
    // What the store says of them is the same.
    let (context, read) = world.enter(&owner).await;
    let roles = world.scope::<resource::CustomRole>(&context);
    let found = read.roles_by_id(&roles, &[trainee.id]).await.unwrap();
    assert_eq!((found[0].base, found[0].member_count), (Role::Manager, 1));
    let members = world.scope::<resource::Member>(&context);
    let of_role = read.members_of_role(&members, trainee.id).await.unwrap();
    assert_eq!(of_role.len(), 1);
    assert_eq!(of_role[0].role, Role::Manager);
    let counts = read.built_in_role_counts(&members).await.unwrap();
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [(Role::Owner, 1)]);
}

#[tokio::test]
async fn schema_holds_roles_to_their_base_their_tenant_and_their_members() {
    let (world, _, owner, wanda, trainee) = company_with_trainee().await;
    let conflict = |result: Result<(), WriteError>| match result {
        Err(WriteError::Conflict(constraint)) => constraint.name().to_owned(),
        other => panic!("{other:?}"),
    };
    let by = world.write(&owner).await;
    let apart = change(&world, by, &wanda, |member| member.role = Role::Manager).await;
    assert_eq!(conflict(apart), "memberships_custom_role");
    let (context, write) = world.write(&owner).await;
    let gone = permit(&world, &context, "deleteRole", trainee.id.uuid());
    let refused = write.delete_role(&gone, trainee.id).await;
    assert_eq!(conflict(refused), "memberships_custom_role");
    write.refuse(draft("role.deleted")).await.unwrap();
    for (name, base, constraint) in [
        ("TRAINEE", Role::Worker, "roles_name"),
        ("Admin", Role::Worker, "roles_name_own"),
        ("Chief", Role::Owner, "roles_base"),
    ] {
        let (context, write) = world.write(&owner).await;
        let permit = world.permit(&context, "createRole");
        let role = CustomRole {
            id: CustomRoleId::new(uuid()),
            name: name.into(),
            base,
            ..trainee.clone()
        };
        let refused = write.insert_role(&permit, &role).await;
        assert_eq!(conflict(refused), constraint);
    }
    // Another tenant's role is nobody's here, and is not seen either.
    let (_, other) = world.company("south").await;
    let by = world.write(&other).await;
    let foreign = change(&world, by, &other, |member| {
        member.custom_role = Some(trainee.id);
        member.role = Role::Worker;
    });
    assert!(foreign.await.is_err());
    let (context, write) = world.write(&other).await;
    let roles = world.scope::<resource::CustomRole>(&context);
    assert_eq!(write.lock_roles(&roles).await.unwrap(), []);
    let permit = permit(&world, &context, "deleteRole", trainee.id.uuid());
    assert!(write.delete_role(&permit, trainee.id).await.is_err());
}

#[tokio::test]
async fn two_owners_who_step_down_at_once_wait_for_each_other_and_one_stays() {
    let world = World::new().await;
    let (tenant, first) = world.company("north").await;
    let second = world.person(tenant, "second", Role::Owner).await;
    let (context, one) = world.write(&first).await;
    let scope = world.scope::<resource::Member>(&context);
    let owners = one.lock_members_and_owners(&scope, &[first.member]).await;
    assert_eq!(owners.unwrap().len(), 2);
    let (their_context, two) = world.write(&second).await;
    let their_scope = world.scope::<resource::Member>(&their_context);
    let ids = [second.member];
    let mut waiting = std::pin::pin!(two.lock_members_and_owners(&their_scope, &ids));
    let moment = Duration::from_millis(300);
    assert!(
        tokio::time::timeout(moment, &mut waiting).await.is_err(),
        "the owners were not locked"
    );
    let permit = permit(&world, &context, "updateMember", first.member.uuid());
    let mine = one.members_by_id(&scope, &[first.member]).await.unwrap();
    let stepped_down = Member {
        role: Role::Worker,
        ..mine[0].clone()
    };
    one.update_member(&permit, &stepped_down).await.unwrap();
    one.finish(permit, draft("member.updated")).await.unwrap();
    // The second sees that it is the last.
    let owners = waiting.await.unwrap();
    assert_eq!(owners.iter().map(|m| m.id).collect::<Vec<_>>(), ids);
    // And the schema says the same to whoever does not look.
    let last = Member {
        role: Role::Admin,
        ..owners[0].clone()
    };
    let permit = self::permit(&world, &their_context, "updateMember", second.member.uuid());
    let refused = two.update_member(&permit, &last).await;
    assert!(
        matches!(&refused, Err(WriteError::Conflict(c)) if c.name() == "memberships_last_owner"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn who_changes_roles_waits_for_who_changes_them() {
    let (world, _, owner, wanda, trainee) = company_with_trainee().await;
    let (context, one) = world.write(&owner).await;
    let roles = world.scope::<resource::CustomRole>(&context);
    assert_eq!(one.lock_roles(&roles).await.unwrap().len(), 1);
    let (_, two) = world.write(&owner).await;
    let moment = Duration::from_millis(300);
    let mut waiting = std::pin::pin!(two.lock_roles(&roles));
    assert!(
        tokio::time::timeout(moment, &mut waiting).await.is_err(),
        "the roles were not locked"
    );
    let permit = permit(&world, &context, "updateRole", trainee.id.uuid());
    let changed = CustomRole {
        capabilities: BTreeSet::new(),
        ..trainee
    };
    one.update_role(&permit, &changed).await.unwrap();
    one.finish(permit, draft("role.updated")).await.unwrap();
    let seen = waiting.await.unwrap();
    assert_eq!(seen[0].capabilities, BTreeSet::new());
    let members = world.scope::<resource::Member>(&context);
    let locked = two.lock_members_of_role(&members, Some(owner.member), Some(trainee.id));
    let locked: Vec<_> = locked.await.unwrap().iter().map(|m| m.id).collect();
    assert_eq!(locked, [owner.member, wanda.member]);
}

#[tokio::test]
async fn operator_lets_somebody_in_with_a_role_of_the_tenants_own() {
    let (world, tenant, _, _, _) = company_with_trainee().await;
    let operator = world.database.operator();
    let mut new = NewMember {
        email: "tom@example.com".into(),
        name: "Tom".into(),
        role: "trainee".parse().unwrap(),
        capabilities: [].into(),
    };
    assert_eq!(new.role, MemberRole::Own("trainee".into()));
    assert_eq!("worker".parse(), Ok(MemberRole::BuiltIn(Role::Worker)));
    let (member, _) = operator.add_member(tenant, &new).await.unwrap();
    let mut admin = world.bare("postgres").await;
    let stored: (String, bool) = sqlx::query_as(
        "SELECT role, custom_role_id IS NOT NULL FROM countersign.memberships WHERE id = $1",
    )
    .bind(member.uuid())
    .fetch_one(&mut admin)
    .await
    .unwrap();
    assert_eq!(stored, ("worker".to_owned(), true));
    new.role = MemberRole::Own("nothing".into());
    let refused = operator.add_member(tenant, &new).await;
    assert!(
        matches!(&refused, Err(OperatorError::UnknownRole(name)) if name == "nothing"),
        "{refused:?}"
    );
    // The books can not write what a role stands on without being its tenant.
    let mut books = world.bare("countersign_books").await;
    let all = books.execute("UPDATE countersign.roles SET base = 'admin'");
    assert_eq!(all.await.unwrap().rows_affected(), 0);
}
