//! The SGML of OFX 1: elements whose closing tag may be left out where they hold text.

use std::{borrow::Cow, collections::HashSet};

use super::{
    StatementError,
    field::quoted,
    tree::{Document, Places},
};

const ROOT: &str = "OFX";

enum Token<'a> {
    Open(&'a str),
    Close(&'a str),
    Text(Cow<'a, str>),
}

/// Reads the markup that starts at the first `<` of the source.
///
/// An element ends at its closing tag; one that holds text ends at the next tag as well. An element
/// that is closed nowhere in the file and holds no text is a field left empty.
pub(super) fn document(source: &str) -> Result<Document<'_>, StatementError> {
    let mut document = Document::new(source, Places::Lines);
    let closed = closed_names(source, &document)?;
    for token in Tokens::new(source) {
        let (offset, token) = token.map_err(|(at, reason)| document.fault(at, reason))?;
        match token {
            Token::Open(name) => {
                close_field(&mut document, &closed);
                document.open(name, None, offset)?;
            }
            Token::Text(text) => document.text(&text, offset)?,
            Token::Close(name) => {
                if document.innermost().is_some_and(|(open, _)| open != name) {
                    close_field(&mut document, &closed);
                }
                match document.innermost() {
                    Some((open, _)) if open == name => document.close(),
                    Some((open, _)) => {
                        let reason =
                            format!("{} ends while {} is open", quoted(name), quoted(open));
                        return Err(document.fault(offset, reason));
                    }
                    None => {
                        let reason = format!("{} ends but never began", quoted(name));
                        return Err(document.fault(offset, reason));
                    }
                }
            }
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

/// Ends the innermost element if it is a field, which holds no elements. The root never is one, so
/// that a file which was cut off is said to end too early.
fn close_field(document: &mut Document<'_>, closed: &HashSet<&str>) {
    if let Some((name, has_text)) = document.innermost()
        && name != ROOT
        && (has_text || !closed.contains(name))
    {
        document.close();
    }
}

fn closed_names<'a>(
    source: &'a str,
    document: &Document<'_>,
) -> Result<HashSet<&'a str>, StatementError> {
    let mut names = HashSet::new();
    for token in Tokens::new(source) {
        match token {
            Ok((_, Token::Close(name))) => {
                names.insert(name);
            }
            Ok(_) => {}
            Err((at, reason)) => return Err(document.fault(at, reason)),
        }
    }
    Ok(names)
}

struct Tokens<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            at: source.find('<').unwrap_or(source.len()),
        }
    }

    /// The tag or section that starts with the `<` at the head of `rest`, and its length.
    fn markup(rest: &'a str) -> Result<(Option<Token<'a>>, usize), &'static str> {
        const SECTION: &str = "<![CDATA[";
        if let Some(body) = rest.strip_prefix(SECTION) {
            let (text, _) = body
                .split_once("]]>")
                .ok_or("a CDATA section does not end")?;
            let length = SECTION.len() + text.len() + 3;
            return Ok((Some(Token::Text(Cow::Borrowed(text))), length));
        }
        if rest.starts_with("<!") {
            return Err("declarations and comments are not allowed");
        }
        let (tag, _) = rest.split_once('>').ok_or("a tag does not end")?;
        let length = tag.len() + 1;
        let inside = tag.strip_prefix('<').unwrap_or(tag);
        if inside.starts_with('?') {
            return Ok((None, length));
        }
        let name = inside.strip_prefix('/').unwrap_or(inside).trim_end();
        let plain = !name.is_empty()
            && name.len() <= 64
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        match (plain, inside.starts_with('/')) {
            (false, _) => Err("a tag has no plain name"),
            (true, true) => Ok((Some(Token::Close(name)), length)),
            (true, false) => Ok((Some(Token::Open(name)), length)),
        }
    }
}

/// Whether a `<` starts markup; banks also leave it unescaped in texts.
fn starts_markup(rest: &str) -> bool {
    rest.as_bytes()
        .get(1)
        .is_none_or(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?'))
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<(usize, Token<'a>), (usize, &'static str)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let offset = self.at;
            let rest = self.source.get(offset..).filter(|rest| !rest.is_empty())?;
            if rest.starts_with('<') && starts_markup(rest) {
                match Self::markup(rest) {
                    Ok((token, length)) => {
                        self.at += length;
                        match token {
                            Some(token) => return Some(Ok((offset, token))),
                            None => continue,
                        }
                    }
                    Err(reason) => {
                        self.at = self.source.len();
                        return Some(Err((offset, reason)));
                    }
                }
            }
            let length = rest
                .match_indices('<')
                .map(|(at, _)| at)
                .find(|at| rest.get(*at..).is_some_and(starts_markup))
                .unwrap_or(rest.len());
            self.at += length;
            let text = rest.get(..length).unwrap_or_default();
            return Some(Ok((offset, Token::Text(unescaped(text)))));
        }
    }
}

/// The escapes that OFX names. Banks send a bare `&` as well, which stays one; nothing expands
/// to more than a character.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        clean.push_str(before);
        let known = [
            ("amp;", "&"),
            ("lt;", "<"),
            ("gt;", ">"),
            ("quot;", "\""),
            ("apos;", "'"),
            ("nbsp;", " "),
        ]
        .into_iter()
        .find_map(|(escape, meant)| Some((meant, after.strip_prefix(escape)?)));
        let (meant, next) = known.unwrap_or(("&", after));
        clean.push_str(meant);
        rest = next;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}
