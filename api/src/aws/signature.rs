//! Signature Version 4.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use countersign_entities::Clock;
use secrecy::ExposeSecret;
use url::Url;

use super::{Access, Identity};

/// Which of its interfaces is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// The key service.
    #[cfg(feature = "aws-kms")]
    Kms,
    /// The object store. Its paths are signed as they are sent, and the body's hash is sent along.
    #[cfg(feature = "s3-checkpoints")]
    S3,
}

/// Signs requests for one interface in one region.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) interface: Interface,
    pub(crate) region: String,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Signer {
    /// The headers that prove that the holder of a key asks, for a request with these headers. What is wrong
    /// is for the operator.
    pub(crate) fn sign(
        &self,
        access: &Access,
        method: &str,
        address: &Url,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, String> {
        let session = access.session.as_ref();
        let credentials = Credentials::new(
            &access.id,
            access.secret.expose_secret(),
            session.map(|token| token.expose_secret().to_owned()),
            None,
            "countersign",
        );
        let at = self.clock.now().timestamp();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs());
        let identity = credentials.into();
        let (name, settings) = self.interface.terms();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(name)
            .time(at)
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let request = SignableRequest::new(
            method,
            address.as_str(),
            headers.iter().copied(),
            SignableBody::Bytes(body),
        );
        let request = request.map_err(|error| error.to_string())?;
        let signed = sign(request, &parameters).map_err(|error| error.to_string())?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

impl Interface {
    fn terms(self) -> (&'static str, SigningSettings) {
        let mut settings = SigningSettings::default();
        match self {
            #[cfg(feature = "aws-kms")]
            Self::Kms => ("kms", settings),
            #[cfg(feature = "s3-checkpoints")]
            Self::S3 => {
                settings.percent_encoding_mode = PercentEncodingMode::Single;
                settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
                settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
                ("s3", settings)
            }
        }
    }
}
