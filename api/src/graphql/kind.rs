//! What every field is: the kind of data that it holds, or of what it does. Each names it where it is defined,
//! and the policies speak of nothing else. The schema file that they are checked by
//! (`policies/cedar/actions.cedarschema`) is written from here, one action for each field.

use std::fmt::Write;

use countersign_policies::{ActionId, Engine};

/// The kind of data that a field holds, or of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The frame of answers, which holds no data of its own.
    Structure,
    /// Names, dates, states, categories and magnitudes.
    Basic,
    /// Exact amounts and balances.
    Financial,
    /// Counterparties, account numbers and remittance text.
    Personal,
    /// Members, their roles and addresses.
    Member,
    /// API tokens, never their secrets.
    Token,
    /// Credentials at outside providers, never their secrets.
    Credential,
    /// The audit log.
    Audit,
    /// What the policies say, in their own words.
    Explanation,
    /// Sorts transactions, makes categories.
    WriteBasic,
    /// The hash of a file that was imported, by which its text can be confirmed, amounts and all.
    Hash,
    /// Makes accounts.
    WriteFinancial,
    /// Imports statements, and tells which of their entries the books had.
    Import,
    /// Changes and removes members and the tenant's own roles, which a person must answer for.
    AdminMember,
    /// Makes and revokes API tokens, which a person must answer for.
    AdminToken,
    /// Stores, checks and revokes credentials at outside providers, which a person must answer for.
    AdminCredential,
}

impl Kind {
    /// The groups of actions that policies know it by, as `schema.cedarschema` declares them.
    const fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Structure => &["structure"],
            Self::Basic => &["read.basic"],
            Self::Financial => &["read.financial"],
            Self::Personal => &["read.pii"],
            Self::Member => &["read.member"],
            Self::Token => &["read.token"],
            Self::Credential => &["read.credential"],
            Self::Audit => &["read.audit"],
            Self::Explanation => &["explain"],
            Self::WriteBasic => &["write.basic"],
            Self::Hash => &["read.pii", "confirm"],
            Self::WriteFinancial => &["write.financial"],
            Self::Import => &["write.financial", "confirm"],
            Self::AdminMember => &["admin.member", "attributed"],
            Self::AdminToken => &["admin.token", "attributed"],
            Self::AdminCredential => &["admin.credential", "attributed"],
        }
    }
}

/// The types of the policies' schema that rows are of. What is of no row is of the tenant's books.
const OF_ROWS: [&str; 11] = [
    "Account",
    "ApiToken",
    "AuditEntry",
    "Category",
    "Credential",
    "CustomRole",
    "Import",
    "Member",
    "Statement",
    "Tenant",
    "Transaction",
];
const BOOKS: &str = "Books";

/// The resource that fields of an object type are on, where they do not say another.
pub(super) fn resource_of(object: &str) -> &'static str {
    let own = OF_ROWS.into_iter().find(|resource| *resource == object);
    own.unwrap_or(BOOKS)
}

/// A field with what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classified {
    pub(super) object: &'static str,
    pub(super) field: &'static str,
    pub(super) kind: Kind,
    /// The type of the policies' schema that it is on.
    pub(super) resource: &'static str,
}

impl Classified {
    /// Whether the policies' schema has it as that action: on that resource and in those groups.
    pub(super) fn is_action(&self, engine: &Engine, action: ActionId) -> bool {
        let mut groups = self.kind.groups().iter();
        engine.resource_of(action) == self.resource
            && groups.all(|group| engine.is_in_group(action, group))
    }
}

/// How wide a line is at most.
const WIDTH: usize = 100;

/// The schema file: an action for each field, by object type, kind and resource.
pub(super) fn cedar_schema(fields: &[Classified]) -> String {
    let mut text = String::from(
        "// Written by `cargo generate`: one action for every field of the GraphQL schema, in the groups of the\n\
         // kind of data that the field names where it is defined (`api/src/graphql/kind.rs`).\n\
         namespace Countersign {\n",
    );
    let mut objects: Vec<&str> = Vec::new();
    for field in fields {
        if !objects.contains(&field.object) {
            objects.push(field.object);
        }
    }
    for object in objects {
        let _ = writeln!(text, "  // {object}.");
        let own = || fields.iter().filter(|field| field.object == object);
        let mut parts: Vec<(Kind, &str)> =
            own().map(|field| (field.kind, field.resource)).collect();
        parts.sort_unstable();
        parts.dedup();
        for (kind, resource) in parts {
            let of_part = own().filter(|field| (field.kind, field.resource) == (kind, resource));
            let mut names: Vec<_> = of_part
                .map(|f| format!("\"{object}.{}\"", f.field))
                .collect();
            names.sort_unstable();
            declare(&mut text, &names, kind, resource);
        }
    }
    text.push_str("}\n");
    text
}

fn declare(text: &mut String, names: &[String], kind: Kind, resource: &str) {
    let mut line = String::from("  action");
    let last = names.last();
    for name in names {
        let comma = if Some(name) == last { "" } else { "," };
        let more = format!(" {name}{comma}");
        if line.len().saturating_add(more.len()) > WIDTH {
            let _ = writeln!(text, "{line}");
            line.clear();
            line.push_str("   ");
        }
        line.push_str(&more);
    }
    let groups = kind.groups().iter();
    let groups: Vec<_> = groups.map(|group| format!("\"{group}\"")).collect();
    let _ = writeln!(
        text,
        "{line}\n    in [{}]\n    appliesTo {{ principal: [Human, Machine], resource: [{resource}], \
         context: Facts }};",
        groups.join(", ")
    );
}
