//! Verifying an export, line by line.

use thiserror::Error;

use super::{Exported, LineError, line::Lines};
use crate::{
    audit::{
        ChainError, Hash, Head,
        merkle::{self, Frontier},
        note::Checkpoint,
    },
    id::TenantId,
};

/// Why a line of an export does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// It is no row.
    #[error(transparent)]
    Line(#[from] LineError),
    /// It is not the row that belongs there.
    #[error(transparent)]
    Row(#[from] ExportFault),
}

/// Why an export does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExportFault {
    /// The first row that fails.
    #[error(transparent)]
    Broken(#[from] ChainError),
    /// A row of another tenant.
    #[error("row {seq} is of another tenant")]
    Foreign {
        /// The row.
        seq: i64,
    },
    /// The checkpoint tells of more rows than there are: the end is cut off.
    #[error("the checkpoint is of {expected} rows, and {found} are here: the end is cut off")]
    Cut {
        /// Of the checkpoint.
        expected: u64,
        /// Rows from the first on, without a gap.
        found: u64,
    },
    /// The rows are not those that the checkpoint was made of.
    #[error("the first {size} rows are not those that the checkpoint was made of")]
    Rewritten {
        /// Of the checkpoint.
        size: u64,
    },
}

/// Verifies rows that come in order, without a key: that each is what was recorded, that each links to the
/// one before it, and what the Merkle tree over them is.
#[derive(Debug)]
pub struct Verifier {
    tenant: TenantId,
    /// Whether rows may be missing between others, as where an export chose some.
    has_gaps: bool,
    last: Option<Head>,
    frontier: Frontier,
    checked: u64,
    checkpoint: Option<Checkpoint>,
    meets_checkpoint: bool,
    lines: Lines,
}

impl Verifier {
    /// Of a tenant's rows; those that a checkpoint is of must be among them, from the first on.
    pub fn new(tenant: TenantId, has_gaps: bool, checkpoint: Option<Checkpoint>) -> Self {
        Self {
            tenant,
            has_gaps,
            last: None,
            frontier: Frontier::EMPTY,
            checked: 0,
            checkpoint,
            meets_checkpoint: false,
            lines: Lines::default(),
        }
    }

    /// The next line of an export as JSON Lines, with its end.
    pub fn line(&mut self, line: &[u8]) -> Result<(), LineFault> {
        if let Some(judged) = self.lines.judge(self.tenant, line)
            && self.check_place(judged.here, judged.previous).is_ok()
        {
            return Ok(self.accept(judged.here)?);
        }
        Ok(self.row(&Exported::from_json(line)?)?)
    }

    /// The next row.
    pub fn row(&mut self, row: &Exported) -> Result<(), ExportFault> {
        let link = &row.link;
        if row.tenant != self.tenant {
            return Err(ExportFault::Foreign { seq: link.seq });
        }
        let here = Head {
            seq: link.seq,
            hash: link.hash,
        };
        self.check_place(here, link.previous)?;
        link.check_content(self.tenant, &row.event)?;
        self.accept(here)
    }

    /// Whether a row goes on where the last one ended.
    fn check_place(&self, here: Head, previous: Hash) -> Result<(), ChainError> {
        let before = match self.last {
            Some(last) if self.has_gaps && here.seq > last.seq.saturating_add(1) => None,
            Some(last) => Some(last),
            // A part of a chain begins where it begins.
            None => Some(Head::EMPTY).filter(|_| here.seq == 1),
        };
        before.map_or(Ok(()), |before| before.check(here.seq, &previous))
    }

    /// Counts a row that was checked, and puts it into the tree.
    fn accept(&mut self, here: Head) -> Result<(), ExportFault> {
        self.last = Some(here);
        self.checked = self.checked.saturating_add(1);
        if u64::try_from(here.seq).is_ok_and(|seq| seq == self.frontier.size().saturating_add(1)) {
            self.frontier.push(merkle::leaf(&here.hash), |_, _| {});
            self.meet()?;
        }
        Ok(())
    }

    fn meet(&mut self) -> Result<(), ExportFault> {
        let here = self.checkpoint.as_ref();
        let Some(checkpoint) = here.filter(|one| one.size == self.frontier.size()) else {
            return Ok(());
        };
        if checkpoint.root != self.frontier.root() {
            return Err(ExportFault::Rewritten {
                size: checkpoint.size,
            });
        }
        self.meets_checkpoint = true;
        Ok(())
    }

    /// After the last row: how many were verified, and where they end.
    pub fn finish(self) -> Result<(u64, Option<Head>), ExportFault> {
        match &self.checkpoint {
            Some(checkpoint) if !self.meets_checkpoint => Err(ExportFault::Cut {
                expected: checkpoint.size,
                found: self.frontier.size(),
            }),
            _ => Ok((self.checked, self.last)),
        }
    }
}
