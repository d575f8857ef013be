//! Limits that are checked before anything walks the expansion of a document.
//!
//! Fragments that each spread the next one twice double the work per fragment: a request of one
//! kilobyte would otherwise keep a worker busy for ever, in validation, before any of
//! async-graphql's own limits count. So the expanded selections are counted first, once per
//! fragment, by arithmetic alone.

mod names;

use std::{collections::HashMap, time::Duration};

use async_graphql::Name;
use async_graphql_parser::{
    Positioned,
    types::{Directive, ExecutableDocument, Selection, SelectionSet},
};
use thiserror::Error;

use self::names::NAME_MAX;
use crate::code::Code;

/// Bounds of one request, and of streams. Every refusal names the bound.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of an HTTP body. A statement of 8 MiB in Base64 fits.
    pub body_bytes_max: usize,
    /// The most bytes of a document.
    pub document_bytes_max: usize,
    /// The most tokens of a document, counted before the parser builds anything of them. The web app's largest
    /// document has about 200, and introspection as many.
    pub tokens_max: usize,
    /// The most selections of a document after its fragments are expanded.
    pub selections_max: u64,
    /// The most levels of fields.
    pub depth_max: u32,
    /// The most aliased fields.
    pub aliases_max: u32,
    /// The most directives.
    pub directives_max: u32,
    /// The most root fields of one operation.
    pub root_fields_max: u32,
    /// The highest cost: fields, times the rows asked for.
    pub cost_max: u64,
    /// The most identifiers that one request may name.
    pub ids_max: usize,
    /// How long a query may run. A mutation ends by itself: its statements are bounded.
    pub time_max: Duration,
    /// The most streams of one tenant at a time.
    pub streams_of_a_tenant_max: usize,
    /// The most streams of all tenants at a time, in this process.
    pub streams_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 12 * 1024 * 1024,
            document_bytes_max: 64 * 1024,
            tokens_max: 2_000,
            selections_max: 2_000,
            depth_max: 15,
            aliases_max: 50,
            directives_max: 50,
            root_fields_max: 20,
            cost_max: 20_000,
            ids_max: 500,
            time_max: Duration::from_secs(10),
            streams_of_a_tenant_max: 200,
            streams_max: 1_000,
        }
    }
}

/// A document that is beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitError {
    /// Too many bytes.
    #[error("the document has more than {0} bytes")]
    DocumentBytes(usize),
    /// Too many tokens.
    #[error("the document has more than {0} tokens")]
    Tokens(usize),
    /// Too many selections after expansion.
    #[error("the document selects more than {0} fields when its fragments are expanded")]
    Selections(u64),
    /// Fragments that spread each other.
    #[error("the document has fragments that spread themselves")]
    FragmentCycle,
    /// Fragments within fragments, too deep.
    #[error("the document nests more than {NESTING_MAX} selection sets")]
    Nesting,
    /// Too deep.
    #[error("the document nests more than {0} levels")]
    Depth(u32),
    /// Too many aliases.
    #[error("the document has more than {0} aliases")]
    Aliases(u32),
    /// Too many directives.
    #[error("the document has more than {0} directives")]
    Directives(u32),
    /// A name is too long.
    #[error("the document has a name of more than {NAME_MAX} characters")]
    Name,
    /// Too many operations.
    #[error("the document has more than {OPERATIONS_MAX} operations")]
    Operations,
    /// Too many variables.
    #[error("an operation has more than {VARIABLES_MAX} variables")]
    Variables,
    /// Too many root fields.
    #[error("the operation has more than {0} root fields")]
    RootFields(u32),
    /// One response key for two mutations.
    #[error("the operation has two mutations under one name: give each an alias of its own")]
    RepeatedMutation,
    /// More than one field of a subscription (GraphQL, section 5.2.4.1).
    #[error("a subscription selects one field")]
    SubscriptionFields,
    /// Too dear.
    #[error("the operation costs {cost}, and the limit is {limit}: ask for fewer rows or fields")]
    Cost {
        /// What it costs.
        cost: u64,
        /// The limit.
        limit: u64,
    },
    /// Too much of the schema itself.
    #[error("the document asks for too much of the schema: nest fewer of its lists in one another")]
    Introspection,
    /// Too many identifiers.
    #[error("the request names more than {0} ids")]
    Ids(usize),
    /// Too long.
    #[error("the query ran for more than {} ms: ask for fewer rows or fields", .0.as_millis())]
    Time(Duration),
}

