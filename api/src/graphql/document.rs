//! Documents: the published ones by their id, and all of them parsed and planned once.

mod text;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_graphql::{Name, ServerError, Variables};
use async_graphql_parser::{
    Error,
    types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use countersign_policies::Engine;
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use tokio::sync::OnceCell;

use super::{
    field::Fields,
    limits::{self, LimitError, Limits},
    plan::{Plan, Planner},
    selection::{self, Compiler, Selection},
    shape::SchemaShape,
};

/// A document with the plan of each of its operations.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    /// SHA-256 of the text, which the audit log keeps.
    pub(super) sha256: [u8; 32],
    planned: HashMap<Option<Name>, Planned>,
    /// How long the text is.
    bytes: u32,
    /// What is wrong with it that is not seen in what is parsed.
    pub(super) repeated_member: Option<ServerError>,
    /// What validation finds wrong with it, once it was looked at.
    pub(super) faults: OnceCell<Vec<ServerError>>,
}

/// What is known of an operation before it runs.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) plan: Arc<Plan>,
    /// What it selects, where that does not depend on variables.
    pub(super) selection: Option<Arc<Selection>>,
}

/// Why a text is not a document that is run.
#[derive(Debug)]
pub(super) enum DocumentError {
    Parse(Error),
    Limit(LimitError),
}

impl Document {
    /// Whether it was looked at, and nothing is wrong with it.
    pub(super) fn is_valid(&self) -> bool {
        self.faults.get().is_some_and(Vec::is_empty)
    }

    /// The operation to run, with its plan. A sentence says why there is none.
    pub(super) fn operation(
        &self,
        name: Option<&str>,
    ) -> Result<(&OperationDefinition, Planned), String> {
        let found = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => Some((None, operation)),
            (DocumentOperations::Single(_), Some(_)) => None,
            (DocumentOperations::Multiple(operations), Some(name)) => operations
                .get_key_value(name)
                .map(|(key, operation)| (Some(key), operation)),
            (DocumentOperations::Multiple(operations), None) => {
                let mut all = operations.iter();
                match (all.next(), all.next()) {
                    (Some((key, operation)), None) => Some((Some(key), operation)),
                    _ => return Err("name the operation to run in `operationName`".to_owned()),
                }
            }
        };
        let planned = found.and_then(|(key, operation)| {
            Some((&operation.node, self.planned.get(&key.cloned())?.clone()))
        });
        planned.ok_or_else(|| "the document has no operation of that name".to_owned())
    }
}

/// The id of a published document: the SHA-256 of its text, written `sha256:` and 64 digits
/// (GraphQL over HTTP, appendix on persisted documents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentId([u8; 32]);

impl DocumentId {
    /// The id of that text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Reads an id in its one spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?;
        let canonical = digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        canonical.then_some(Self(bytes))
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// The most bytes of documents that are kept: of what is made of them some forty times as many.
const CACHED_BYTES_MAX: u64 = 1024 * 1024;

/// The documents of the web app, as its build names them.
const OF_THE_APP: &str = include_str!("../../../web/src/graphql/generated/documents.json");

/// Those of the last release's, of which a release makes a copy beside that of its schema: pages that were open
/// before an update go on.
const OF_THE_LAST_RELEASE: &str = include_str!("../../documents.released.json");

/// An entry of a manifest: the text, or an object that has it beside what the server works out itself.
/// Both forms are what persisted-query builds write, under a name or a hash.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Published {
    Text(String),
    Entry { text: String },
}

/// The documents of a manifest.
pub fn documents_of(json: &str) -> Result<Vec<String>, serde_json::Error> {
    let manifest: BTreeMap<String, Published> = serde_json::from_str(json)?;
    let texts = manifest.into_values().map(|published| {
        let (Published::Text(text) | Published::Entry { text }) = published;
        text
    });
    Ok(texts.collect())
}

