//! Elements of a marked-up file, with their place in it for errors.

use super::{DEPTH_MAX, StatementError, encoding};

/// The most elements that a file may have. Real statements take a hundred bytes for each; this
/// bounds the memory that a file of nothing but tags can ask for.
const ELEMENTS_MAX: usize = 500_000;

/// How errors say where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// `Stmt[1]/Ntry[3]/Amt`.
    Paths,
    /// `line 12`.
    Lines,
}

#[derive(Debug)]
struct Node<'a> {
    name: &'a str,
    text: String,
    currency: Option<&'a str>,
    offset: usize,
    parent: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    next: Option<usize>,
}

/// A file as a tree of elements. The first element is the root.
#[derive(Debug)]
pub(super) struct Document<'a> {
    source: &'a str,
    places: Places,
    nodes: Vec<Node<'a>>,
    open: Vec<usize>,
}

impl<'a> Document<'a> {
    pub(super) fn new(source: &'a str, places: Places) -> Self {
        Self {
            source,
            places,
            nodes: Vec::new(),
            open: Vec::new(),
        }
    }

    /// The line of a byte of the source, as errors name it.
    pub(super) fn line(&self, offset: usize) -> String {
        encoding::line(self.source.as_bytes(), offset)
    }

    pub(super) fn fault(&self, offset: usize, reason: impl AsRef<str>) -> StatementError {
        StatementError::new(self.line(offset), reason)
    }

    /// The name of the innermost open element, and whether it has text.
    pub(super) fn innermost(&self) -> Option<(&'a str, bool)> {
        let node = self.nodes.get(*self.open.last()?)?;
        Some((node.name, !node.text.is_empty()))
    }

    /// Opens an element inside the innermost open one.
    pub(super) fn open(
        &mut self,
        name: &'a str,
        currency: Option<&'a str>,
        offset: usize,
    ) -> Result<(), StatementError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.fault(offset, format!("elements nest more than {DEPTH_MAX} deep")));
        }
        if self.nodes.len() >= ELEMENTS_MAX {
            let reason = format!("the file has more than {ELEMENTS_MAX} elements");
            return Err(self.fault(offset, reason));
        }
        let index = self.nodes.len();
        let parent = self.open.last().copied();
        if parent.is_none() && index > 0 {
            return Err(self.fault(offset, "the file has a second root element"));
        }
        let elder = parent.and_then(|parent| {
            let parent = self.nodes.get_mut(parent)?;
            parent.first.get_or_insert(index);
            parent.last.replace(index)
        });
        if let Some(elder) = elder.and_then(|elder| self.nodes.get_mut(elder)) {
            elder.next = Some(index);
        }
        self.nodes.push(Node {
            name,
            text: String::new(),
            currency,
            offset,
            parent,
            first: None,
            last: None,
            next: None,
        });
        self.open.push(index);
        Ok(())
    }

    /// Adds text to the innermost open element. Leading white space is left out.
    pub(super) fn text(&mut self, text: &str, offset: usize) -> Result<(), StatementError> {
        let node = self
            .open
            .last()
            .and_then(|index| self.nodes.get_mut(*index));
        let Some(node) = node else {
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err(self.fault(offset, "there is text outside of every element"))
            };
        };
        let text = if node.text.is_empty() {
            text.trim_start()
        } else {
            text
        };
        node.text.push_str(text);
        Ok(())
    }

    /// Closes the innermost open element.
    pub(super) fn close(&mut self) {
        self.open.pop();
    }

    pub(super) fn root(&self) -> Option<Element<'_>> {
        self.nodes.first().map(|_| Element {
            document: self,
            index: 0,
        })
    }
}

/// An element of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'d> {
    document: &'d Document<'d>,
    index: usize,
}

impl<'d> Element<'d> {
    fn node(self) -> Option<&'d Node<'d>> {
        self.document.nodes.get(self.index)
    }

    fn at(self, index: Option<usize>) -> Option<Self> {
        index.map(|index| Self { index, ..self })
    }

    /// The name without its namespace prefix.
    pub(super) fn name(self) -> &'d str {
        self.node().map_or("", |node| node.name)
    }

    /// The element's own text, without white space around it.
    pub(super) fn text(self) -> &'d str {
        self.node().map_or("", |node| node.text.trim())
    }

    /// The attribute `Ccy`.
    pub(super) fn currency(self) -> Option<&'d str> {
        self.node()?.currency
    }

    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let first = self.at(self.node().and_then(|node| node.first));
        std::iter::successors(first, |child| child.at(child.node()?.next))
    }

    pub(super) fn all(self, name: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The first child of that name.
    pub(super) fn child(self, name: &'static str) -> Option<Self> {
        self.all(name).next()
    }

    /// The first descendant by a path of names.
    pub(super) fn find(self, path: &[&'static str]) -> Option<Self> {
        path.iter()
            .try_fold(self, |element, name| element.child(name))
    }

    /// The text of the first descendant by a path of names, where it has any.
    pub(super) fn text_of(self, path: &[&'static str]) -> Option<&'d str> {
        self.find(path)
            .map(Self::text)
            .filter(|text| !text.is_empty())
    }

    /// The only child of that name.
    pub(super) fn require(self, name: &'static str) -> Result<Self, StatementError> {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (Some(child), None) => Ok(child),
            (Some(_), Some(second)) => Err(second.fault("is given a second time")),
            (None, _) => Err(self.fault(format!("`{}` has no `{name}`", self.name()))),
        }
    }

    /// An error at this element.
    pub(super) fn fault(self, reason: impl AsRef<str>) -> StatementError {
        StatementError::new(self.place(), reason)
    }

    fn place(self) -> String {
        match self.document.places {
            Places::Paths => self.path(),
            Places::Lines => self
                .document
                .line(self.node().map_or(0, |node| node.offset)),
        }
    }

    /// From the statement, or the root if the element is outside of one.
    fn path(self) -> String {
        let mut steps = Vec::new();
        let mut element = Some(self);
        while let Some(here) = element {
            steps.push(here.step());
            if matches!(here.name(), "Stmt" | "Rpt") {
                break;
            }
            element = here.at(here.node().and_then(|node| node.parent));
        }
        steps.reverse();
        steps.join("/")
    }

    /// The name, with its number from 1 where it is one of several or could be.
    fn step(self) -> String {
        let parent = self.at(self.node().and_then(|node| node.parent));
        let (mut number, mut count) = (1, 0_usize);
        for sibling in parent.into_iter().flat_map(Self::children) {
            if sibling.name() == self.name() {
                count += 1;
                number = if sibling.index == self.index {
                    count
                } else {
                    number
                };
            }
        }
        let repeats =
            count > 1 || matches!(self.name(), "Stmt" | "Rpt" | "Ntry" | "Bal" | "TxDtls");
        if repeats {
            format!("{}[{number}]", self.name())
        } else {
            self.name().to_owned()
        }
    }
}
