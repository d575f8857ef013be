//! Members: `removeMember`, `member.removed`, `members:remove`.

use countersign_domain::{access::Role, id::MemberId};
use countersign_policies::resource;
use serde_json::json;

use super::{AppError, Fault, FaultCode, Mutation, Services, Writer, attempt};

/// Ends a membership. The person's next request in this tenant is refused (ISO-3).
pub async fn remove(
    services: &Services,
    writer: &Writer,
    id: MemberId,
) -> Result<MemberId, AppError> {
    let mutation = Mutation::begin(services, writer, "removeMember").await?;
    let targets = vec![id.to_string()];
    let permit = attempt!(mutation, targets, mutation.permit_plain(id.uuid()));
    let scope = services
        .engine
        .read_scope::<resource::Member>(writer.context().actor());
    let scope = attempt!(mutation, targets, scope);
    let found = attempt!(
        mutation,
        targets,
        mutation.transaction.lock_member(&scope, id).await
    );
    let unknown = Fault::new(
        FaultCode::NotFound,
        "memberId",
        "there is no member with that id",
    );
    let member = attempt!(mutation, targets, found.ok_or(unknown));
    if member.role == Role::Owner {
        let owners = attempt!(
            mutation,
            targets,
            mutation.transaction.lock_owners(&permit).await
        );
        if owners < 2 {
            let last = Fault::new(
                FaultCode::LastOwner,
                "memberId",
                "a tenant keeps at least one owner: make somebody else an owner first",
            );
            return Err(mutation.refuse(last.into(), targets).await);
        }
    }
    attempt!(
        mutation,
        targets,
        mutation.transaction.remove_member(&permit, id).await
    );
    let payload = json!({ "user": member.user.to_string(), "role": member.role.name() });
    mutation.finish(permit, targets, payload).await?;
    Ok(id)
}
