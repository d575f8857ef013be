//! What a row says beside who, what and when, and what it can not say (AUD-1, AUD-5).

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde_json::{Map, Value};

use super::{Asked, DecidedFor};
use crate::{
    id::AnyId,
    money::{Currency, Money},
};

/// The longest name of a field of the schema that is kept.
const FIELD_MAX: usize = 64;

/// Facts about one thing, by their names. There is no way to put in a text that somebody wrote or a
/// secret: names and words are those of the program, things are named by their ids, amounts are
/// told by their order of magnitude.
///
/// ```compile_fail,E0597
/// let secret = String::from("cst_0123");
/// let told = countersign_domain::audit::Facts::new().word("token", secret.as_str());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(Map<String, Value>);

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// One word of the program's own: the name of a role, of a format, of a reason.
    #[must_use]
    pub fn word(self, name: &'static str, word: &'static str) -> Self {
        self.with(name, word)
    }

    /// Several of them.
    #[must_use]
    pub fn words(self, name: &'static str, words: impl IntoIterator<Item = &'static str>) -> Self {
        self.with(name, words.into_iter().collect::<Vec<_>>())
    }

    /// A thing by its id, or that there is none.
    #[must_use]
    pub fn id(self, name: &'static str, id: Option<impl Into<AnyId>>) -> Self {
        self.with(name, id.map(|id| id.into().to_string()))
    }

    /// A number of things.
    #[must_use]
    pub fn count(self, name: &'static str, count: u64) -> Self {
        self.with(name, count)
    }

    /// Whether something is so.
    #[must_use]
    pub fn flag(self, name: &'static str, is_so: bool) -> Self {
        self.with(name, is_so)
    }

    /// An instant, or that there is none.
    #[must_use]
    pub fn at(self, name: &'static str, at: Option<DateTime<Utc>>) -> Self {
        let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        self.with(name, at)
    }

    /// A day, or that there is none.
    #[must_use]
    pub fn day(self, name: &'static str, day: Option<NaiveDate>) -> Self {
        self.with(name, day.map(|day| day.to_string()))
    }

    /// SHA-256 of something.
    #[must_use]
    pub fn sha256(self, name: &'static str, sha256: &[u8; 32]) -> Self {
        self.with(name, hex::encode(sha256))
    }

    /// A currency.
    #[must_use]
    pub fn currency(self, name: &'static str, currency: Currency) -> Self {
        self.with(name, currency.to_string())
    }

    /// The order of magnitude of an amount, or that there is none.
    #[must_use]
    pub fn magnitude(self, name: &'static str, money: Option<&Money>) -> Self {
        self.with(name, money.map(|money| money.magnitude().name()))
    }

    /// Names of fields of the GraphQL schema. What can not be one is not repeated.
    #[must_use]
    pub fn fields<'a>(self, name: &'static str, fields: impl IntoIterator<Item = &'a str>) -> Self {
        let fields = fields.into_iter();
        let fields = fields.map(|field| if is_field(field) { field } else { "?" });
        self.with(name, fields.collect::<Vec<_>>())
    }

    /// A kind of row, as filters name it: noun and past verb. What can not be one is not repeated.
    #[must_use]
    pub fn kind(self, name: &'static str, kind: Option<&str>) -> Self {
        let kind = kind.map(|kind| if is_kind(kind) { kind } else { "?" });
        self.with(name, kind)
    }

    /// For whom, and about which actions, the request was decided: with the hash of the policies, enough to
    /// decide it again.
    #[must_use]
    pub fn decided(self, decided_for: &DecidedFor, asked: &Asked) -> Self {
        self.with("as", decided_for.to_string())
            .with("asked", asked.text())
    }

    /// Facts about a part.
    #[must_use]
    pub fn part(self, name: &'static str, part: Self) -> Self {
        self.with(name, part.0)
    }

    fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

/// Letters only: neither a token, a number of an account nor a sentence is of that form.
fn is_field(name: &str) -> bool {
    let letters = name.strip_prefix("__").unwrap_or(name);
    (1..=FIELD_MAX).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Two words in lower case with a dot between.
pub fn is_kind(kind: &str) -> bool {
    let is_word = |word: &str| {
        (1..=FIELD_MAX).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    kind.split_once('.')
        .is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
}

/// The redacted payload of a row: facts, and of a change, what was before and what is after (AUD-5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload(Facts);

impl From<Facts> for Payload {
    fn from(facts: Facts) -> Self {
        Self(facts)
    }
}

impl Payload {
    /// Something was made.
    pub fn created(after: Facts) -> Self {
        Self(
            Facts::new()
                .with("before", Value::Null)
                .part("after", after),
        )
    }

    /// Something was changed.
    pub fn changed(before: Facts, after: Facts) -> Self {
        Self(Facts::new().part("before", before).part("after", after))
    }

    /// Something was removed.
    pub fn removed(before: Facts) -> Self {
        Self(
            Facts::new()
                .part("before", before)
                .with("after", Value::Null),
        )
    }

    /// With facts beside the change.
    #[must_use]
    pub fn with(mut self, beside: Facts) -> Self {
        self.0.0.extend(beside.0);
        self
    }

    /// As JSON text.
    pub fn into_text(self) -> String {
        Value::Object(self.0.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::id::CategoryId;

    #[test]
    fn a_change_tells_before_and_after() {
        let category = CategoryId::new(Uuid::from_u128(1));
        let payload = Payload::changed(
            Facts::new().id("category", None::<CategoryId>),
            Facts::new().id("category", Some(category)),
        )
        .with(Facts::new().count("members", 2));
        let told: Value = serde_json::from_str(&payload.into_text()).unwrap();
        let (before, after) = (json!({ "category": null }), json!({ "category": category }));
        let expected = json!({ "before": before, "after": after, "members": 2 });
        assert_eq!(told, expected);
    }

    #[test]
    fn an_amount_is_told_by_its_magnitude() {
        let money = Money::new("1234.56".parse().unwrap(), "EUR".parse().unwrap()).unwrap();
        let payload = Payload::from(Facts::new().magnitude("opening", Some(&money)));
        let text = payload.into_text();
        assert!(
            text.contains(money.magnitude().name()) && !text.contains("123"),
            "{text}"
        );
    }

    #[test]
    fn what_can_not_be_a_field_is_not_repeated() {
        let given = [
            "accounts",
            "__schema",
            "cst_0aZ",
            "NL26VAYB8060476890",
            "two words",
            "",
        ];
        let payload = Payload::from(Facts::new().fields("fields", given));
        let text = r#"{"fields":["accounts","__schema","?","?","?","?"]}"#;
        assert_eq!(payload.into_text(), text);
    }
}
