//! What is said on a lane: the extended query protocol of PostgreSQL, where all that is said up to a
//! `Sync` is one transaction, and one message.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING>

use std::{
    fmt::Display,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::BytesMut;
use postgres_protocol::{
    IsNull as Null,
    message::{
        backend::{self, Header, Message},
        frontend::{self, BindError},
    },
};
use sea_orm::{Statement, sea_query::Values};
use sea_query_postgres::PostgresValue;
use tokio_postgres::{
    fallible_iterator::FallibleIterator,
    types::{IsNull, ToSql, Type},
};

use super::{
    super::{
        Done,
        rows::{Column, Layout, Rows, Sheet},
    },
    fault::Fault,
};

/// The length of a message's head: what it is, and how long.
pub(super) const HEAD: usize = 5;

/// The names of statements that nobody runs any more, which the connection is to forget.
pub(super) type Unused = Arc<Mutex<Vec<String>>>;

/// The name of a statement, which is unused when this is dropped.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) unused: Unused,
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        unused.push(mem::take(&mut self.text));
    }
}

/// A statement that a connection has prepared.
#[derive(Debug)]
pub(super) struct Ready {
    name: Arc<Name>,
    takes: Vec<Type>,
    layout: Arc<Layout>,
}

/// Has PostgreSQL prepare a statement under a name.
pub(super) fn prepare(name: &str, sql: &str, out: &mut BytesMut) -> Result<(), Fault> {
    frontend::parse(name, sql, [], out).map_err(unfit)?;
    frontend::describe(b'S', name, out).map_err(unfit)?;
    frontend::sync(out);
    Ok(())
}

/// Has PostgreSQL forget a statement. What comes of it comes with what is said next.
pub(super) fn forget(name: &str, out: &mut BytesMut) -> Result<(), Fault> {
    frontend::close(b'S', name, out).map_err(unfit)
}

/// Runs a prepared statement, in the transaction that the next [`end`] ends.
pub(super) fn run(ready: &Ready, statement: &Statement, out: &mut BytesMut) -> Result<(), Fault> {
    let Values(values) = statement.values.clone().unwrap_or(Values(Vec::new()));
    let values: Vec<_> = values.into_iter().map(PostgresValue).collect();
    if values.len() != ready.takes.len() {
        return Err(unfit("it has another number of parameters"));
    }
    let given = || values.iter().zip(&ready.takes);
    let formats: Vec<i16> = given()
        .map(|(value, kind)| match value.encode_format(kind) {
            tokio_postgres::types::Format::Text => 0,
            tokio_postgres::types::Format::Binary => 1,
        })
        .collect();
    let bound = frontend::bind(
        "",
        &ready.name.text,
        formats,
        given(),
        |(value, kind), out| {
            Ok(match value.to_sql_checked(kind, out)? {
                IsNull::No => Null::No,
                IsNull::Yes => Null::Yes,
            })
        },
        Some(1),
        out,
    );
    bound.map_err(|error| match error {
        BindError::Conversion(error) => unfit(error),
        BindError::Serialization(error) => unfit(error),
    })?;
    frontend::execute("", 0, out).map_err(unfit)
}

/// Ends the transaction: what it wrote is committed, or, where a statement failed, undone.
pub(super) fn end(out: &mut BytesMut) {
    frontend::sync(out);
}

/// Takes leave of the server.
pub(super) fn leave(out: &mut BytesMut) {
    frontend::terminate(out);
}

fn unfit(why: impl Display) -> Fault {
    Fault::Unfit(format!("the statement does not travel on a lane: {why}"))
}

/// What comes of what was said up to a `Sync`.
#[derive(Debug)]
pub(super) enum Reply {
    /// A statement is prepared.
    Prepared(Ready),
    /// What came of each statement.
    Ran(Vec<Result<Done, Fault>>),
}

/// What has come so far.
#[derive(Debug)]
pub(super) struct Incoming {
    expected: Expected,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Expected {
    Preparation(Ready),
    Answers {
        /// The sheets of the statements that have not been answered.
        sheets: std::vec::IntoIter<Sheet>,
        /// That of the one that is being answered.
        current: Option<Sheet>,
        came: Vec<Result<Done, Fault>>,
    },
}

impl Incoming {
    pub(super) fn preparation(name: Name) -> Self {
        Self::new(Expected::Preparation(Ready {
            name: Arc::new(name),
            takes: Vec::new(),
            layout: Arc::default(),
        }))
    }

    pub(super) fn answers<'a>(statements: impl Iterator<Item = &'a Ready>) -> Self {
        let sheets = statements.map(|ready| Sheet::new(Arc::clone(&ready.layout)));
        let sheets: Vec<_> = sheets.collect();
        let came = Vec::with_capacity(sheets.len());
        let mut sheets = sheets.into_iter();
        Self::new(Expected::Answers {
            current: sheets.next(),
            sheets,
            came,
        })
    }

    const fn new(expected: Expected) -> Self {
        Self {
            expected,
            fault: None,
        }
    }

