//! What fields give: leaves that are written as they are, objects that fields are read from, lists.

use std::{
    any::Any,
    borrow::Cow,
    fmt::{Display, Write as _},
    sync::Arc,
};

use arrayvec::ArrayString;

/// A value behind an object type, of a Rust type that its fields know.
pub(super) type AnyValue = dyn Any + Send + Sync;

/// The longest ids are of 36 bytes.
const SHORT_MAX: usize = 40;

/// A value without fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaf<'a> {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Int(i64),
    /// A text, an id, a member of an enum, or a scalar that is written as text.
    Text(Cow<'a, str>),
    /// The same of a few bytes, where they are: memory for each would cost more than to write it.
    Short(ArrayString<SHORT_MAX>),
    /// Several.
    List(Vec<Leaf<'a>>),
}

impl Leaf<'_> {
    /// What is written as its `Display` says.
    pub(super) fn shown(value: impl Display) -> Self {
        let mut short = ArrayString::new();
        match write!(short, "{value}") {
            Ok(()) => Self::Short(short),
            Err(_) => Self::Text(value.to_string().into()),
        }
    }

    /// Appends it as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Int(number) => write_json(out, number),
            Self::Text(text) => write_text(out, text),
            Self::Short(text) => write_text(out, text),
            Self::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
        }
    }
}

/// Appends a text. Most have nothing that JSON escapes (RFC 8259, section 7), and are copied whole.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte| byte >= b' ' && byte != b'"' && byte != b'\\';
    // Without leaving at the first one, so that many bytes are looked at together.
    if !text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte))
    {
        return write_json(out, text);
    }
    out.reserve(text.len().saturating_add(2));
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends what JSON can always say: texts, numbers, and values that came from JSON.
pub(super) fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

impl From<bool> for Leaf<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i32> for Leaf<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Leaf<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl<'a> From<&'a str> for Leaf<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Leaf<'_> {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<T: Into<Self>> FromIterator<T> for Leaf<'_> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

/// A value behind an object type. Wherever the same value is met again it must be the same `Arc`:
/// what its fields were asked for is kept by its address.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The type's name where the field's own type is an interface.
    pub(super) ty: Option<&'static str>,
    pub(super) value: Arc<AnyValue>,
}

impl Object {
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.value).addr()
    }
}

/// What a field that is no leaf of the value in hand gives.
#[derive(Debug, Clone)]
pub(super) enum Output {
    Null,
    Leaf(Leaf<'static>),
    Object(Object),
    List(Vec<Self>),
}

impl Output {
    /// An object whose type is the field's own.
    pub(super) fn object<T: Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self::Object(Object { ty: None, value })
    }

    /// An object behind an interface.
    pub(super) fn typed<T: Send + Sync + 'static>(ty: &'static str, value: Arc<T>) -> Self {
        Self::Object(Object {
            ty: Some(ty),
            value,
        })
    }

    /// Objects whose type is the field's own.
    pub(super) fn objects<T: Send + Sync + 'static>(
        values: impl IntoIterator<Item = Arc<T>>,
    ) -> Self {
        Self::List(values.into_iter().map(Self::object).collect())
    }

    /// Every object in it, lists within lists among them.
    pub(super) fn each_object(&self, visit: &mut impl FnMut(&Object)) {
        match self {
            Self::Null | Self::Leaf(_) => {}
            Self::Object(object) => visit(object),
            Self::List(items) => items.iter().for_each(|item| item.each_object(visit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(leaf: &Leaf<'_>) -> String {
        let mut out = Vec::new();
        leaf.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_written_as_json_has_them() {
        for byte in 0..=0x7f_u8 {
            let text = format!("a{}\u{e9}\u{1f600}", char::from(byte));
            let expected = serde_json::to_string(&text).unwrap();
            assert_eq!(written(&Leaf::from(text.as_str())), expected);
            assert_eq!(written(&Leaf::shown(&text)), expected);
        }
    }

    #[test]
    fn what_is_shown_is_whole_however_long_it_is() {
        for length in [0, 1, SHORT_MAX, SHORT_MAX + 1, 1_000] {
            let text = "x".repeat(length);
            assert_eq!(written(&Leaf::shown(&text)), format!("\"{text}\""));
        }
    }
}
