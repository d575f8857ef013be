//! A tenant's data key, and the keys for each purpose that are derived from it.

use std::sync::atomic::{AtomicU32, Ordering};

use aes_gcm::{Aes256Gcm, KeyInit};
use countersign_domain::id::TenantId;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::kek::PlainKey;

/// What a key is derived for. Each has a key of its own, by HKDF-SHA-256 (RFC 5869).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Credentials at outside providers.
    Credentials,
    /// Columns of personal data.
    Columns,
    /// The OpenID provider's tokens, of the installation's own key.
    Tokens,
    /// Sign-ins under way, of the installation's own key.
    SignIns,
    /// Answers to mutations that may be sent again, of the installation's own key.
    Answers,
    /// What replicas tell each other.
    Messages,
}

impl Purpose {
    const ALL: [Self; 6] = [
        Self::Credentials,
        Self::Columns,
        Self::Tokens,
        Self::SignIns,
        Self::Answers,
        Self::Messages,
    ];

    /// The name that is derived and authenticated with. Never changes.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Columns => "columns",
            Self::Tokens => "tokens",
            Self::SignIns => "sign-ins",
            Self::Answers => "answers",
            Self::Messages => "messages",
        }
    }
}

/// The name that the key of cursors is derived with.
const CURSORS: &str = "cursors";

/// A version of a tenant's data key, in the open.
pub(crate) struct DataKey {
    ciphers: Vec<(Purpose, Aes256Gcm)>,
    cursors: SecretBox<[u8; 32]>,
    /// What is left of the encryptions that were set aside.
    left: AtomicU32,
}

impl DataKey {
    pub(crate) fn new(key: &PlainKey, tenant: TenantId) -> Self {
        let derive = |label| derived(key, tenant, label);
        let cipher = |purpose: Purpose| {
            let key = derive(purpose.label());
            (purpose, Aes256Gcm::new((&*key).into()))
        };
        Self {
            ciphers: Purpose::ALL.into_iter().map(cipher).collect(),
            cursors: SecretBox::new(Box::new(*derive(CURSORS))),
            left: AtomicU32::new(0),
        }
    }

    /// Takes one of the encryptions that were set aside; false where none is left.
    pub(super) fn take_one(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        taken.is_ok()
    }

    /// Adds encryptions that were set aside.
    pub(super) fn add(&self, encryptions: u32) {
        let more = |left: u32| Some(left.saturating_add(encryptions));
        // It never fails: there is always a sum.
        let _ = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    pub(crate) fn cipher(&self, purpose: Purpose) -> Option<&Aes256Gcm> {
        let found = self.ciphers.iter().find(|(other, _)| *other == purpose);
        found.map(|(_, cipher)| cipher)
    }

    pub(crate) fn cursors(&self) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new(*self.cursors.expose_secret()))
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey")
    }
}

/// A tenant's key for blind indexes: equal texts of a column have equal indexes, in one tenant.
pub(crate) struct IndexKey(SecretBox<[u8; 32]>);

impl IndexKey {
    pub(crate) fn new(key: &PlainKey, tenant: TenantId) -> Self {
        Self(SecretBox::new(Box::new(*derived(key, tenant, "index"))))
    }

    /// HMAC-SHA-256 (RFC 2104) of the column and the text.
    pub(crate) fn index(&self, column: &str, text: &str) -> Option<[u8; 32]> {
        use hmac::KeyInit as _;
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret());
        let mut mac = mac.ok()?;
        mac.update(&crate::seal::framed(&[column.as_bytes(), text.as_bytes()]));
        Some(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexKey")
    }
}

/// The key for a purpose. The length of what is asked for is one that HKDF can give.
fn derived(key: &PlainKey, tenant: TenantId, label: &str) -> Zeroizing<[u8; 32]> {
    let salt = tenant.uuid();
    let hkdf = Hkdf::<Sha256>::new(Some(salt.as_bytes()), key.expose_secret());
    let mut out = Zeroizing::new([0; 32]);
    let info = crate::seal::framed(&[b"countersign-key-v1", label.as_bytes()]);
    if hkdf.expand(&info, &mut *out).is_err() {
        // Of zeros, everything would seem to be sealed.
        std::process::abort();
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_purpose_and_tenant_has_a_key_of_its_own() {
        let key = PlainKey::new([7; 32]);
        let mut seen = BTreeSet::new();
        for tenant in [1, 2].map(|n| TenantId::new(Uuid::from_u128(n))) {
            let labels = Purpose::ALL.map(Purpose::label);
            for label in labels.into_iter().chain([CURSORS, "index"]) {
                assert!(seen.insert(*derived(&key, tenant, label)), "{label}");
            }
        }
    }

    #[test]
    fn derivation_stays() {
        let key = PlainKey::new([7; 32]);
        let tenant = TenantId::new(Uuid::from_u128(1));
        let columns = derived(&key, tenant, Purpose::Columns.label());
        assert_eq!(hex::encode(*columns), COLUMNS);
    }

    /// By another implementation of HKDF, in Python.
    const COLUMNS: &str = "c4999e3a157f99c7307366f5a06c967e52db54159e34041c3025bbd82957ca7b";
}
