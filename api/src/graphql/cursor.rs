//! Opaque keyset cursors, bound to their tenant and list.
//!
//! A cursor is `base64url(position ‖ MAC)`, where the MAC is the first 16 bytes of HMAC-SHA-256
//! over tenant, list and position. A cursor of another tenant or another list is refused before
//! any row is looked at.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_domain::id::TenantId;
use countersign_entities::{Database, Position};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

const MAC_BYTES: usize = 16;

/// The key that cursors are authenticated with; the same on every replica.
#[derive(Clone)]
pub(super) struct CursorKey(Option<Arc<SecretBox<[u8; 32]>>>);

impl CursorKey {
    /// The key of the installation.
    pub(super) fn of(database: &Database) -> Self {
        Self(database.cursor_key())
    }

    /// The cursor of a row at `position` of `list`.
    pub(super) fn seal(&self, tenant: TenantId, list: &str, position: &Position) -> String {
        let mut bytes = position.to_bytes();
        // Before the books are open nobody asks; a cursor of that time would open nothing.
        if let Some(mac) = self.mac(tenant, list, &bytes) {
            bytes.extend(mac.finalize().into_bytes().iter().take(MAC_BYTES));
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a cursor stands for, if it is one of this tenant and list.
    pub(super) fn open(&self, tenant: TenantId, list: &str, cursor: &str) -> Option<Position> {
        if cursor.len() > 256 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac(tenant, list, position)?
            .verify_truncated_left(mac)
            .ok()?;
        Position::from_bytes(position)
    }

    fn mac(&self, tenant: TenantId, list: &str, position: &[u8]) -> Option<Hmac<Sha256>> {
        let key = self.0.as_ref()?.expose_secret();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(tenant.uuid().as_bytes());
        mac.update(&[u8::try_from(list.len()).unwrap_or(u8::MAX)]);
        mac.update(list.as_bytes());
        mac.update(position);
        Some(mac)
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey")
    }
}