/// Where a document is no GraphQL and what belongs there, without its text: a caller's log may keep
/// the answer, and the parser's own words quote whole lines.
pub(super) fn syntax(error: &Error) -> String {
    let of_several = match error {
        Error::MultipleOperations { .. } => {
            Some("an operation without a name stands beside others")
        }
        Error::OperationDuplicated { .. } => Some("two operations have one name"),
        Error::FragmentDuplicated { .. } => Some("two fragments have one name"),
        Error::MissingOperation => Some("there is no operation in it"),
        _ => None,
    };
    if let Some(what) = of_several {
        return format!("the document can not be run: {what}");
    }
    let text = error.to_string();
    let place = error.positions().next();
    let place = place.map_or_else(String::new, |place| {
        format!(" at line {}, column {}", place.line, place.column)
    });
    let expected = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("= "))
        .filter(|line| line.starts_with("expected"));
    match expected {
        Some(expected) => format!("the document is no GraphQL{place}: {expected}"),
        None => format!("the document is no GraphQL{place}"),
    }
}

/// The published documents, and those that were asked for last.
#[derive(Debug)]
pub(super) struct Documents {
    published: RwLock<HashMap<DocumentId, Arc<str>>>,
    cache: Cache<[u8; 32], Arc<Document>>,
}

impl Documents {
    /// The documents of the web app and of its last release are published from the start.
    pub(super) fn new() -> Result<Self, serde_json::Error> {
        Self::of(&[OF_THE_APP, OF_THE_LAST_RELEASE])
    }

    fn of(manifests: &[&str]) -> Result<Self, serde_json::Error> {
        let documents = Self {
            published: RwLock::default(),
            cache: Cache::builder()
                .weigher(|_, document: &Arc<Document>| document.bytes)
                .max_capacity(CACHED_BYTES_MAX)
                .build(),
        };
        for manifest in manifests {
            documents.publish_manifest(manifest)?;
        }
        Ok(documents)
    }

    /// Publishes every document of a manifest: a JSON object of texts, or of objects with a `text`.
    pub(super) fn publish_manifest(&self, json: &str) -> Result<usize, serde_json::Error> {
        let texts = documents_of(json)?;
        for text in &texts {
            self.publish(text);
        }
        Ok(texts.len())
    }

    /// Lets everybody run that text by its id.
    pub(super) fn publish(&self, text: &str) -> DocumentId {
        let id = DocumentId::of(text);
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        published.insert(id, text.into());
        id
    }

