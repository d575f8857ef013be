//! What the parser does not tell of a text: it keeps the last of two members of one name (GraphQL, section 5.6.3),
//! and knows no escape of a character beyond the first 65,536 (section 2.9.4).

use std::{borrow::Cow, collections::HashSet};

use async_graphql::{Pos, ServerError};

/// What opens and closes a text of several lines.
const BLOCK: &str = "\"\"\"";

/// The tokens of a document, each with the byte that it begins at. White space, commas and comments are none.
/// Of a text that is no GraphQL they are whatever they look like.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            let rest = self.text.get(at..)?;
            let first = rest.chars().next()?;
            let length = match first {
                '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
                '"' => length_of_string(rest),
                '.' if rest.starts_with("...") => 3,
                c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            self.at = at.saturating_add(length);
            if !matches!(first, '#' | ' ' | '\t' | '\n' | '\r' | ',' | '\u{FEFF}') {
                return Some((at, rest.get(..length)?));
            }
        }
    }
}

/// Whether it is of a name, or of a number.
const fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// How many bytes the string at the beginning of the text has, quotes among them.
fn length_of_string(text: &str) -> usize {
    if let Some(inner) = text.strip_prefix(BLOCK) {
        let before = |at: usize| inner.get(..at).unwrap_or_default();
        let mut ends = inner.match_indices(BLOCK);
        let end = ends.find(|(at, _)| !before(*at).ends_with('\\'));
        return end.map_or(text.len(), |(at, _)| at.saturating_add(2 * BLOCK.len()));
    }
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at.saturating_add(1),
            '\n' | '\r' => return at,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// Whether the text has more tokens than that. What is behind them is not looked at.
pub(super) fn is_beyond(text: &str, tokens_max: usize) -> bool {
    Tokens { text, at: 0 }.nth(tokens_max).is_some()
}

/// A bracket that is open.
enum Open<'a> {
    /// An input object, with the names of its members.
    Object(HashSet<&'a str>),
    List,
    Other,
}

/// What is wrong with a document, which parses, where an input object has two members of one name.
pub(super) fn repeated_member(text: &str) -> Option<ServerError> {
    let mut open = Vec::new();
    let mut before = (0, "");
    for (at, token) in (Tokens { text, at: 0 }) {
        match token {
            // Selections are behind names, arguments, directives, and one another.
            "{" if matches!(before.1, ":" | "=") || matches!(open.last(), Some(Open::List)) => {
                open.push(Open::Object(HashSet::new()));
            }
            "[" => open.push(Open::List),
            "{" | "(" => open.push(Open::Other),
            "}" | "]" | ")" => drop(open.pop()),
            ":" => {
                let (at, name) = before;
                if let Some(Open::Object(names)) = open.last_mut()
                    && !names.insert(name)
                {
                    let what = "an input object has two members of one name";
                    return Some(ServerError::new(what, Some(place(text, at))));
                }
            }
            _ => {}
        }
        before = (at, token);
    }
    None
}

/// The line and the column of that byte, as the parser counts them.
fn place(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    Pos {
        line: before.matches('\n').count().saturating_add(1),
        column: line.chars().count().saturating_add(1),
    }
}

/// The text with its strings as the parser reads them: a character that is written `\u{1F600}`, or as a pair
/// of surrogates, stands there itself. Whatever is outside of strings stays at its place.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    let is_known = ["\\u{", "\\uD", "\\ud"]
        .iter()
        .all(|escape| !text.contains(escape));
    if is_known {
        return Cow::Borrowed(text);
    }
    let mut readable = String::with_capacity(text.len());
    let mut copied = 0;
    for (at, token) in (Tokens { text, at: 0 }) {
        if !token.starts_with('"') || token.starts_with(BLOCK) {
            continue;
        }
        let string = unescaped(token);
        let spare = token.chars().count().saturating_sub(string.chars().count());
        readable.push_str(text.get(copied..at).unwrap_or_default());
        readable.push_str(&string);
        readable.extend(std::iter::repeat_n(' ', spare));
        copied = at.saturating_add(token.len());
    }
    readable.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(readable)
}

/// A string without the escapes that the parser does not know.
fn unescaped(mut string: &str) -> String {
    let mut written = String::with_capacity(string.len());
    while let Some((before, escape)) = string.split_once('\\') {
        written.push_str(before);
        if let Some((c, after)) = escaped(escape) {
            match c {
                '"' => written.push_str("\\\""),
                '\\' => written.push_str("\\\\"),
                '\n' => written.push_str("\\n"),
                '\r' => written.push_str("\\r"),
                c => written.push(c),
            }
            string = after;
            continue;
        }
        let mut rest = escape.chars();
        written.push('\\');
        written.extend(rest.next());
        string = rest.as_str();
    }
    written.push_str(string);
    written
}

