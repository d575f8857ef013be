//! Categories: `createCategory`, `category.created`, `categories:create`.

use countersign_domain::{
    audit::{Facts, Payload},
    books::Category,
    id::CategoryId,
};
use countersign_policies::row::TenantOnly;

use super::{AppError, Fault, FaultCode, Mutation, Services, Writer, attempt, constraint, name};

/// The longest name of a category, in characters.
pub const NAME_MAX: usize = 60;

/// Makes a category.
pub async fn create(
    services: &Services,
    writer: &Writer,
    input_name: &str,
) -> Result<Category, AppError> {
    let mutation = Mutation::begin(services, writer, "createCategory").await?;
    let books = TenantOnly::books(writer.context().tenant());
    let permit = attempt!(mutation, vec![], mutation.permit(&books));
    let name = attempt!(mutation, vec![], name(input_name, NAME_MAX, "name"));
    let id = CategoryId::new(services.database.ids().uuid());
    let inserted = mutation
        .transaction
        .insert_category(&permit, id, &name)
        .await;
    let category = attempt!(
        mutation,
        vec![],
        inserted.map_err(|error| constraint(error, || Fault::new(
            FaultCode::Taken,
            "name",
            "another category has that name"
        )))
    );
    let payload = Payload::created(Facts::new());
    mutation
        .finish(permit, vec![category.id.into()], payload)
        .await?;
    Ok(category)
}