    /// The text of that id, if it is published.
    pub(super) fn published(&self, id: DocumentId) -> Option<Arc<str>> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        published.get(&id).map(Arc::clone)
    }

    pub(super) fn get(
        &self,
        text: &str,
        limits: &Limits,
        shape: &SchemaShape,
        fields: &Fields,
        engine: &Engine,
    ) -> Result<Arc<Document>, DocumentError> {
        if text.len() > limits.document_bytes_max {
            let limit = LimitError::DocumentBytes(limits.document_bytes_max);
            return Err(DocumentError::Limit(limit));
        }
        let sha256 = Sha256::digest(text.as_bytes()).into();
        if let Some(known) = self.cache.get(&sha256) {
            return Ok(known);
        }
        if text::is_beyond(text, limits.tokens_max) {
            return Err(DocumentError::Limit(LimitError::Tokens(limits.tokens_max)));
        }
        let readable = text::readable(text);
        let parsed = async_graphql_parser::parse_query(readable).map_err(|error| match error {
            Error::RecursionLimitExceeded => DocumentError::Limit(LimitError::Nesting),
            error => DocumentError::Parse(error),
        })?;
        limits::check_expansion(&parsed, limits).map_err(DocumentError::Limit)?;
        let mut planned = HashMap::new();
        let conditional = selection::is_conditional(&parsed);
        let none = Variables::default();
        let planner = Planner {
            shape,
            engine,
            document: &parsed,
        };
        for (name, operation) in parsed.operations.iter() {
            let plan = planner
                .plan(&operation.node, limits)
                .map_err(DocumentError::Limit)?;
            let selection = (!conditional).then(|| {
                let compiler = Compiler::new(shape, fields, &parsed, &none);
                Arc::new(compiler.compile(&operation.node))
            });
            let plan = Arc::new(plan);
            planned.insert(name.cloned(), Planned { plan, selection });
        }
        let document = Arc::new(Document {
            bytes: u32::try_from(text.len()).unwrap_or(u32::MAX),
            repeated_member: text::repeated_member(text),
            parsed,
            sha256,
            planned,
            faults: OnceCell::new(),
        });
        self.cache.insert(sha256, Arc::clone(&document));
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::{
        schema::{self, Suggestions},
        validation,
    };

    #[test]
    fn pages_of_this_release_and_of_the_last_one_are_answered() {
        let manifests = [
            r#"{ "Now": "{ viewer { kind } }" }"#,
            r#"{ "Then": { "text": "{ tenant { slug } }" } }"#,
        ];
        let documents = Documents::of(&manifests).unwrap();
        for text in ["{ viewer { kind } }", "{ tenant { slug } }"] {
            assert_eq!(
                documents.published(DocumentId::of(text)).as_deref(),
                Some(text)
            );
        }
        let documents = Documents::new().unwrap();
        for manifest in [OF_THE_APP, OF_THE_LAST_RELEASE] {
            for text in documents_of(manifest).unwrap() {
                assert!(
                    documents.published(DocumentId::of(&text)).is_some(),
                    "{text}"
                );
            }
        }
    }

    #[tokio::test]
    async fn the_schema_takes_what_pages_of_the_last_release_send() {
        let engine = Engine::embedded().unwrap();
        let (schema, fields) = schema::build(&engine, Suggestions::Off).unwrap();
        let shape = SchemaShape::parse(&schema.sdl()).unwrap();
        let (documents, limits) = (Documents::new().unwrap(), Limits::default());
        let faults = async |text: &str| {
            let document = documents
                .get(text, &limits, &shape, &fields, &engine)
                .unwrap();
            validation::validate(&schema, &shape, &document, None).await
        };
        assert!(!faults("{ tenant { gone } }").await.is_empty());
        let sent = documents_of(OF_THE_LAST_RELEASE).unwrap();
        assert!(sent.len() > 20, "{}", sent.len());
        for text in sent {
            assert!(
                faults(&text).await.is_empty(),
                "{:?}: {text}",
                faults(&text).await
            );
        }
    }

    #[test]
    fn documents_are_kept_by_their_bytes_and_not_by_their_number() {
        let engine = Engine::embedded().unwrap();
        let (schema, fields) = schema::build(&engine, Suggestions::Off).unwrap();
        let shape = SchemaShape::parse(&schema.sdl()).unwrap();
        let (documents, limits) = (Documents::new().unwrap(), Limits::default());
        let padding = "x".repeat(60_000);
        for n in 0..64 {
            let text = format!("{{ __typename }} #{n}{padding}");
            let document = documents.get(&text, &limits, &shape, &fields, &engine);
            assert!(document.is_ok(), "{document:?}");
        }
        documents.cache.run_pending_tasks();
        let kept = documents.cache.iter().count();
        assert!((1..=1024 * 1024 / padding.len()).contains(&kept), "{kept}");
    }

    #[test]
    fn what_can_not_be_run_is_told_why() {
        for (text, told) in [
            (
                "{ a } query q { a }",
                "an operation without a name stands beside others",
            ),
            (
                "query q { a } query q { b }",
                "two operations have one name",
            ),
            (
                "{ a } fragment f on Query { a } fragment f on Query { b }",
                "two fragments have one name",
            ),
            ("fragment f on Query { a }", "there is no operation in it"),
            (
                "{ a",
                "the document is no GraphQL at line 1, column 4: expected",
            ),
        ] {
            let error = async_graphql_parser::parse_query(text).unwrap_err();
            assert!(syntax(&error).contains(told), "{text}: {}", syntax(&error));
        }
    }
}
