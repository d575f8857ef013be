//! Where the key-encryption key is kept, and where outside providers are.

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{AwsCredentials, StoredSecret, read, validate};

/// The key-encryption key: one of the four. The database never holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// 32 random bytes in Base64.
    #[serde(default, deserialize_with = "read::optional_secret")]
    pub kek: Option<SecretString>,
    /// A key of AWS Key Management Service.
    pub aws: Option<AwsKeys>,
    /// A key of Google Cloud Key Management Service.
    pub google: Option<GoogleKeys>,
    /// A key of the transit engine of HashiCorp Vault.
    pub vault: Option<VaultKeys>,
    /// Keys that were `kek` before, which what they wrapped is unwrapped by until it is wrapped anew.
    #[serde(default, deserialize_with = "read::secrets")]
    pub previous: Vec<SecretString>,
    /// Keys of keepers that were the key-encryption key before, for the same.
    #[serde(default)]
    pub before: Keepers,
}

/// Keys of keepers: one of each at the most.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keepers {
    /// A key of AWS Key Management Service.
    pub aws: Option<AwsKeys>,
    /// A key of Google Cloud Key Management Service.
    pub google: Option<GoogleKeys>,
    /// A key of the transit engine of HashiCorp Vault.
    pub vault: Option<VaultKeys>,
}

impl Keys {
    /// How many keepers are named.
    pub(super) fn named(&self) -> usize {
        let named = [
            self.kek.is_some(),
            self.aws.is_some(),
            self.google.is_some(),
            self.vault.is_some(),
        ];
        named.into_iter().filter(|is_named| *is_named).count()
    }
}

/// A symmetric key of AWS Key Management Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsKeys {
    /// The region of the key.
    pub region: String,
    /// The key's ARN.
    pub key_id: String,
    /// Those of an identity that may `kms:Encrypt` and `kms:Decrypt` with it.
    #[serde(default)]
    pub credentials: AwsCredentials,
    /// Where the service is; that of the region where not given.
    pub endpoint: Option<Url>,
}

/// A symmetric key of Google Cloud Key Management Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleKeys {
    /// `projects/…/locations/…/keyRings/…/cryptoKeys/…`.
    pub key: String,
    /// The JSON of a service account that may encrypt and decrypt with it; that of the machine where not
    /// given.
    #[serde(default, deserialize_with = "read::optional_secret")]
    pub service_account: Option<SecretString>,
    /// Where the service is.
    #[serde(default = "google_endpoint")]
    pub endpoint: Url,
    /// Where the machine's own service account has its tokens from.
    #[serde(default = "google_metadata")]
    pub metadata_url: Url,
}

impl GoogleKeys {
    /// Whether no network is between here and where tokens come from.
    pub(super) fn is_metadata_near(&self) -> bool {
        validate::is_near_to(&METADATA, &self.metadata_url)
    }
}

/// The metadata server of Google Cloud, by name and by address.
const METADATA: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// A key of the transit engine of HashiCorp Vault, or of OpenBao.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultKeys {
    /// Where Vault is.
    pub address: Url,
    /// A token that may update `encrypt/<key>` and `decrypt/<key>`. Its file is read again when Vault refuses.
    pub token: StoredSecret,
    /// The name of the key.
    pub key: String,
    /// Where the engine is mounted.
    #[serde(default = "vault_mount")]
    pub mount: String,
    /// The namespace, where there is one.
    pub namespace: Option<String>,
}

/// Outside providers, which credentials of tenants are for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// Where OpenAI is, or whoever speaks its interface.
    pub openai_url: Url,
    /// Where Stripe is.
    pub stripe_url: Url,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            openai_url: fixed("https://api.openai.com/"),
            stripe_url: fixed("https://api.stripe.com/"),
        }
    }
}

fn google_endpoint() -> Url {
    fixed("https://cloudkms.googleapis.com/")
}

fn google_metadata() -> Url {
    fixed(
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token",
    )
}

fn vault_mount() -> String {
    "transit".to_owned()
}

/// An address that is written here.
#[expect(
    clippy::expect_used,
    reason = "the text is one of this file's, and a test parses each"
)]
pub(super) fn fixed(text: &str) -> Url {
    Url::parse(text).expect("an address")
}
