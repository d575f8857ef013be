//! Rows that are read by either kind of connection.

/// A row that SeaORM reads from a [`crate::wire::Wire`], and that is read by name from a
/// [`super::Line`] as well.
pub(crate) trait Fetched: sea_orm::FromQueryResult + Send + Sync {
    /// Reads it.
    fn from_line(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error>;
}

/// Defines a row, or (`impl`) makes one of an entity's model.
macro_rules! fetched {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(sea_orm::FromQueryResult)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $ty),*
        }
        $crate::line::fetched!(impl $name { $($field),* });
    };
    (impl $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::line::Fetched for $name {
            fn from_line(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
                Ok(Self {
                    $($field: row.try_get(stringify!($field))?),*
                })
            }
        }
    };
}
pub(crate) use fetched;
