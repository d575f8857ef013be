//! Exports of the audit log: `audit.exported`.

use countersign_domain::{
    audit::{Facts, is_kind, manifest::ExportFormat},
    id::AnyId,
};
use countersign_entities::AuditFilter;

/// Whether the filter is of words that the log may repeat: an export is recorded with it.
pub fn check(filter: &AuditFilter) -> Result<(), &'static str> {
    if filter.action.as_deref().is_some_and(|kind| !is_kind(kind)) {
        return Err("`action` is two words, such as `statement.imported`");
    }
    let is_id = |id: &str| AnyId::parse(id).is_some();
    if filter.actor.as_deref().is_some_and(|actor| !is_id(actor)) {
        return Err("`actorId` is an id, such as `usr_` and 32 digits");
    }
    Ok(())
}

/// What the log says of an export: which rows were asked for.
pub fn recorded(filter: &AuditFilter, format: ExportFormat) -> Facts {
    let actor = filter.actor.as_deref().and_then(AnyId::parse);
    let facts = Facts::new()
        .word("format", format.name())
        .at("from", filter.from)
        .at("to", filter.to)
        .kind("action", filter.action.as_deref())
        .id("actor", actor);
    let row = |seq: Option<i64>| seq.and_then(|seq| u64::try_from(seq).ok());
    let facts = match filter.outcome {
        Some(outcome) => facts.word("outcome", outcome.name()),
        None => facts,
    };
    let facts = match row(filter.from_seq) {
        Some(seq) => facts.count("fromSeq", seq),
        None => facts,
    };
    match row(filter.to_seq) {
        Some(seq) => facts.count("toSeq", seq),
        None => facts,
    }
}
