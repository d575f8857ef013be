//! Categories: `createCategory`, `category.created`, `categories:create`.

use countersign_domain::{
    audit::{Facts, Payload},
    books::Category,
    id::CategoryId,
};

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
    let permit = attempt!(mutation, vec![], mutation.permit_books());
    let name = attempt!(mutation, vec![], name(input_name, NAME_MAX, "name"));
    let id = CategoryId::new(services.database.ids().uuid());
    let made = mutation.transaction.new_category(&permit, id, &name);
    let (category, insertion) = attempt!(mutation, vec![], made);
    let event = (vec![id.into()], Payload::created(Facts::new()));
    let taken = || {
        let message = "another category has that name";
        Fault::new(FaultCode::Taken, "name", message)
    };
    mutation
        .insert_unless(permit, insertion, event, |error| constraint(error, taken))
        .await?;
    Ok(category)
}
