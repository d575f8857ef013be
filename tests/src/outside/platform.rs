//! The stand-in of what AWS gives to what runs on it, after its documentation: the metadata service of instances, in
//! both versions, and the endpoint of containers' credentials.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{HttpRequest, HttpResponse, dev::ServerHandle, http::StatusCode, web};
use chrono::TimeDelta;
use countersign_entities::Clock;
use serde_json::json;

use super::{
    serve,
    signed::{Key, Keys, header},
};

/// The role of the instance.
const ROLE: &str = "countersign+books@acme";
/// How long credentials are good for.
const LIFETIME: TimeDelta = TimeDelta::hours(6);

/// A platform that gives one role's credentials, to the instance and to the container.
#[derive(Debug)]
pub struct Platform {
    url: String,
    state: Arc<State>,
    handle: ServerHandle,
}

#[derive(Debug)]
struct State {
    clock: Arc<dyn Clock>,
    keys: Keys,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Sessions with the metadata service, and until when they live.
    sessions: HashMap<String, Instant>,
    current: Option<Key>,
    made: u32,
    given: u32,
    sessionless: u32,
    has_role: bool,
    /// What is answered instead.
    trouble: Option<u16>,
    code: Option<&'static str>,
    token: String,
}

impl Platform {
    /// Starts it by that clock, the container's token being `token`.
    pub fn start(clock: &Arc<dyn Clock>, token: &str) -> Self {
        let state = Arc::new(State {
            clock: Arc::clone(clock),
            keys: Keys::none(),
            inner: Mutex::new(Inner {
                has_role: true,
                token: token.to_owned(),
                ..Inner::default()
            }),
        });
        let data = Arc::clone(&state);
        let (url, handle) = serve(move |config| {
            config
                .app_data(web::Data::from(Arc::clone(&data)))
                .route("/latest/api/token", web::put().to(session))
                .route("/latest/meta-data/{path:.*}", web::get().to(metadata))
                .route("/v1/credentials", web::get().to(container));
        });
        Self { url, state, handle }
    }

    /// The lines of a configuration by which the instance's metadata is here.
    pub fn instance(&self) -> String {
        format!("metadata_url = \"{}\"", self.url)
    }

    /// Where the container's credentials are.
    pub fn container(&self) -> String {
        format!("{}v1/credentials", self.url)
    }

    /// The lines of a configuration by which the container's credentials are here, and what proves who asks stands in
    /// that file.
    pub fn container_by(&self, token: &Path) -> String {
        format!(
            "container_full_uri = \"{}\"\ncontainer_token_file = \"{}\"",
            self.container(),
            token.display()
        )
    }

    /// What services accept of whoever has its credentials from here.
    pub fn keys(&self) -> Keys {
        self.state.keys.clone()
    }

    /// Ends what was given, before its time.
    pub fn revoke(&self) {
        self.state.inner().current = None;
        self.state.keys.accept(Vec::new());
    }

    /// Accepts another token of the container from now on.
    pub fn change_token(&self, token: &str) {
        token.clone_into(&mut self.state.inner().token);
    }

    /// Attaches the role to the instance, or takes it away.
    pub fn attach(&self, has_role: bool) {
        self.state.inner().has_role = has_role;
    }

    /// Answers everything with that status, or no more.
    pub fn trouble(&self, status: Option<u16>) {
        self.state.inner().trouble = status;
    }

    /// Says of the role that it could not be assumed, or no more.
    pub fn unassumed(&self, code: Option<&'static str>) {
        self.state.inner().code = code;
    }

    /// How often credentials were given.
    pub fn given(&self) -> u32 {
        self.state.inner().given
    }

    /// How often the metadata service was asked as its first version is.
    pub fn asked_without_session(&self) -> u32 {
        self.state.inner().sessionless
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl State {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disturbed(&self) -> Option<HttpResponse> {
        let status = StatusCode::from_u16(self.inner().trouble?);
        let status = status.unwrap_or_else(|error| panic!("{error}"));
        let mut answer = HttpResponse::build(status);
        Some(answer.insert_header(("location", "/elsewhere")).finish())
    }

    /// The credentials of now, made where there are none. Those before are good until their end.
    fn give(&self) -> serde_json::Value {
        let now = self.clock.now();
        let mut inner = self.inner();
        let is_fresh = |key: &Key| {
            key.expires
                .is_some_and(|at| now < at - TimeDelta::minutes(15))
        };
        let current = inner.current.clone().filter(is_fresh);
        let key = current.unwrap_or_else(|| {
            inner.made += 1;
            let n = inner.made;
            let key = Key {
                id: format!("ASIAEXAMPLE{n}"),
                secret: format!("secret/of+the={n}"),
                session: Some(format!("session//{n}==")),
                expires: Some(now + LIFETIME),
            };
            self.keys.add(key.clone());
            inner.current = Some(key.clone());
            key
        });
        inner.given += 1;
        json!({
            "Code": "Success", "LastUpdated": now.to_rfc3339(), "Type": "AWS-HMAC", "AccessKeyId": key.id,
            "SecretAccessKey": key.secret, "Token": key.session, "Expiration": key.expires,
        })
    }
}

async fn session(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = state.disturbed() {
        return answer;
    }
    // A proxy that passes things on is not the instance.
    if !header(&request, "x-forwarded-for").is_empty() {
        return HttpResponse::Forbidden().finish();
    }
    let ttl = header(&request, "x-aws-ec2-metadata-token-ttl-seconds").parse();
    let Some(ttl) = ttl.ok().filter(|ttl| (1..=21_600).contains(ttl)) else {
        return HttpResponse::BadRequest().finish();
    };
    if header(&request, "content-length") != "0" {
        return HttpResponse::LengthRequired().finish();
    }
    let mut inner = state.inner();
    let session = format!("AQAEA{}==", inner.sessions.len());
    let until = Instant::now() + Duration::from_secs(ttl);
    inner.sessions.insert(session.clone(), until);
    HttpResponse::Ok().content_type("text/plain").body(session)
}

async fn metadata(
    request: HttpRequest,
    path: web::Path<String>,
    state: web::Data<State>,
) -> HttpResponse {
    if let Some(answer) = state.disturbed() {
        return answer;
    }
    let session = header(&request, "x-aws-ec2-metadata-token");
    let (has_role, code) = {
        let mut inner = state.inner();
        let lives = inner.sessions.get(session);
        if lives.is_none_or(|until| *until < Instant::now()) {
            inner.sessionless += 1;
            return HttpResponse::Unauthorized().finish();
        }
        (inner.has_role, inner.code)
    };
    let role = path.strip_prefix("iam/security-credentials/");
    match role.filter(|_| has_role) {
        Some("") => HttpResponse::Ok().content_type("text/plain").body(ROLE),
        Some(ROLE) => match code {
            Some(code) => {
                HttpResponse::Ok().json(json!({ "Code": code, "Message": "of the stand-in" }))
            }
            None => HttpResponse::Ok()
                .content_type("text/plain")
                .body(state.give().to_string()),
        },
        _ => HttpResponse::NotFound().finish(),
    }
}

async fn container(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = state.disturbed() {
        return answer;
    }
    if header(&request, "authorization") != state.inner().token {
        let fault =
            json!({ "code": "AccessDeniedException", "message": "the token is none of ours" });
        return HttpResponse::Unauthorized().json(fault);
    }
    let mut document = state.give();
    document["RoleArn"] = json!("arn:aws:iam::111122223333:role/countersign");
    HttpResponse::Ok().json(document)
}