impl LimitError {
    /// The stable code of GraphQL's `extensions.code`.
    pub const fn code(self) -> Code {
        match self {
            Self::Depth(_) | Self::Nesting => Code::DepthLimitExceeded,
            Self::Cost { .. } | Self::Introspection => Code::CostLimitExceeded,
            Self::Time(_) => Code::TimeLimitExceeded,
            Self::FragmentCycle | Self::RepeatedMutation | Self::SubscriptionFields => {
                Code::GraphqlValidationFailed
            }
            Self::DocumentBytes(_)
            | Self::Tokens(_)
            | Self::Selections(_)
            | Self::Aliases(_)
            | Self::Directives(_)
            | Self::Name
            | Self::Operations
            | Self::Variables
            | Self::RootFields(_)
            | Self::Ids(_) => Code::DocumentLimitExceeded,
        }
    }
}

/// Operations of a document.
const OPERATIONS_MAX: usize = 50;
/// Variables of an operation.
const VARIABLES_MAX: usize = 100;
/// Levels of selection sets, fragments among them.
pub(super) const NESTING_MAX: usize = 64;

/// What a selection set comes to when its fragments are expanded. Sums saturate.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    selections: u64,
    aliases: u64,
    directives: u64,
    depth: u64,
}

impl Extent {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.depth = self.depth.max(other.depth);
    }
}

enum Memo {
    Counting,
    Counted(Extent),
}

/// Refuses a document whose expansion is beyond the limits, in time linear in its text.
pub(super) fn check_expansion(
    document: &ExecutableDocument,
    limits: &Limits,
) -> Result<(), LimitError> {
    let mut memo = HashMap::new();
    let mut whole = Extent::default();
    if document.operations.iter().count() > OPERATIONS_MAX {
        return Err(LimitError::Operations);
    }
    for (name, operation) in document.operations.iter() {
        let variables = &operation.node.variable_definitions;
        if variables.len() > VARIABLES_MAX {
            return Err(LimitError::Variables);
        }
        names::check(name)?;
        for variable in variables {
            let variable = &variable.node;
            names::check([&variable.name.node])?;
            names::check_type(&variable.var_type.node)?;
            check_directives(&variable.directives, &mut whole)?;
        }
        let set = &operation.node.selection_set.node;
        whole.add(extent(set, document, &mut memo, 0)?);
        check_directives(&operation.node.directives, &mut whole)?;
    }
    for (name, fragment) in &document.fragments {
        names::check([name, &fragment.node.type_condition.node.on.node])?;
        check_directives(&fragment.node.directives, &mut whole)?;
        // One that nothing spreads is walked by validation all the same.
        if !memo.contains_key(name) {
            whole.add(fragment_extent(name, document, &mut memo, 0)?);
        }
    }
    if whole.selections > limits.selections_max {
        return Err(LimitError::Selections(limits.selections_max));
    }
    if whole.depth > u64::from(limits.depth_max) {
        return Err(LimitError::Depth(limits.depth_max));
    }
    if whole.aliases > u64::from(limits.aliases_max) {
        return Err(LimitError::Aliases(limits.aliases_max));
    }
    if whole.directives > u64::from(limits.directives_max) {
        return Err(LimitError::Directives(limits.directives_max));
    }
    Ok(())
}

/// Recursion is bounded by [`NESTING_MAX`], so that a chain of fragments can not exhaust the stack.
fn extent<'a>(
    set: &'a SelectionSet,
    document: &'a ExecutableDocument,
    memo: &mut HashMap<&'a Name, Memo>,
    level: usize,
) -> Result<Extent, LimitError> {
    if level > NESTING_MAX {
        return Err(LimitError::Nesting);
    }
    let level = level.saturating_add(1);
    let mut sum = Extent::default();
    for selection in &set.items {
        let mut own = Extent::default();
        check_directives(selection.node.directives(), &mut own)?;
        let mut part = match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let alias = field.alias.iter().map(|alias| &alias.node);
                names::check(alias.chain([&field.name.node]))?;
                names::check_arguments(&field.arguments)?;
                let mut inner = extent(&field.selection_set.node, document, memo, level)?;
                inner.depth = inner.depth.saturating_add(1);
                inner.aliases = inner
                    .aliases
                    .saturating_add(u64::from(field.alias.is_some()));
                inner
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.iter();
                names::check(on.map(|condition| &condition.node.on.node))?;
                extent(&fragment.node.selection_set.node, document, memo, level)?
            }
            Selection::FragmentSpread(spread) => {
                fragment_extent(&spread.node.fragment_name.node, document, memo, level)?
            }
        };
        part.selections = part.selections.saturating_add(1);
        sum.add(own);
        sum.add(part);
    }
    Ok(sum)
}

