//! Faults of input, which are data of the payload and not errors of the request.

use std::sync::Arc;

use async_graphql::dynamic::{Enum, TypeRef};

use super::{
    connection::without_row,
    error::GraphqlError,
    field::{ObjectBuilder, Source},
    kind::Kind,
    schema::Parts,
    value::{Leaf, Output},
};
use crate::app::{AppError, Fault, FaultCode};
use countersign_domain::id::TenantId;
use countersign_policies::Row;

/// What a mutation gives back: what it made, or what was wrong with the input.
pub(super) struct Payload<T> {
    pub(super) made: Option<T>,
    faults: Vec<Arc<Fault>>,
}

without_row!(@[T] Payload<T>, Fault);

/// Turns the end of a use case into a payload; what is not a fault of input is an error.
pub(super) fn payload<T: Send + Sync + 'static>(
    result: Result<T, AppError>,
) -> Result<Output, GraphqlError> {
    let payload = match result {
        Ok(made) => Payload {
            made: Some(made),
            faults: Vec::new(),
        },
        Err(AppError::Faults(faults)) => Payload {
            made: None,
            faults: faults.into_iter().map(Arc::new).collect(),
        },
        Err(other) => return Err(failure(other)),
    };
    Ok(Output::object(Arc::new(payload)))
}

/// The end of a use case as an error of the request.
pub(super) fn failure(error: AppError) -> GraphqlError {
    match error {
        AppError::Faults(faults) => {
            let sentences: Vec<_> = faults.into_iter().map(|fault| fault.message).collect();
            GraphqlError::BadInput(sentences.join("; "))
        }
        AppError::Refused(refusal) => GraphqlError::Refused(refusal),
        // The first is never answered: what the other request comes to is.
        AppError::Repeats | AppError::Busy => GraphqlError::Unavailable,
        AppError::Entry(error) => error.into(),
        AppError::Store(error) => error.into(),
    }
}

/// The builder of a payload type, with its `userErrors`.
pub(super) fn payload_builder<'e, T: Send + Sync + 'static>(
    parts: &Parts<'e>,
    name: &'static str,
) -> ObjectBuilder<'e, Payload<T>> {
    ObjectBuilder::new(parts.engine, name, "What came of it.")
        .of(Kind::Structure)
        .object(
            "userErrors",
            TypeRef::named_nn_list_nn("UserError"),
            "What is wrong with the input; empty where it was done.",
            |payload| Some(Output::objects(payload.faults.iter().cloned())),
        )
}

/// A row that a payload made, as the parent of its object type.
pub(super) fn made<T: Send + Sync + 'static>(payload: &Payload<Arc<T>>) -> Option<Output> {
    payload.made.clone().map(Output::object)
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let mut codes = Enum::new("UserErrorCode").description("The stable codes of faults of input.");
    for (_, name) in FaultCode::ALL {
        codes = codes.item(name);
    }
    parts.enumeration(codes);
    let user_error = ObjectBuilder::<Fault>::new(
        parts.engine,
        "UserError",
        "What is wrong with the input, for the person who gave it.",
    )
    .of(Kind::Structure)
    .value(
        "code",
        TypeRef::named_nn("UserErrorCode"),
        "A stable code.",
        |fault| Some(super::scalars::enum_value(fault.code.name())),
    )
    .of(Kind::Structure)
    .value(
        "message",
        TypeRef::named_nn(TypeRef::STRING),
        "One sentence.",
        |fault| Some(Leaf::from(fault.message.as_str())),
    )
    .of(Kind::Structure)
    .value(
        "field",
        TypeRef::named_nn_list(TypeRef::STRING),
        "The path to the input field.",
        |fault| Some(fault.field.iter().copied().collect()),
    );
    parts.object(user_error);
}