    /// Takes a row of the server: its message without the head.
    pub(super) fn row(&mut self, body: &[u8]) -> Result<(), Fault> {
        let sheet = match &mut self.expected {
            Expected::Answers { current, .. } => current.as_mut(),
            Expected::Preparation(_) => None,
        };
        let added = sheet.and_then(|sheet| sheet.push(body));
        added.ok_or_else(|| broken("such a row"))
    }

    /// Takes another message of the server. The answer is there when the server is ready for what comes
    /// next; an error is of the connection, which is of no more use.
    pub(super) fn take(
        &mut self,
        message: &mut BytesMut,
    ) -> Result<Option<Result<Reply, Fault>>, Fault> {
        let parsed = Message::parse(message).map_err(|error| Fault::Lost(error.to_string()))?;
        match (
            parsed.ok_or_else(|| broken("half a message"))?,
            &mut self.expected,
        ) {
            (Message::ParseComplete | Message::NoData, Expected::Preparation(_))
            | (Message::BindComplete, Expected::Answers { .. })
            | (
                Message::CloseComplete | Message::NoticeResponse(_) | Message::ParameterStatus(_),
                _,
            ) => {}
            (Message::ParameterDescription(body), Expected::Preparation(ready)) => {
                match types(body.parameters()) {
                    Ok(takes) => ready.takes = takes,
                    Err(fault) => self.fault = Some(fault),
                }
            }
            (Message::RowDescription(body), Expected::Preparation(ready)) => {
                match layout(body.fields()) {
                    Ok(layout) => ready.layout = layout,
                    Err(fault) => self.fault = Some(fault),
                }
            }
            (
                Message::CommandComplete(_) | Message::EmptyQueryResponse,
                Expected::Answers {
                    sheets,
                    current,
                    came,
                },
            ) => {
                let sheet = current.take().ok_or_else(|| broken("an answer"))?;
                sheet.end();
                *current = sheets.next();
                came.push(Ok(Done {
                    rows: Rows::Lane(sheet),
                    // Nothing is written on a lane.
                    affected: 0,
                }));
            }
            (Message::ErrorResponse(body), _) => {
                let fault = Fault::from(&body);
                let is_of_read_only = fault.is_of_read_only();
                self.fault = Some(fault);
                if is_of_read_only {
                    return Err(Fault::Lost("the database takes no writes".to_owned()));
                }
            }
            (Message::ReadyForQuery(_), _) => return Ok(Some(self.finish())),
            _ => return Err(broken("a message of another kind")),
        }
        Ok(None)
    }

    /// What came, where nothing more comes because of `fault`.
    pub(super) fn fail(mut self, fault: Fault) -> Result<Reply, Fault> {
        self.fault.get_or_insert(fault);
        self.finish()
    }

    fn finish(&mut self) -> Result<Reply, Fault> {
        let fault = self.fault.take();
        match &mut self.expected {
            Expected::Preparation(ready) => match fault {
                Some(fault) => Err(fault),
                None => Ok(Reply::Prepared(Ready {
                    name: Arc::clone(&ready.name),
                    takes: mem::take(&mut ready.takes),
                    layout: mem::take(&mut ready.layout),
                })),
            },
            Expected::Answers {
                sheets,
                current,
                came,
            } => {
                let mut came = mem::take(came);
                let unanswered = usize::from(current.is_some()).saturating_add(sheets.len());
                // What fails at the end, after all of them, undoes them all.
                match fault {
                    Some(fault) if unanswered == 0 => return Err(fault),
                    Some(fault) => came.push(Err(fault)),
                    None => {}
                }
                let rest = unanswered.saturating_sub(1);
                came.extend((0..rest).map(|_| Err(Fault::after_another())));
                Ok(Reply::Ran(came))
            }
        }
    }
}

/// Whether the first message in `bytes` is a row, and its length, where its head is there.
pub(super) fn head(bytes: &[u8]) -> Result<Option<(bool, usize)>, Fault> {
    let head = Header::parse(bytes).map_err(|error| Fault::Lost(error.to_string()))?;
    Ok(head.map(|head| {
        let length = usize::try_from(head.len()).unwrap_or(usize::MAX);
        (
            head.tag() == backend::DATA_ROW_TAG,
            length.saturating_add(1),
        )
    }))
}

fn broken(what: &str) -> Fault {
    Fault::Lost(format!("{what} was not expected"))
}

fn known(oid: u32) -> Result<Type, Fault> {
    Type::from_oid(oid)
        .ok_or_else(|| unfit(format!("the type with the oid {oid} is no built-in one")))
}

fn types(
    mut oids: impl FallibleIterator<Item = u32, Error = std::io::Error>,
) -> Result<Vec<Type>, Fault> {
    let mut types = Vec::new();
    while let Some(oid) = oids.next().map_err(unfit)? {
        types.push(known(oid)?);
    }
    Ok(types)
}

fn layout(mut fields: backend::Fields<'_>) -> Result<Arc<Layout>, Fault> {
    let mut columns = Vec::new();
    while let Some(field) = fields.next().map_err(unfit)? {
        columns.push(Column {
            name: field.name().to_owned(),
            kind: known(field.type_oid())?,
        });
    }
    Ok(Arc::new(Layout::new(columns)))
}
