//! Transactions: `categorizeTransaction`, `transaction.categorized`, `transactions:categorize`.

use countersign_domain::{
    audit::{Facts, Payload},
    books::Transaction,
    id::{CategoryId, TransactionId},
};
use countersign_policies::{resource, row::TenantRow};

use super::{AppError, Fault, FaultCode, Mutation, Services, Writer, attempt};

/// Puts a transaction into a category, or takes it out of the one it is in.
pub async fn categorize(
    services: &Services,
    writer: &Writer,
    id: TransactionId,
    category: Option<CategoryId>,
) -> Result<Transaction, AppError> {
    let mutation = Mutation::begin(services, writer, "categorizeTransaction").await?;
    let targets = vec![id.into()];
    let actor = writer.context().actor();
    let scope = services.engine.read_scope::<resource::Transaction>(actor);
    let scope = attempt!(mutation, targets, scope);
    let found = mutation.transaction.lock_transaction(&scope, id).await;
    let unknown = Fault::new(
        FaultCode::NotFound,
        "transactionId",
        "there is no transaction with that id",
    );
    let before = attempt!(
        mutation,
        targets,
        attempt!(mutation, targets, found).ok_or(unknown)
    );
    let row = TenantRow {
        tenant: writer.context().tenant(),
        row: &before,
    };
    let permit = attempt!(mutation, targets, mutation.permit(&row));
    if let Some(category) = category {
        let scope = services.engine.read_scope::<resource::Category>(actor);
        let scope = attempt!(mutation, targets, scope);
        let found = mutation
            .transaction
            .categories_by_id(&scope, &[category])
            .await;
        if attempt!(mutation, targets, found).is_empty() {
            let unknown = Fault::new(
                FaultCode::NotFound,
                "categoryId",
                "there is no category with that id",
            );
            return Err(mutation.refuse(unknown.into(), targets).await);
        }
    }
    let written = mutation
        .transaction
        .set_transaction_category(&permit, id, category)
        .await;
    attempt!(mutation, targets, written);
    let recorded = |category| Facts::new().id("category", category);
    let payload = Payload::changed(recorded(before.category), recorded(category));
    mutation.finish(permit, targets, payload).await?;
    Ok(Transaction { category, ..before })
}