/// The character behind a backslash, where the parser does not know how it is written, and what comes after it.
fn escaped(escape: &str) -> Option<(char, &str)> {
    let digits = escape.strip_prefix('u')?;
    if let Some(braced) = digits.strip_prefix('{') {
        let (digits, after) = braced.split_once('}')?;
        return Some((char::from_u32(hexadecimal(digits)?)?, after));
    }
    let (high, after) = digits.split_at_checked(4)?;
    let (low, after) = after.strip_prefix("\\u")?.split_at_checked(4)?;
    let unit = |digits| u16::try_from(hexadecimal(digits)?).ok();
    let mut decoded = char::decode_utf16([unit(high)?, unit(low)?]);
    match (decoded.next(), decoded.next()) {
        (Some(Ok(c)), None) => Some((c, after)),
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use async_graphql_parser::{parse_query, types::Selection};
    use async_graphql_value::Value;

    use super::*;

    #[test]
    fn tokens_are_counted_and_nothing_beside_them() {
        let text =
            "query q($x: [Int!]! = [-1, 2]) { ...f # a b c\n a(b: \"c d\", e: \"\"\"f g\"\"\") }";
        let counted = 31;
        assert!(!is_beyond(text, counted), "{text}");
        assert!(is_beyond(text, counted - 1), "{text}");
        assert!(!is_beyond(" ,,\u{FEFF}\n# nothing", 0));
        assert!(is_beyond("\"", 0), "what is no GraphQL is counted as well");
    }

    #[test]
    fn members_have_names_of_their_own() {
        for good in [
            "{ a(b: { c: 1, d: { c: 2 } }) { c: e c: e } }",
            "query q($x: [I!] = [{ c: 1 }, { c: 2 }]) { a(b: [{ c: $x } { c: C }], c: 1, d: 1.5e3) @c(c: 1) }",
            "{ a(b: { c: \"{ c: 1 }\", d: \"\\\" c: 1\" }) # { c: 1 }\n }",
            "{ a(b: { c: \"\"\" c: \\\"\"\" c: \"\"\", d: \"\" }) }",
            "{ ... on Q { a(b: {}) { c: d } } } fragment f on Q { c: d }",
        ] {
            assert!(parse_query(good).is_ok(), "{good}");
            assert!(repeated_member(good).is_none(), "{good}");
        }
        for (bad, line, column) in [
            ("{ a(b: { c: 1, c: 2 }) }", 1, 16),
            ("{ a(b: { c: { c: 1 } c: 2 }) }", 1, 22),
            ("{ a(b: [1, { c: 1\n c: 1 }]) }", 2, 2),
            ("query q($x: I = { c: 1\r\n  c: 1 }) { a }", 2, 3),
            ("{ a(b: { c: \"é\", c: 1 }) }", 1, 18),
            ("{ a @b(b: { c: \"\"\"\"}\"\"\", c: 1 }) }", 1, 26),
        ] {
            assert!(parse_query(bad).is_ok(), "{bad}");
            let fault = repeated_member(bad).unwrap_or_else(|| panic!("{bad}"));
            assert_eq!(fault.locations, [Pos { line, column }], "{bad}");
        }
    }

    /// The text of the first argument, and the place of the field behind it.
    fn read(string: &str) -> Result<(String, Pos), async_graphql_parser::Error> {
        let text = format!("{{ # \\u{{1F600}}\n a(b: {string}) c }}");
        let document = parse_query(readable(&text))?;
        let (_, operation) = document.operations.iter().next().unwrap();
        let items = &operation.node.selection_set.node.items;
        let [a, c] = items.as_slice() else {
            panic!("{text}");
        };
        let Selection::Field(field) = &a.node else {
            panic!("{text}");
        };
        let Value::String(value) = &field.node.arguments[0].1.node else {
            panic!("{text}");
        };
        Ok((value.clone(), c.pos))
    }

    #[test]
    fn every_character_can_be_escaped() {
        for (string, value) in [
            ("\"\\uD83D\\uDE00\"", "😀"),
            ("\"a\\ud83d\\ude00b\\u00e9\"", "a😀bé"),
            ("\"\\u{1F600}\\u{e9}\\u{0000000041}\"", "😀éA"),
            ("\"\\u{22}\\u{5C}\\u{A}\\u{D}\\u{9}\"", "\"\\\n\r\t"),
            ("\"\\\\u{41}\"", "\\u{41}"),
            ("\"\\\\\\u{41}\"", "\\A"),
            ("\"\"\"\\u{41}\\uD83D\"\"\"", "\\u{41}\\uD83D"),
        ] {
            let columns = " a(b: ".len() + string.len() + ") ".len();
            let place = Pos {
                line: 2,
                column: columns + 1,
            };
            assert_eq!(read(string).unwrap(), (value.to_owned(), place), "{string}");
        }
        for string in [
            "\"\\uD83D\"",
            "\"\\uDE00\\uD83D\"",
            "\"\\uD83D\\u0041\"",
            "\"\\uD83Dx\"",
            "\"\\u{}\"",
            "\"\\u{D83D}\"",
            "\"\\u{110000}\"",
            "\"\\u{+41}\"",
            "\"\\u{41\"",
            "\"\\u{41",
        ] {
            assert!(read(string).is_err(), "{string}");
        }
        assert!(matches!(
            readable("{ a(b: \"\\u0041\") }"),
            Cow::Borrowed(_)
        ));
    }
}
