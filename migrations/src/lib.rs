//! The shape of the database, as reviewed SQL.
