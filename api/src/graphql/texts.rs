//! Texts of sealed columns: opened when their field is read, which is after it was decided.

use countersign_domain::sealed::StoredText;
use countersign_entities::Text;
use futures::FutureExt;

use super::{
    error::GraphqlError,
    field::{Context, Resolved},
    operation::Operation,
    value::{Leaf, Output},
};

/// What stands where a text was sealed under a key that is destroyed.
const DESTROYED: &str = "[destroyed]";

/// The resolver of a field whose value is a sealed text of `T`.
pub(super) fn field<T: Send + Sync + 'static>(
    get: for<'a> fn(&'a T) -> Option<&'a StoredText>,
) -> impl for<'a> Fn(Context<'a>) -> Resolved<'a> + Send + Sync + 'static {
    move |context| {
        async move {
            let text = get(context.parent::<T>()?);
            open(context.operation, text).await
        }
        .boxed()
    }
}

async fn open(operation: &Operation, text: Option<&StoredText>) -> Result<Output, GraphqlError> {
    let Some(text) = text else {
        return Ok(Output::Null);
    };
    let database = &operation.services.database;
    let text = match database.open_text(&operation.context, text).await? {
        Text::Open(text) => text,
        Text::Destroyed => DESTROYED.to_owned(),
    };
    Ok(Output::Leaf(Leaf::from(text)))
}
