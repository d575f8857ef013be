//! The stand-in of three key services, after their documentation: AWS Key Management Service, Google Cloud
//! Key Management Service, and the transit engine of HashiCorp Vault. What proves the caller is verified, by
//! code of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, dev::ServerHandle, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, jwk::Jwk};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    serve,
    signed::{ACCESS, Keys, header, is_signed},
};

/// How a service feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    Well,
    /// It asks to be asked less.
    Throttling,
    /// It does not let the caller use the key.
    Denying,
    /// It says that it is unwell.
    Failing,
    /// It takes longer than anybody waits.
    Slow,
    /// It answers with what is no answer.
    Babbling,
    /// It answers with a key that was damaged on its way.
    Damaging,
}

/// The three services.
#[derive(Debug)]
pub struct Kms {
    url: String,
    state: Arc<State>,
    handle: ServerHandle,
}

#[derive(Debug)]
struct State {
    mood: Mutex<Mood>,
    /// What was encrypted: the plaintext, and what was authenticated with it.
    sealed: Mutex<HashMap<String, (String, Value)>>,
    /// How often a token of Google's was asked for.
    tokens: Mutex<u32>,
    /// The token that Vault takes.
    vault_token: Mutex<String>,
    /// Who may ask AWS.
    keys: Keys,
}

impl Kms {
    /// The key of AWS.
    pub const AWS_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";
    /// The access key of AWS, and its secret.
    pub const AWS_ACCESS: (&str, &str) = ACCESS;
    /// The key of Google.
    pub const GOOGLE_KEY: &str = "projects/p/locations/eu/keyRings/r/cryptoKeys/k";
    /// The token of Vault, at first.
    pub const VAULT_TOKEN: &str = "hvs.example-of-a-token";

    /// Starts them.
    pub fn start() -> Self {
        Self::for_holders_of(Keys::default())
    }

