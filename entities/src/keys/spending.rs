//! The encryptions that a tenant's data key is good for, and the version after it.

use std::sync::Arc;

use countersign_domain::{
    audit::{Facts, Head, Outcome, Payload},
    id::{RequestId, TenantId},
};
use countersign_policies::Resolved;

use super::{DATA, Keys, data::DataKey, rows};
use crate::{
    audit::{self, Attribution, EventDraft, Unlinked},
    context::RequestFacts,
    error::StoreError,
    wire::End,
};

/// How many encryptions a server sets aside at a time. What it does not use is lost when it stops.
const BLOCK: u32 = 16_384;

impl Keys {
    /// The newest version, with one encryption of its own.
    pub(super) async fn spend(&self, tenant: TenantId) -> Result<(i32, Arc<DataKey>), StoreError> {
        let mut newest = self.newest(tenant).await?;
        for _ in 0..3 {
            let version = newest.version();
            let key = self.data_key(tenant, &newest).await?;
            if key.take_one() || self.reserve(tenant, version, &key).await? {
                return Ok((version, key));
            }
            // Half of what the key is good for is spent, or it was destroyed since it was last looked for.
            newest = self.newest_now(tenant).await?;
            if newest.version() == version {
                self.make_next(tenant, version).await?;
                newest = self.newest_now(tenant).await?;
            }
        }
        let what = "a tenant's data key is used up, and the next one does not come";
        Err(StoreError::inconsistent(what))
    }

    /// Sets encryptions aside and takes one; false where there are none to be had.
    async fn reserve(
        &self,
        tenant: TenantId,
        version: i32,
        key: &DataKey,
    ) -> Result<bool, StoreError> {
        let wire = self.connections.enter(tenant).await?;
        let reserved = rows::reserve(&wire, tenant, version, BLOCK).await?;
        wire.end(End::Commit).await?;
        if reserved {
            key.add(BLOCK.saturating_sub(1));
        }
        Ok(reserved)
    }

    /// Makes the version after that one, with its row in the log; unless somebody else has made it, or that
    /// one is destroyed.
    async fn make_next(&self, tenant: TenantId, version: i32) -> Result<(), StoreError> {
        let next = version.saturating_add(1);
        let new = self.new_row(tenant, DATA, next).await?;
        let row = self.rotated(tenant, version, next);
        let key = self.audit(tenant).await?;
        let wire = self.connections.enter(tenant).await?;
        if rows::insert_next(&wire, new).await? {
            audit::append(&wire, Head::EMPTY, &row, &key).await?;
        }
        wire.end(End::Commit).await
    }

    fn rotated(&self, tenant: TenantId, before: i32, after: i32) -> Unlinked {
        let version =
            |version: i32| Facts::new().count("version", u64::from(version.unsigned_abs()));
        let draft = EventDraft {
            action: "key.rotated",
            permission: Resolved::beside_policies("key budget"),
            outcome: Outcome::Done,
            targets: vec![tenant.into()],
            payload: Payload::changed(version(before), version(after)),
        };
        let facts = RequestFacts {
            request: RequestId::new(self.ids.uuid()),
            source: None,
            at: self.clock.now(),
            idempotency_key: None,
        };
        let by = Attribution::operator("automatic rotation");
        Unlinked::new(tenant, self.ids.uuid(), by, &facts, draft)
    }
}
