//! `countersign keys`.

mod rewrapping;
mod rotation;

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;
use countersign_entities::{Database, KeyStatus, KeyVersion, Operator, SealedCount, TenantRecord};

use super::{
    arguments::{self, UsageError},
    output,
};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Tell which keys there are, what they are wrapped under, how much they have sealed
    Status {
        /// The slug of one tenant; every tenant where not given
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: Option<String>,
    },
    /// Replace keys, while servers serve. What was cut off goes on when it is begun again
    #[command(
        override_usage = "countersign keys rotate --tenant <SLUG>\n       countersign keys rotate --kek"
    )]
    Rotate {
        /// Give this tenant a new data key, and seal everything anew under it
        #[arg(
            long,
            value_name = "SLUG",
            value_parser = arguments::slug,
            required_unless_present = "kek",
            conflicts_with = "kek"
        )]
        tenant: Option<String>,
        /// Wrap the keys of every tenant anew under the key-encryption key of the configuration
        #[arg(long)]
        kek: bool,
    },
    /// Destroy a tenant's data key: its credentials and sealed columns are unreadable for ever
    Destroy {
        /// The tenant's slug
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        tenant: String,
        /// The tenant's slug once more; without it nothing is destroyed, and it is told what would be
        #[arg(long, value_name = "SLUG", value_parser = arguments::slug)]
        confirm: Option<String>,
    },
}

pub(super) async fn run(command: KeysCommand, config: &Config) -> anyhow::Result<ExitCode> {
    if let KeysCommand::Destroy {
        tenant,
        confirm: Some(confirm),
    } = &command
        && confirm != tenant
    {
        return Err(UsageError::of(format!(
            "nothing was destroyed: `--tenant` is `{tenant}`, and `--confirm` is `{confirm}`"
        )));
    }
    let database = super::database(config).await?;
    let operator = database.operator();
    let ended = match command {
        KeysCommand::Status { tenant } => status(&operator, tenant.as_deref()).await,
        KeysCommand::Rotate {
            tenant: Some(slug), ..
        } => rotation::rotate(&operator, &slug).await,
        KeysCommand::Rotate { tenant: None, .. } => rewrapping::rewrap(&operator).await,
        KeysCommand::Destroy { tenant, confirm } => {
            destroy(&operator, &tenant, confirm.as_deref()).await
        }
    };
    close(&database).await;
    ended?;
    Ok(ExitCode::SUCCESS)
}

async fn close(database: &Database) {
    database.close().await;
}

async fn tenants(operator: &Operator, slug: Option<&str>) -> anyhow::Result<Vec<TenantRecord>> {
    Ok(match slug {
        Some(slug) => vec![operator.tenant(slug).await?],
        None => operator.tenants().await?,
    })
}

async fn status(operator: &Operator, slug: Option<&str>) -> anyhow::Result<()> {
    let tenants = tenants(operator, slug).await?;
    output::line(&format!(
        "new keys are wrapped under {}",
        operator.key_encryption_key()
    ));
    for tenant in tenants {
        let status = operator.key_status(tenant.id).await?;
        output::line(&format!("{}:", tenant.slug));
        for key in &status.keys {
            output::line(&format!("  {}", described(key)));
        }
        let live = live(&status);
        for count in &status.sealed {
            let under = match count.version {
                Some(version) if live.contains(&version) => {
                    format!("sealed under version {version}")
                }
                Some(version) => {
                    format!("unreadable: sealed under version {version}, which is destroyed")
                }
                None => "not sealed yet".to_owned(),
            };
            output::line(&format!("  {}: {} {under}", count.table_name, count.count));
        }
    }
    Ok(())
}

fn described(key: &KeyVersion) -> String {
    let state = match (key.destroyed_at, &key.kek) {
        (Some(at), _) => format!("destroyed at {at}"),
        (None, Some(kek)) => format!("wrapped under {kek}"),
        (None, None) => "wrapped before names of keys were kept".to_owned(),
    };
    let (purpose, version) = (&key.purpose, key.version);
    let text = format!("{purpose} key, version {version}, {state}");
    if purpose != "data" || key.destroyed_at.is_some() {
        return text;
    }
    let (reserved, budget) = (key.reserved, KeyVersion::BUDGET);
    let percent = |count: i64| count.saturating_mul(100) / budget;
    let (spent, rotated) = (percent(reserved), percent(KeyVersion::ROTATED_AT));
    format!(
        "{text}, {reserved} of {budget} encryptions set aside ({spent}%; the next version is made at {rotated}%)"
    )
}

/// The versions of the data key that are there.
fn live(status: &KeyStatus) -> Vec<i32> {
    let data = status.keys.iter().filter(|key| key.purpose == "data");
    let live = data.filter(|key| key.destroyed_at.is_none());
    live.map(|key| key.version).collect()
}

/// How many rows are sealed under an older version that is there, or not at all.
fn due(status: &KeyStatus) -> u64 {
    let live = live(status);
    let newest = live.iter().max().copied();
    let is_due = |version: Option<i32>| match version {
        Some(version) => Some(version) != newest && live.contains(&version),
        None => newest.is_some(),
    };
    let sealed = status.sealed.iter();
    let due = sealed.filter(|sealed| is_due(sealed.version));
    due.map(rows_of).fold(0, u64::saturating_add)
}

/// How many rows are sealed under a version that is destroyed.
fn lost(status: &KeyStatus) -> u64 {
    let live = live(status);
    let sealed = status.sealed.iter();
    let lost = sealed.filter(|sealed| {
        sealed
            .version
            .is_some_and(|version| !live.contains(&version))
    });
    lost.map(rows_of).fold(0, u64::saturating_add)
}

fn rows_of(sealed: &SealedCount) -> u64 {
    u64::try_from(sealed.count).unwrap_or_default()
}

async fn destroy(operator: &Operator, slug: &str, confirm: Option<&str>) -> anyhow::Result<()> {
    let tenant = operator.tenant(slug).await?;
    if confirm != Some(slug) {
        bail!(
            "nothing was destroyed. What `{slug}` has sealed ({}) would be unreadable for ever, backups of \
             the database without its key included: to go on, add `--confirm {slug}`",
            tenant.name
        );
    }
    let status = operator.key_status(tenant.id).await?;
    let sealing = |key: &&KeyVersion| matches!(&*key.purpose, "data" | "index");
    let destroyed = status.keys.iter().filter(sealing);
    let last = destroyed.clone().filter_map(|key| key.destroyed_at).max();
    if destroyed.clone().all(|key| key.destroyed_at.is_some()) {
        if last.is_some() {
            // A run that was cut off while it waited has left answers.
            operator.empty_answers(tenant.id).await?;
        }
        bail!(match last {
            Some(at) =>
                format!("nothing is left to destroy: the keys of `{slug}` were destroyed at {at}"),
            None => format!("nothing is there to destroy: `{slug}` has sealed nothing yet"),
        });
    }
    let keys = operator.destroy_keys(tenant.id).await?;
    // Until then a server may still open what it knows the key of, and keep an answer that has it.
    tokio::time::sleep(Operator::KNOWN_FOR).await;
    operator.empty_answers(tenant.id).await?;
    output::line(&format!("{keys} keys are destroyed"));
    Ok(())
}
