//! The walk that writes.

use std::{borrow::Cow, collections::BTreeMap};

use async_graphql::{Error, PathSegment, ServerError};
use countersign_policies::{Decision, Judged, Refusal};
use hashbrown::HashMap;
use uuid::Uuid;

use super::{
    super::{
        answer::Data,
        error::GraphqlError,
        field::{Field, Resolver},
        loader::Relation,
        operation::Redaction,
        selection::{Selected, Selection, What, Wrap},
        value::{AnyValue, Output},
    },
    Executed, Execution, Gathered,
};

/// A null where none may stand: it goes up to the nearest place that may be null.
struct Nulled;

/// A step of the path of the field in hand.
#[derive(Clone, Copy)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

struct Writer<'a> {
    execution: Execution<'a>,
    gathered: &'a Gathered,
    out: Vec<u8>,
    path: Vec<Step<'a>>,
    errors: Vec<ServerError>,
    redactions: BTreeMap<&'a str, Redaction>,
    /// How many values were hidden.
    hidden: u64,
    /// What was written of rows that others point to, by the field's slot and the row's id: of a page of
    /// rows many point to the same one. None of it has a hidden value or an error, which each row
    /// would have to tell of.
    again: HashMap<(usize, Uuid), Vec<u8>>,
    /// What was decided of the fields, by their slots: looked up once for all rows.
    decisions: Vec<Option<&'a Decision>>,
}

/// Writes the answer from what was gathered.
pub(super) fn write(execution: Execution<'_>, gathered: &Gathered) -> Executed {
    let mut writer = Writer {
        execution,
        gathered,
        out: Data::begin(execution.selection.likely_bytes()),
        path: Vec::new(),
        errors: Vec::new(),
        redactions: BTreeMap::new(),
        hidden: 0,
        again: HashMap::new(),
        decisions: Vec::new(),
    };
    let root = &*execution.root.value;
    // The whole answer may be null.
    let _ = writer.place(true, |writer| writer.object(execution.selection, root));
    execution.selection.had_bytes(writer.out.len());
    let redactions = writer.redactions.into_iter();
    Executed {
        data: Data::end(writer.out),
        errors: writer.errors,
        redactions: redactions
            .map(|(pattern, redaction)| (pattern.to_owned(), redaction))
            .collect(),
    }
}