    /// Starts them, that of AWS for whoever has one of those keys.
    pub fn for_holders_of(keys: Keys) -> Self {
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Well),
            sealed: Mutex::default(),
            tokens: Mutex::default(),
            vault_token: Mutex::new(Self::VAULT_TOKEN.to_owned()),
            keys,
        });
        let data = Arc::clone(&state);
        let (url, handle) = serve(move |config| {
            config
                .app_data(web::Data::from(Arc::clone(&data)))
                .route("/", web::post().to(aws))
                .route("/token", web::post().to(google_token))
                .route("/metadata", web::get().to(google_metadata))
                .route("/v1/projects/{rest:.*}", web::post().to(google))
                .route("/v1/transit/{verb}/{key}", web::post().to(vault));
        });
        Self { url, state, handle }
    }

    /// Where they are.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes how they feel.
    pub fn feel(&self, mood: Mood) {
        *locked(&self.state.mood) = mood;
    }

    /// How often a token of Google's was asked for.
    pub fn tokens(&self) -> u32 {
        *locked(&self.state.tokens)
    }

    /// Has Vault take another token, and the one before no longer.
    pub fn change_vault_token(&self, token: &str) {
        token.clone_into(&mut locked(&self.state.vault_token));
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// What every service answers in some moods.
    async fn disturbed(&self, errors: [(u16, Value); 3]) -> Option<HttpResponse> {
        let mood = *locked(&self.mood);
        let [throttled, denied, failed] = errors;
        let (status, body) = match mood {
            Mood::Well | Mood::Damaging => return None,
            Mood::Throttling => throttled,
            Mood::Denying => denied,
            Mood::Failing => failed,
            Mood::Slow => {
                tokio::time::sleep(Duration::from_mins(1)).await;
                failed
            }
            Mood::Babbling => (200, json!("<html>welcome to the captive portal</html>")),
        };
        let status = actix_web::http::StatusCode::from_u16(status);
        let status = status.unwrap_or_else(|error| panic!("{error}"));
        Some(HttpResponse::build(status).json(body))
    }

    fn seal(&self, prefix: &str, plaintext: &str, about: &Value) -> String {
        let mut sealed = locked(&self.sealed);
        let n = sealed.len();
        let id = STANDARD.encode(format!("{prefix}-{n}-{}", hash(plaintext.as_bytes())));
        sealed.insert(id.clone(), (plaintext.to_owned(), about.clone()));
        id
    }

    /// The plaintext, where the same was authenticated with it.
    fn open(&self, id: &str, about: &Value) -> Option<String> {
        let sealed = locked(&self.sealed);
        let (plaintext, with) = sealed.get(id)?;
        (with == about).then(|| plaintext.clone())
    }

    fn is_damaging(&self) -> bool {
        *locked(&self.mood) == Mood::Damaging
    }
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

// AWS

async fn aws(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    let fault =
        |code: &str| json!({ "__type": code, "message": format!("{code} of the stand-in") });
    if let Some(answer) = state
        .disturbed([
            (400, fault("ThrottlingException")),
            (400, fault("AccessDeniedException")),
            (500, fault("KMSInternalException")),
        ])
        .await
    {
        return answer;
    }
    let needed = ["content-type", "host", "x-amz-date", "x-amz-target"];
    if !is_signed(&request, &body, "kms", &needed, &state.keys) {
        return HttpResponse::Forbidden().json(fault("InvalidSignatureException"));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if text(&body, "KeyId") != Kms::AWS_KEY {
        return HttpResponse::BadRequest().json(fault("NotFoundException"));
    }
    let context = &body["EncryptionContext"];
    match header(&request, "x-amz-target") {
        "TrentService.Encrypt" => {
            let blob = state.seal("aws", text(&body, "Plaintext"), context);
            HttpResponse::Ok().json(json!({ "CiphertextBlob": blob, "KeyId": Kms::AWS_KEY,
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
        }
        "TrentService.Decrypt" => {
            match state.open(text(&body, "CiphertextBlob"), context) {
                Some(_) if state.is_damaging() => HttpResponse::Ok()
                    .json(json!({ "Plaintext": "c2hvcnQ=", "KeyId": Kms::AWS_KEY })),
                Some(plaintext) => HttpResponse::Ok()
                    .json(json!({ "Plaintext": plaintext, "KeyId": Kms::AWS_KEY })),
                None => HttpResponse::BadRequest()
                    .json(json!({ "__type": "InvalidCiphertextException" })),
            }
        }
        _ => HttpResponse::BadRequest().json(fault("UnknownOperationException")),
    }
}

// Google

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
const ACCESS_TOKEN: &str = "ya29.example-of-a-token";

/// The private key of the service account.
pub(super) const ACCOUNT_KEY: &str = include_str!("../../../api/src/identity/token/keys/rsa.pem");

impl Kms {
    /// The JSON of a service account, as Google makes it.
    pub fn google_account(&self) -> String {
        json!({
            "type": "service_account",
            "client_email": "countersign@p.iam.gserviceaccount.com",
            "private_key_id": "1",
            "private_key": ACCOUNT_KEY,
            "token_uri": format!("{}token", self.url),
        })
        .to_string()
    }
}

async fn google_token(
    request: HttpRequest,
    form: web::Form<HashMap<String, String>>,
    state: web::Data<State>,
) -> HttpResponse {
    let key = EncodingKey::from_rsa_pem(ACCOUNT_KEY.as_bytes());
    let jwk = key.and_then(|key| Jwk::from_encoding_key(&key, Algorithm::RS256));
    let key = jwk.and_then(|jwk| DecodingKey::from_jwk(&jwk));
    let key = key.unwrap_or_else(|error| panic!("{error}"));
    let mut validation = Validation::new(Algorithm::RS256);
    let own = format!("http://{}/token", request.connection_info().host());
    validation.set_audience(&[own]);
    // The clock of the tests stands elsewhere.
    validation.validate_exp = false;
    let assertion = form.get("assertion").cloned().unwrap_or_default();
    let claims =
        jsonwebtoken::decode::<Value>(&assertion, &key, &validation).map(|token| token.claims);
    let is_good = claims.is_ok_and(|claims| {
        let life = claims["exp"].as_i64().zip(claims["iat"].as_i64());
        claims["scope"] == SCOPE
            && claims["iss"] == "countersign@p.iam.gserviceaccount.com"
            && life.is_some_and(|(exp, iat)| exp - iat == 3600)
    });
    let grant = form.get("grant_type").map(String::as_str);
    if !is_good || grant != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        let error =
            json!({ "error": "invalid_grant", "error_description": "Invalid JWT Signature." });
        return HttpResponse::BadRequest().json(error);
    }
    *locked(&state.tokens) += 1;
    HttpResponse::Ok().json(token())
}

async fn google_metadata(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if header(&request, "metadata-flavor") != "Google" {
        return HttpResponse::Forbidden().finish();
    }
    *locked(&state.tokens) += 1;
    HttpResponse::Ok().json(token())
}

fn token() -> Value {
    json!({ "access_token": ACCESS_TOKEN, "expires_in": 3599, "token_type": "Bearer" })
}

async fn google(
    request: HttpRequest,
    body: web::Json<Value>,
    state: web::Data<State>,
) -> HttpResponse {
    let fault = |code: u16, status: &str| {
        let message = format!("{status} of the stand-in");
        (
            code,
            json!({ "error": { "code": code, "message": message, "status": status } }),
        )
    };
    if let Some(answer) = state
        .disturbed([
            fault(429, "RESOURCE_EXHAUSTED"),
            fault(403, "PERMISSION_DENIED"),
            fault(503, "UNAVAILABLE"),
        ])
        .await
    {
        return answer;
    }
    if header(&request, "authorization") != format!("Bearer {ACCESS_TOKEN}") {
        return HttpResponse::Unauthorized().json(fault(401, "UNAUTHENTICATED").1);
    }
    let invalid = || HttpResponse::BadRequest().json(fault(400, "INVALID_ARGUMENT").1);
    let (is_encrypt, name) = if request.path().ends_with(":encrypt") {
        (true, "plaintext")
    } else {
        (false, "ciphertext")
    };
    let about = "additionalAuthenticatedData";
    if !request
        .path()
        .starts_with(&format!("/v1/{}:", Kms::GOOGLE_KEY))
        || [name, about].iter().any(|field| !is_whole(&body, field))
    {
        return invalid();
    }
    if is_encrypt {
        let id = state.seal("google", text(&body, name), &body[about]);
        return HttpResponse::Ok().json(json!({
            "name": format!("{}/cryptoKeyVersions/3", Kms::GOOGLE_KEY),
            "ciphertext": id,
            "ciphertextCrc32c": crc32c_of(&id),
            "verifiedPlaintextCrc32c": true,
            "verifiedAdditionalAuthenticatedDataCrc32c": true,
            "protectionLevel": "SOFTWARE",
        }));
    }
    match state.open(text(&body, name), &body[about]) {
        Some(plaintext) => {
            let checksum = crc32c_of(&plaintext);
            let other = if state.is_damaging() {
                STANDARD.encode([0; 32])
            } else {
                plaintext
            };
            HttpResponse::Ok().json(json!({ "plaintext": other, "plaintextCrc32c": checksum,
                "usedPrimary": true }))
        }
        None => invalid(),
    }
}

fn is_whole(body: &Value, field: &str) -> bool {
    text(body, &format!("{field}Crc32c")) == crc32c_of(text(body, field))
}

/// CRC-32C (Castagnoli), bit by bit, of what stands there in Base64.
fn crc32c_of(base64: &str) -> String {
    let bytes = STANDARD.decode(base64).unwrap_or_default();
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
        }
    }
    (!crc).to_string()
}

// Vault

async fn vault(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Json<Value>,
    state: web::Data<State>,
) -> HttpResponse {
    let errors = |text: &str| json!({ "errors": [text] });
    if let Some(answer) = state
        .disturbed([
            (
                429,
                errors("request path \"transit\": rate limit quota exceeded"),
            ),
            (403, errors("permission denied")),
            (503, errors("Vault is sealed")),
        ])
        .await
    {
        return answer;
    }
    if header(&request, "x-vault-token") != *locked(&state.vault_token) {
        return HttpResponse::Forbidden().json(errors("permission denied"));
    }
    let about = &body["associated_data"];
    match (path.0.as_str(), path.1.as_str()) {
        ("encrypt", "countersign") => {
            let id = state.seal("vault", text(&body, "plaintext"), about);
            let ciphertext = format!("vault:v2:{id}");
            HttpResponse::Ok()
                .json(json!({ "data": { "ciphertext": ciphertext, "key_version": 2 } }))
        }
        ("decrypt", "countersign") => {
            let ciphertext = text(&body, "ciphertext");
            let id = ciphertext.strip_prefix("vault:v2:").unwrap_or_default();
            match state.open(id, about) {
                Some(_) if state.is_damaging() => {
                    HttpResponse::Ok().json(json!({ "data": { "plaintext": "not base64!" } }))
                }
                Some(plaintext) => {
                    HttpResponse::Ok().json(json!({ "data": { "plaintext": plaintext } }))
                }
                None => {
                    HttpResponse::BadRequest().json(errors("cipher: message authentication failed"))
                }
            }
        }
        _ => HttpResponse::NotFound().json(errors("encryption key not found")),
    }
}
