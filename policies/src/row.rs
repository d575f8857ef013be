//! Rows, as the policies see them: a few attributes by the names of the Cedar schema.

use countersign_domain::{
    books::{Account, Transaction},
    id::{TenantId, UserId},
};
use uuid::Uuid;

/// The value of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// The row has no such attribute, or has it empty.
    Missing,
    /// A truth value.
    Bool(bool),
    /// A number.
    Long(i64),
    /// A text.
    Text(&'a str),
    /// Another entity, by its id.
    Id(Uuid),
}

/// A row in hand.
pub trait Row {
    /// The attribute of that name; the empty name is the row's own id.
    fn attribute(&self, name: &str) -> Attribute<'_>;
}

/// A row of a type that has no attribute but its tenant.
#[derive(Debug, Clone, Copy)]
pub struct TenantOnly {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
}

impl TenantOnly {
    /// A tenant's books as a whole, or its own row.
    pub const fn books(tenant: TenantId) -> Self {
        Self {
            tenant,
            id: tenant.uuid(),
        }
    }
}

impl Row for TenantOnly {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "" => Attribute::Id(self.id),
            "tenant" => Attribute::Id(self.tenant.uuid()),
            _ => Attribute::Missing,
        }
    }
}

/// A row of a type that is as its account is: a statement, an import, an account that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct KeptRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// Who has it in their care.
    pub custodian: Option<UserId>,
    /// Whether it is of the household.
    pub personal: bool,
}

impl Row for KeptRow {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        keepable(name, self.tenant, self.id, self.custodian, self.personal)
    }
}

/// A row of the domain with the tenant that it was read in.
#[derive(Debug, Clone, Copy)]
pub struct TenantRow<'a, T> {
    /// Whose it is.
    pub tenant: TenantId,
    /// The row.
    pub row: &'a T,
}

impl Row for TenantRow<'_, Account> {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        let row = self.row;
        keepable(
            name,
            self.tenant,
            row.id.uuid(),
            row.custodian,
            row.personal,
        )
    }
}

impl Row for TenantRow<'_, Transaction> {
    fn attribute(&self, name: &str) -> Attribute<'_> {
        let row = self.row;
        keepable(
            name,
            self.tenant,
            row.id.uuid(),
            row.custodian,
            row.personal,
        )
    }
}

fn keepable<'a>(
    name: &str,
    tenant: TenantId,
    id: Uuid,
    custodian: Option<UserId>,
    personal: bool,
) -> Attribute<'a> {
    match name {
        "" => Attribute::Id(id),
        "tenant" => Attribute::Id(tenant.uuid()),
        "custodian" => custodian.map_or(Attribute::Missing, |user| Attribute::Id(user.uuid())),
        "personal" => Attribute::Bool(personal),
        _ => Attribute::Missing,
    }
}
