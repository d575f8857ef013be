//! The matrix as data: what every action comes to for every kind of principal.

use std::collections::BTreeSet;

use countersign_domain::access::{Role, Scope};

use crate::{Engine, Verdict, effects::Somebody};

/// A kind of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A person of that role, without capabilities.
    Human(Role),
    /// A machine with that one scope, or with none.
    Machine(Option<Scope>),
}

impl Column {
    fn all() -> Vec<Self> {
        let humans = Role::ALL.iter().copied().map(Self::Human);
        let machines = Scope::ALL.iter().copied().map(Some);
        let machines = [None].into_iter().chain(machines).map(Self::Machine);
        humans.chain(machines).collect()
    }

    /// The role or the scope; `none` for a machine without a scope.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Human(role) => role.name(),
            Self::Machine(Some(scope)) => scope.name(),
            Self::Machine(None) => "none",
        }
    }

    pub(super) const fn is_human(self) -> bool {
        matches!(self, Self::Human(_))
    }

    fn somebody(self) -> Somebody {
        match self {
            Self::Human(role) => Somebody::person(role, BTreeSet::new()),
            Self::Machine(scope) => Somebody::machine(scope.into_iter().collect()),
        }
    }
}

/// What an action comes to for a kind of principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// On every row of the tenant.
    Allow,
    /// Never.
    Deny,
    /// On rows that are so, in words.
    Row(String),
}

/// An action.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) action: String,
    pub(super) group: String,
    /// The type of rows that it is on.
    pub(super) resource: String,
    /// One for each column.
    pub(super) cells: Vec<Cell>,
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Sorted by action.
    pub(super) lines: Vec<Line>,
}

impl Table {
    pub(super) fn of(engine: &Engine) -> Self {
        let columns = Column::all();
        let lines = engine.actions().map(|(id, name)| {
            let cells = columns
                .iter()
                .map(|column| match engine.verdict(&column.somebody(), id) {
                    (Verdict::Allowed, _) => Cell::Allow,
                    (Verdict::DependsOnRow, Some(condition)) => Cell::Row(condition.words),
                    _ => Cell::Deny,
                });
            Line {
                action: name.to_owned(),
                group: engine.group_of(id).to_owned(),
                resource: engine.resource_of(id).to_owned(),
                cells: cells.collect(),
            }
        });
        let lines = lines.collect();
        Self { columns, lines }
    }

    /// The lines of each group, by its name; what is told of policies, and the frame of answers, last.
    pub(super) fn groups(&self) -> Vec<(&str, Vec<&Line>)> {
        let names: BTreeSet<_> = self.lines.iter().map(|line| line.group.as_str()).collect();
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by_key(|name| match *name {
            "structure" => 2,
            "explain" | "explore" => 1,
            _ => 0,
        });
        let of = |name: &str| {
            self.lines
                .iter()
                .filter(|line| line.group == name)
                .collect()
        };
        names.into_iter().map(|name| (name, of(name))).collect()
    }

    /// The conditions on rows, each once.
    pub(super) fn conditions(&self) -> Vec<&str> {
        let cells = self.lines.iter().flat_map(|line| &line.cells);
        let conditions = cells.filter_map(|cell| match cell {
            Cell::Row(words) => Some(words.as_str()),
            Cell::Allow | Cell::Deny => None,
        });
        let distinct: BTreeSet<_> = conditions.collect();
        distinct.into_iter().collect()
    }
}
