//! AWS Key Management Service: `Encrypt` and `Decrypt` of a symmetric key, with the identity of the wrapped
//! key as encryption context, signed by Signature Version 4.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_entities::{Clock, KekError, KeyEncryption, KeyIdentity, PlainKey, WrappedKey};
use futures::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::{
    KmsError,
    service::{self, Answer, Kind, Words},
};
use crate::config::AwsKeys;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A key of AWS Key Management Service.
#[derive(Debug)]
pub struct AwsKms {
    http: reqwest::Client,
    endpoint: Url,
    region: String,
    key_id: String,
    name: String,
    access_key_id: String,
    secret_access_key: SecretString,
    session_token: Option<SecretString>,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: String,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: SecretString,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl AwsKms {
    /// The key that the settings name.
    pub fn new(settings: &AwsKeys, clock: Arc<dyn Clock>) -> Result<Self, KmsError> {
        let endpoint = match &settings.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://kms.{}.amazonaws.com/", settings.region)
                .parse()
                .map_err(|_| KmsError::Settings {
                    keeper: "aws",
                    fault: "`region` makes no address".to_owned(),
                })?,
        };
        Ok(Self {
            http: service::client("aws")?,
            endpoint,
            region: settings.region.clone(),
            key_id: settings.key_id.clone(),
            name: format!("aws-kms:{}", settings.key_id),
            access_key_id: settings.access_key_id.clone(),
            secret_access_key: settings.secret_access_key.clone(),
            session_token: settings.session_token.clone(),
            clock,
        })
    }

    async fn call(&self, operation: &str, body: &impl Serialize) -> Result<Answer, KekError> {
        let body = serde_json::to_vec(body).map(Zeroizing::new);
        let body =
            body.map_err(|_| service::garbled(&self.name, "the request can not be written"))?;
        let target = format!("TrentService.{operation}");
        let signed = self
            .sign(&target, &body)
            .map_err(|cause| KekError::Denied {
                kek: self.name.clone(),
                cause,
            })?;
        let mut request = self
            .http
            .post(self.endpoint.clone())
            .header("content-type", CONTENT_TYPE)
            .header("x-amz-target", target);
        for (name, value) in signed {
            request = request.header(name, value);
        }
        let answer = service::send(&self.name, request.body(body.to_vec())).await?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(answer.failure(&self.name, words))
    }

    /// The headers of the signature.
    fn sign(&self, target: &str, body: &[u8]) -> Result<Vec<(String, String)>, String> {
        let token = self.session_token.as_ref();
        let credentials = Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose_secret(),
            token.map(|token| token.expose_secret().to_owned()),
            None,
            "countersign",
        );
        let at = self.clock.now().timestamp();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.unsigned_abs());
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("kms")
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", target)];
        let request = SignableRequest::new(
            "POST",
            self.endpoint.as_str(),
            headers.into_iter(),
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

/// AWS tells by name what went wrong, and by status little: throttling is a 400.
fn words(failure: Failure) -> Words {
    // Some answers have a namespace before the name.
    let code = failure
        .code
        .rsplit('#')
        .next()
        .unwrap_or_default()
        .to_owned();
    let kind = match code.as_str() {
        "InvalidCiphertextException" | "IncorrectKeyException" => Some(Kind::Mismatch),
        "ThrottlingException" | "LimitExceededException" => Some(Kind::Throttled),
        "AccessDeniedException"
        | "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException" => Some(Kind::Denied),
        "DependencyTimeoutException" | "KMSInternalException" | "KeyUnavailableException" => {
            Some(Kind::Unwell)
        }
        _ => None,
    };
    Words {
        code,
        message: failure.message,
        kind,
    }
}

impl KeyEncryption for AwsKms {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap<'a>(
        &'a self,
        key: &'a PlainKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<WrappedKey, KekError>> {
        async move {
            let plaintext = Zeroizing::new(STANDARD.encode(key.expose_secret()));
            let request = Encrypt {
                key_id: &self.key_id,
                plaintext: &plaintext,
                encryption_context: of.pairs().into(),
            };
            let answer = self.call("Encrypt", &request).await?;
            let encrypted: Encrypted = answer.json(&self.name)?;
            let bytes = service::base64(&self.name, &encrypted.ciphertext_blob)?;
            Ok(WrappedKey {
                kek: Some(self.name.clone()),
                bytes: bytes.to_vec(),
            })
        }
        .boxed()
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        of: &'a KeyIdentity,
    ) -> BoxFuture<'a, Result<PlainKey, KekError>> {
        async move {
            let request = Decrypt {
                key_id: &self.key_id,
                ciphertext_blob: STANDARD.encode(&wrapped.bytes),
                encryption_context: of.pairs().into(),
            };
            let answer = self.call("Decrypt", &request).await?;
            let decrypted: Decrypted = answer.json(&self.name)?;
            service::key(&self.name, &decrypted.plaintext)
        }
        .boxed()
    }
}