fn fragment_extent<'a>(
    name: &Name,
    document: &'a ExecutableDocument,
    memo: &mut HashMap<&'a Name, Memo>,
    level: usize,
) -> Result<Extent, LimitError> {
    names::check([name])?;
    // An unknown fragment counts nothing; validation names it.
    let Some((name, fragment)) = document.fragments.get_key_value(name) else {
        return Ok(Extent::default());
    };
    match memo.get(name) {
        Some(Memo::Counted(known)) => return Ok(*known),
        Some(Memo::Counting) => return Err(LimitError::FragmentCycle),
        None => {}
    }
    memo.insert(name, Memo::Counting);
    let counted = extent(&fragment.node.selection_set.node, document, memo, level)?;
    memo.insert(name, Memo::Counted(counted));
    Ok(counted)
}

fn check_directives(
    directives: &[Positioned<Directive>],
    extent: &mut Extent,
) -> Result<(), LimitError> {
    for directive in directives {
        names::check([&directive.node.name.node])?;
        names::check_arguments(&directive.node.arguments)?;
    }
    let number = count(directives.len());
    extent.directives = extent.directives.saturating_add(number);
    Ok(())
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn check(text: &str) -> Result<(), LimitError> {
        check_expansion(
            &async_graphql_parser::parse_query(text).unwrap(),
            &Limits::default(),
        )
    }

    /// A document of about a kilobyte whose expansion has 2^n selections.
    fn doubling(n: u32) -> String {
        let mut text = String::from("{ ...f0 } ");
        for i in 0..n {
            let next = i + 1;
            let _ = write!(text, "fragment f{i} on Query {{ ...f{next} ...f{next} }} ");
        }
        let _ = write!(text, "fragment f{n} on Query {{ viewer {{ kind }} }}");
        text
    }

    #[test]
    fn doubling_fragments_are_refused_at_once() {
        for n in [11, 25, 60] {
            assert_eq!(
                check(&doubling(n)),
                Err(LimitError::Selections(2_000)),
                "{n}"
            );
        }
        assert_eq!(check(&doubling(2_000)), Err(LimitError::Nesting));
        assert_eq!(check(&doubling(4)), Ok(()));
    }

    #[test]
    fn fragments_that_spread_themselves_are_refused() {
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert_eq!(check(cycle), Err(LimitError::FragmentCycle));
        let unused = "{ __typename } fragment a on Query { ...a }";
        assert_eq!(check(unused), Err(LimitError::FragmentCycle));
    }

    #[test]
    fn each_limit_is_named() {
        let deep = format!("{}__typename{}", "{a".repeat(16), "}".repeat(16)).replace("__", "{__");
        let deep = deep.replace("typename", "typename}");
        assert_eq!(check(&deep), Err(LimitError::Depth(15)));
        let aliases: Vec<_> = (0..51).map(|i| format!("a{i}: __typename")).collect();
        let aliases = aliases.join(" ");
        assert_eq!(
            check(&format!("{{ {aliases} }}")),
            Err(LimitError::Aliases(50))
        );
        let directives = "@skip(if: false) ".repeat(51);
        for text in [
            format!("{{ __typename {directives} }}"),
            format!("query q($x: Int {directives}) {{ __typename }}"),
            format!("{{ __typename }} fragment f on Query {directives} {{ __typename }}"),
        ] {
            assert_eq!(check(&text), Err(LimitError::Directives(50)));
        }
        let unused = "viewer { kind } ".repeat(1_001);
        let unused = format!("{{ __typename }} fragment f on Query {{ {unused} }}");
        assert_eq!(check(&unused), Err(LimitError::Selections(2_000)));
    }
}
