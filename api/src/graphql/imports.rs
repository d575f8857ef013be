//! `Import`: one import of a file.

use async_graphql::dynamic::{Enum, TypeRef};
use countersign_domain::{id::TenantId, statements::Format};
use countersign_entities::Import;
use countersign_policies::{Row, row::KeptRow};

use super::{
    connection::{self, Names, pages},
    field::{ObjectBuilder, Source},
    kind::Kind,
    scalars::{self, enum_value},
    schema::Parts,
    texts,
    value::Leaf,
};

impl Source for Import {
    fn with_row<T>(&self, tenant: TenantId, look: impl FnOnce(&dyn Row) -> T) -> T {
        look(&KeptRow {
            tenant,
            id: self.id.uuid(),
            custodian: self.custodian,
            personal: self.personal,
        })
    }
}

pub(super) fn register(parts: &mut Parts<'_>) {
    let mut formats = Enum::new("StatementFormat").description("A format that statements come in.");
    for format in Format::ALL {
        formats = formats.item(format.name());
    }
    parts.enumeration(formats);
    object(parts);
    connection::register::<Import>(
        parts,
        Names {
            connection: "ImportConnection",
            edge: "ImportEdge",
            node: "Import",
        },
    );
    parts.query(|query| {
        query.of(Kind::Basic).resolve(
            "imports",
            TypeRef::named("ImportConnection"),
            "The files that were imported, newest first.",
            connection::page_arguments(),
            pages!("imports", Import, imports),
        )
    });
}

fn object(parts: &mut Parts<'_>) {
    let int = || TypeRef::named_nn(TypeRef::INT);
    let text = || TypeRef::named(TypeRef::STRING);
    let import = ObjectBuilder::<Import>::new(parts.engine, "Import", "One import of a file.")
        .implements("Node")
        .of(Kind::Basic)
        .value("id", TypeRef::named_nn(TypeRef::ID), "`imp_…`.", |i| {
            Some(Leaf::shown(i.id))
        })
        .of(Kind::Personal)
        .resolve(
            "fileName",
            text(),
            "The file's name.",
            [],
            texts::field::<Import>(|i| Some(&i.file_name)),
        )
        .of(Kind::Basic)
        .value(
            "format",
            TypeRef::named_nn("StatementFormat"),
            "Its format.",
            |i| Some(enum_value(i.format.name())),
        )
        .of(Kind::Hash)
        .value(
            "sha256",
            text(),
            "SHA-256 of the file, in lower-case hexadecimal. For those who may read what the file says.",
            |i| Some(Leaf::from(i.sha256.as_str())),
        )
        .of(Kind::Basic)
        .value("byteCount", int(), "The file's size.", |i| {
            Some(i.byte_count.into())
        })
        .of(Kind::Basic)
        .value("statementCount", int(), "Statements in it.", |i| {
            Some(i.statement_count.into())
        })
        .of(Kind::Basic)
        .value("addedCount", int(), "Transactions that were new.", |i| {
            Some(i.added_count.into())
        })
        .deprecated("2026-11-21", "2027-05-31", "use `addedCount`")
        .of(Kind::Basic)
        .value("importedCount", int(), "Transactions that were new.", |i| {
            Some(i.added_count.into())
        })
        .of(Kind::Basic)
        .value(
            "duplicateCount",
            int(),
            "Transactions that the books already had, from an overlapping file.",
            |i| Some(i.duplicate_count.into()),
        )
        .of(Kind::Basic)
        .value(
            "createdAt",
            TypeRef::named_nn("DateTime"),
            "When it was imported.",
            |i| Some(scalars::instant_value(i.created_at)),
        );
    parts.object(import);
}
