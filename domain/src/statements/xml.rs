//! XML without document types and entities.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    StatementError,
    field::quoted,
    tree::{Document, Places},
};

/// The most attributes that an element may have. Statements have one at most, beside namespaces.
const ATTRIBUTES_MAX: usize = 32;

/// Reads a whole document. Namespaces are ignored: elements are known by their local names.
pub(super) fn document(source: &str, places: Places) -> Result<Document<'_>, StatementError> {
    let mut document = Document::new(source, places);
    let mut reader = Reader::from_str(source);
    reader.config_mut().expand_empty_elements = true;
    loop {
        let offset = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(offset);
            document.fault(
                at,
                format!("the XML is malformed: {}", lower_first(&error.to_string())),
            )
        })?;
        match event {
            Event::Start(start) => open(&mut document, source, &start, offset)?,
            Event::End(_) => document.close(),
            Event::Text(text) => {
                let text = text
                    .decode()
                    .map_err(|error| document.fault(offset, error.to_string()))?;
                document.text(&text, offset)?;
            }
            Event::CData(text) => {
                let text = text
                    .decode()
                    .map_err(|error| document.fault(offset, error.to_string()))?;
                document.text(&text, offset)?;
            }
            Event::GeneralRef(reference) => {
                let character = resolve(&document, &reference, offset)?;
                document.text(character.encode_utf8(&mut [0; 4]), offset)?;
            }
            Event::DocType(_) => {
                return Err(document.fault(offset, "a document type declaration is not allowed"));
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    match document.innermost() {
        Some((name, _)) => {
            let reason = format!("the file ends inside the element {}", quoted(name));
            Err(document.fault(source.len(), reason))
        }
        None => Ok(document),
    }
}

fn open<'a>(
    document: &mut Document<'a>,
    source: &'a str,
    start: &BytesStart<'_>,
    offset: usize,
) -> Result<(), StatementError> {
    // The event's own name lives as long as the event; the same bytes of the source live longer.
    let after = offset.saturating_add(1);
    let name = source
        .get(after..after.saturating_add(start.name().as_ref().len()))
        .ok_or_else(|| document.fault(offset, "the name of an element is not readable"))?;
    let local = name.rsplit(':').next().unwrap_or(name);
    let mut currency = None;
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= ATTRIBUTES_MAX {
            let reason = format!("an element has more than {ATTRIBUTES_MAX} attributes");
            return Err(document.fault(offset, reason));
        }
        let attribute = attribute.map_err(|error| {
            document.fault(offset, format!("an attribute is malformed: {error}"))
        })?;
        if attribute.key.as_ref() == b"Ccy" {
            currency = code(source, offset, &attribute.value);
            if currency.is_none() {
                return Err(document.fault(offset, "`Ccy` is not an ISO 4217 currency code"));
            }
        }
    }
    document.open(local, currency, offset)
}

/// The three letters of an attribute, as a part of the source.
fn code<'a>(source: &'a str, offset: usize, value: &[u8]) -> Option<&'a str> {
    let tag = source.get(offset..)?.split('>').next()?;
    let value = std::str::from_utf8(value)
        .ok()
        .filter(|value| value.len() == 3)?;
    let quotes = [format!("\"{value}\""), format!("'{value}'")];
    let at = quotes.iter().find_map(|quoted| tag.find(quoted.as_str()))?;
    tag.get(at + 1..at + 4)
}

/// A character reference or one of the five predefined entities. There are no others, so that
/// nothing can expand and nothing outside of the file can be read.
fn resolve(
    document: &Document<'_>,
    reference: &BytesRef<'_>,
    offset: usize,
) -> Result<char, StatementError> {
    let character = reference
        .resolve_char_ref()
        .map_err(|_| document.fault(offset, "a character reference is malformed"))?;
    let named = match reference.as_ref() {
        b"amp" => Some('&'),
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    };
    character.or(named).ok_or_else(|| {
        let name = String::from_utf8_lossy(reference.as_ref());
        document.fault(
            offset,
            format!("the entity {} is not allowed", quoted(&name)),
        )
    })
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
}
