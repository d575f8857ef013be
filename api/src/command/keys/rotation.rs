//! A tenant's next data key, and everything sealed anew under it, while servers serve.

use std::{collections::BTreeSet, time::Duration};

use anyhow::bail;
use countersign_domain::id::TenantId;
use countersign_entities::{Operator, Resealed};

use super::{due, lost, output};

/// How often rows are gone through again that were passed over because somebody was writing them, and how
/// long that somebody is given each time.
const AGAIN: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Gives the tenant its next data key and seals everything anew under it. Where that was begun before and
/// something is left, it goes on instead; but not for what does not open, of which nothing ever becomes less.
pub(super) async fn rotate(operator: &Operator, slug: &str) -> anyhow::Result<()> {
    let tenant = operator.tenant(slug).await?.id;
    let mut rotation = Rotation {
        operator,
        tenant,
        told: BTreeSet::new(),
    };
    let is_going_on = due(&operator.key_status(tenant).await?) > 0;
    if is_going_on {
        output::line("going on: not everything is sealed under the newest version yet");
        let came_to = rotation.seal_everything().await?;
        if !came_to.is_stuck() {
            return rotation.conclude(&came_to).await;
        }
        output::line("what is left does not open, and holds up nothing: the next version is made");
    }
    let version = operator.rotate_key(tenant).await?;
    output::line(&format!(
        "version {version} of the data key seals from here on"
    ));
    let came_to = rotation.seal_everything().await?;
    rotation.conclude(&came_to).await
}

struct Rotation<'a> {
    operator: &'a Operator,
    tenant: TenantId,
    /// The rows that do not open and are told already.
    told: BTreeSet<(&'static str, String)>,
}

/// What sealing anew came to.
#[derive(Default)]
struct CameTo {
    /// Rows that were sealed anew.
    rows: u64,
    /// Rows that do not open.
    unopened: u64,
    /// Others that are not sealed under the newest version.
    left: u64,
}

impl CameTo {
    /// Whether nothing but what does not open was there to be sealed.
    const fn is_stuck(&self) -> bool {
        self.rows == 0 && self.left == 0 && self.unopened > 0
    }
}

impl Rotation<'_> {
    async fn seal_everything(&mut self) -> anyhow::Result<CameTo> {
        // What a server sealed meanwhile, by what it knew, is sealed anew as well; also where the version was
        // made by a run that was cut off a moment ago.
        tokio::time::sleep(Operator::KNOWN_FOR).await;
        let mut came_to = CameTo::default();
        for again in 0..=AGAIN {
            if again > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            self.go_through(&mut came_to).await?;
            // Counted, and not taken to be so: rows that somebody held were passed over.
            let due = due(&self.operator.key_status(self.tenant).await?);
            came_to.left = due.saturating_sub(came_to.unopened);
            if came_to.left == 0 {
                break;
            }
        }
        Ok(came_to)
    }

    /// Goes through every table once.
    async fn go_through(&mut self, came_to: &mut CameTo) -> anyhow::Result<()> {
        let due = due(&self.operator.key_status(self.tenant).await?);
        let due = due.saturating_add(came_to.rows);
        came_to.unopened = 0;
        let mut resealing = self.operator.reseal(self.tenant);
        while let Some(batch) = resealing.next().await? {
            came_to.rows = came_to.rows.saturating_add(batch.rows);
            let rows = came_to.rows;
            // Servers may have sealed more by what they knew.
            let of = due.max(rows);
            output::line(&format!("{}: {rows} of {of} rows sealed anew", batch.table));
            came_to.unopened = came_to.unopened.saturating_add(self.tell_unopened(&batch));
        }
        Ok(())
    }

    fn tell_unopened(&mut self, batch: &Resealed) -> u64 {
        for row in &batch.unopened {
            if self.told.insert((batch.table, row.to_string())) {
                output::error(&format!(
                    "{} {row} does not open, and is left as it is",
                    batch.table
                ));
            }
        }
        u64::try_from(batch.unopened.len()).unwrap_or(u64::MAX)
    }

    /// Tells whether everything is sealed under the newest version.
    async fn conclude(&self, came_to: &CameTo) -> anyhow::Result<()> {
        let CameTo { unopened, left, .. } = came_to;
        let mut faults = Vec::new();
        if *unopened > 0 {
            faults.push(format!(
                "{unopened} rows do not open: they were changed behind the product's back"
            ));
        }
        if *left > 0 {
            faults.push(format!(
                "{left} rows are not sealed under the newest version yet, as somebody was writing them: run this again"
            ));
        }
        if !faults.is_empty() {
            bail!(faults.join("; "));
        }
        let lost = lost(&self.operator.key_status(self.tenant).await?);
        output::line(&match lost {
            0 => "everything is sealed under the newest version".to_owned(),
            lost => format!(
                "everything that opens is sealed under the newest version; {lost} rows are sealed under versions \
                 that are destroyed, and unreadable"
            ),
        });
        Ok(())
    }
}
