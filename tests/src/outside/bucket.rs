//! The stand-in of an object store, after the documentation of Amazon S3: conditional writes, object lock, lists
//! in pages. Signatures and checksums are verified, by code of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{HttpRequest, HttpResponse, dev::ServerHandle, http::StatusCode, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{
    serve,
    signed::{ACCESS, Keys, header, is_signed},
};

/// Names on a page of a list; a thousand at the model.
const PAGE: usize = 3;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it holds.
    pub content: String,
    /// Until when nobody removes it, and by which mode.
    pub locked: Option<(String, String)>,
    /// How often it was written.
    pub writes: u32,
}

/// An object store with one bucket.
#[derive(Debug)]
pub struct Bucket {
    url: String,
    state: Arc<State>,
    handle: ServerHandle,
}

#[derive(Debug, Default)]
struct State {
    objects: Mutex<BTreeMap<String, Object>>,
    /// What is answered to so many requests from here on.
    trouble: Mutex<(u32, u16)>,
    asked: Mutex<u32>,
    keys: Keys,
}

impl Bucket {
    /// Its name.
    pub const NAME: &str = "acme-checkpoints";

    /// Starts it.
    pub fn start() -> Self {
        Self::for_holders_of(Keys::default())
    }

    /// Starts it for whoever has one of those keys.
    pub fn for_holders_of(keys: Keys) -> Self {
        let state = Arc::new(State {
            keys,
            ..State::default()
        });
        let data = Arc::clone(&state);
        let (url, handle) = serve(move |config| {
            config
                .app_data(web::Data::from(Arc::clone(&data)))
                .default_service(web::to(answer));
        });
        Self { url, state, handle }
    }

    /// The lines of a configuration that name it, and a key.
    pub fn configuration(&self, more: &str) -> String {
        let (access, secret) = ACCESS;
        let keys = format!("access_key_id = \"{access}\", secret_access_key = \"{secret}\"");
        self.configuration_by(&format!("credentials = {{ {keys} }}\n{more}"))
    }

    /// The lines of a configuration that name it.
    pub fn configuration_by(&self, more: &str) -> String {
        format!(
            "[audit.bucket]\nname = \"{}\"\nregion = \"eu-central-1\"\nendpoint = \"{}\"\n\
             path_style = true\n{more}\n",
            Self::NAME,
            self.url
        )
    }

    /// What is in it.
    pub fn objects(&self) -> BTreeMap<String, Object> {
        locked(&self.state.objects).clone()
    }

    /// Puts an object there, as somebody else would.
    pub fn put(&self, name: &str, content: &str) {
        let object = Object {
            content: content.to_owned(),
            locked: None,
            writes: 1,
        };
        locked(&self.state.objects).insert(name.to_owned(), object);
    }

    /// Removes every object, as nobody could where they are locked.
    pub fn clear(&self) {
        locked(&self.state.objects).clear();
    }

    /// Answers the next `times` requests with that status.
    pub fn trouble(&self, times: u32, status: u16) {
        *locked(&self.state.trouble) = (times, status);
    }

    /// How many requests there were since this was asked last.
    pub fn asked(&self) -> u32 {
        std::mem::take(&mut locked(&self.state.asked))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fault(status: u16, code: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or_else(|error| panic!("{error}"));
    HttpResponse::build(status)
        .content_type("application/xml")
        .body(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{code} of the stand-in</Message><RequestId>1</RequestId></Error>"
        ))
}

async fn answer(request: HttpRequest, body: web::Bytes, state: web::Data<State>) -> HttpResponse {
    *locked(&state.asked) += 1;
    {
        let mut trouble = locked(&state.trouble);
        if let Some(left) = trouble.0.checked_sub(1) {
            trouble.0 = left;
            let code = match trouble.1 {
                503 => "SlowDown",
                403 => "AccessDenied",
                409 => "ConditionalRequestConflict",
                _ => "InternalError",
            };
            return fault(trouble.1, code);
        }
    }
    let mut needed = vec!["host", "x-amz-date", "x-amz-content-sha256"];
    let conditions = ["if-none-match", "x-amz-object-lock-mode"];
    needed.extend(
        conditions
            .iter()
            .filter(|name| !header(&request, name).is_empty()),
    );
    let sent = hex::encode(Sha256::digest(&body));
    if !is_signed(&request, &body, "s3", &needed, &state.keys)
        || header(&request, "x-amz-content-sha256") != sent
    {
        return fault(403, "SignatureDoesNotMatch");
    }
    let path = request.path();
    let Some(name) = path.strip_prefix(&format!("/{}/", Bucket::NAME)) else {
        return fault(404, "NoSuchBucket");
    };
    match (request.method().as_str(), name) {
        ("GET", "") => list(&request, &state),
        ("GET", name) => match locked(&state.objects).get(name) {
            Some(object) => HttpResponse::Ok().body(object.content.clone()),
            None => fault(404, "NoSuchKey"),
        },
        ("PUT", name) => put(&request, &body, name, &state),
        _ => fault(405, "MethodNotAllowed"),
    }
}

fn put(request: &HttpRequest, body: &[u8], name: &str, state: &State) -> HttpResponse {
    let checksum = header(request, "x-amz-checksum-sha256");
    let mode = header(request, "x-amz-object-lock-mode");
    if !checksum.is_empty() && checksum != STANDARD.encode(Sha256::digest(body)) {
        return fault(400, "BadDigest");
    }
    // What is to be locked comes with a checksum.
    if !mode.is_empty() && checksum.is_empty() {
        return fault(400, "InvalidRequest");
    }
    let mut objects = locked(&state.objects);
    let before = objects.get(name);
    if before.is_some() && header(request, "if-none-match") == "*" {
        return fault(412, "PreconditionFailed");
    }
    let until = header(request, "x-amz-object-lock-retain-until-date");
    let object = Object {
        content: String::from_utf8_lossy(body).into_owned(),
        locked: (!mode.is_empty()).then(|| (until.to_owned(), mode.to_owned())),
        writes: before.map_or(1, |before| before.writes + 1),
    };
    objects.insert(name.to_owned(), object);
    HttpResponse::Ok().finish()
}

fn list(request: &HttpRequest, state: &State) -> HttpResponse {
    let query = web::Query::<BTreeMap<String, String>>::from_query(request.query_string());
    let query = query.map(web::Query::into_inner).unwrap_or_default();
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    if of("list-type") != "2" {
        return fault(400, "InvalidArgument");
    }
    let (prefix, after) = (of("prefix"), of("start-after"));
    let objects = locked(&state.objects);
    let names = objects
        .keys()
        .filter(|name| name.starts_with(&prefix) && **name > after);
    let names: Vec<&String> = names.collect();
    let page = names.iter().take(PAGE);
    let contents: Vec<String> = page
        .map(|name| format!("<Contents><Key>{name}</Key><Size>1</Size></Contents>"))
        .collect();
    let contents = contents.concat();
    HttpResponse::Ok()
        .content_type("application/xml")
        .body(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name>\
         <Prefix>{prefix}</Prefix><KeyCount>{}</KeyCount><IsTruncated>{}</IsTruncated>{contents}\
         </ListBucketResult>",
            Bucket::NAME,
            names.len().min(PAGE),
            names.len() > PAGE
        ))
}