impl<'a> Writer<'a> {
    /// Writes a value, or null in its place.
    fn place(
        &mut self,
        nullable: bool,
        write: impl FnOnce(&mut Self) -> Result<(), Nulled>,
    ) -> Result<(), Nulled> {
        let (start, depth) = (self.out.len(), self.path.len());
        let written = write(self);
        self.path.truncate(depth);
        if written.is_ok() {
            return Ok(());
        }
        self.out.truncate(start);
        if !nullable {
            return Err(Nulled);
        }
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn object(&mut self, selection: &'a Selection, value: &AnyValue) -> Result<(), Nulled> {
        let mut judged = Judged::default();
        self.out.push(b'{');
        for (i, selected) in selection.fields.iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&selected.written_key);
            self.path.push(Step::Key(selected.key.as_str()));
            self.place(selected.wrap.nullable, |writer| {
                writer.field(selected, value, &mut judged)
            })?;
            self.path.pop();
        }
        self.out.push(b'}');
        Ok(())
    }

    fn field(
        &mut self,
        selected: &'a Selected,
        value: &AnyValue,
        judged: &mut Judged<'a>,
    ) -> Result<(), Nulled> {
        let field = match &selected.what {
            What::TypeName(name) => {
                super::super::value::write_json(&mut self.out, name);
                return Ok(());
            }
            What::Introspection(_) => {
                let written = self.execution.introspected.get(selected.key.as_str());
                self.out
                    .extend_from_slice(written.map_or(b"null", Vec::as_slice));
                return Ok(());
            }
            What::Field { field, .. } => field.as_ref(),
        };
        let operation = self.execution.operation;
        let decision = self.decision(selected, field);
        if let Err(closed) = field.gate_by(decision, operation, value, judged) {
            let refusal = || field.refusal(closed, operation, value);
            return self.closed(selected, field, refusal);
        }
        match &field.resolver {
            Resolver::Leaf(get) => match get(value) {
                Some(leaf) => {
                    leaf.write(&mut self.out);
                    Ok(())
                }
                None => self.nothing(selected, &selected.wrap),
            },
            Resolver::Inner(get) => {
                let output = get(value).unwrap_or(Output::Null);
                self.output(selected, &selected.wrap, &output)
            }
            Resolver::Related(relation) => self.related(selected, relation.as_ref(), value),
            Resolver::Asked(_) => match self.given(selected, value) {
                Some(Ok(output)) => self.output(selected, &selected.wrap, output),
                Some(Err(error)) => self.failed(selected, error.clone()),
                None => {
                    tracing::error!(field = selected.pattern, "a field was not asked for");
                    self.broken(selected)
                }
            },
        }
    }

    /// A row that the value in hand points to.
    fn related(
        &mut self,
        selected: &'a Selected,
        relation: &dyn Relation,
        value: &AnyValue,
    ) -> Result<(), Nulled> {
        if let Some(Err(error)) = self.given(selected, value) {
            return self.failed(selected, error.clone());
        }
        let Some(id) = relation.id(value) else {
            return self.nothing(selected, &selected.wrap);
        };
        let key = (selected.slot, id);
        if let Some(written) = self.again.get(&key) {
            self.out.extend_from_slice(written);
            return Ok(());
        }
        let (start, told) = (self.out.len(), (self.errors.len(), self.hidden));
        let row = relation.get(self.execution.operation, id);
        let output = row.map_or(Output::Null, Output::Object);
        self.output(selected, &selected.wrap, &output)?;
        if told == (self.errors.len(), self.hidden) {
            let written = self.out.get(start..).unwrap_or_default();
            self.again.insert(key, written.to_vec());
        }
        Ok(())
    }

    fn decision(&mut self, selected: &Selected, field: &Field) -> &'a Decision {
        if let Some(Some(decision)) = self.decisions.get(selected.slot) {
            return decision;
        }
        let decision = field.decision(self.execution.operation);
        if self.decisions.len() <= selected.slot {
            let slots = selected.slot.saturating_add(1);
            self.decisions.resize(slots, None);
        }
        if let Some(place) = self.decisions.get_mut(selected.slot) {
            *place = Some(decision);
        }
        decision
    }

    fn given(&self, selected: &Selected, value: &AnyValue) -> Option<&'a Result<Output, Error>> {
        let address = std::ptr::from_ref(value).addr();
        self.gathered.given.get(&(selected.slot, address))
    }

    fn output(
        &mut self,
        selected: &'a Selected,
        wrap: &Wrap,
        output: &Output,
    ) -> Result<(), Nulled> {
        match (output, &wrap.item) {
            (Output::Null, _) => self.nothing(selected, wrap),
            (Output::Leaf(leaf), _) => {
                leaf.write(&mut self.out);
                Ok(())
            }
            (Output::List(items), Some(wrap)) => {
                self.out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        self.out.push(b',');
                    }
                    self.path.push(Step::Index(i));
                    self.place(wrap.nullable, |writer| writer.output(selected, wrap, item))?;
                    self.path.pop();
                }
                self.out.push(b']');
                Ok(())
            }
            (Output::Object(object), None) => match selected.of(object.ty) {
                Some(selection) => self.object(selection, &*object.value),
                None => self.broken(selected),
            },
            (Output::List(_), None) | (Output::Object(_), Some(_)) => self.broken(selected),
        }
    }

    /// A null that the value itself has.
    fn nothing(&mut self, selected: &Selected, wrap: &Wrap) -> Result<(), Nulled> {
        if wrap.nullable {
            return Err(Nulled);
        }
        self.broken(selected)
    }

    /// A resolver broke its type, which is our fault.
    fn broken(&mut self, selected: &Selected) -> Result<(), Nulled> {
        tracing::error!(field = selected.pattern, "a resolver broke its type");
        let request = self.execution.operation.context.request();
        self.failed(selected, GraphqlError::Internal.into_error(request, false))
    }

    fn failed(&mut self, selected: &Selected, error: Error) -> Result<(), Nulled> {
        let mut error = error.into_server_error(selected.at);
        error.path = self
            .path
            .iter()
            .map(|step| match step {
                Step::Key(key) => PathSegment::Field((*key).to_owned()),
                Step::Index(index) => PathSegment::Index(*index),
            })
            .collect();
        self.errors.push(error);
        Err(Nulled)
    }

    /// A closed root field is an error, any other one a null that is told of; an error too where no null may
    /// stand: of a row that a mutation made and that whoever made it may not read.
    fn closed(
        &mut self,
        selected: &'a Selected,
        field: &Field,
        refusal: impl Fn() -> Cow<'a, Refusal>,
    ) -> Result<(), Nulled> {
        let operation = self.execution.operation;
        let forbidden = |refusal: Cow<'_, Refusal>| {
            let error = GraphqlError::Refused(refusal.into_owned());
            error.into_error(operation.context.request(), operation.reveal_rules)
        };
        if field.is_root {
            let refusal = refusal();
            operation.refuse(&refusal);
            return self.failed(selected, forbidden(refusal));
        }
        let redaction = self
            .redactions
            .entry(&selected.pattern)
            .or_insert_with(|| Redaction {
                rule: refusal().rule(),
                count: 0,
            });
        redaction.count = redaction.count.saturating_add(1);
        self.hidden = self.hidden.saturating_add(1);
        if selected.wrap.nullable {
            return Err(Nulled);
        }
        self.failed(selected, forbidden(refusal()))
    }
}
