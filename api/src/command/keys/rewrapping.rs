//! The keys of every tenant, wrapped anew after the key-encryption key was changed.

use anyhow::bail;
use countersign_entities::{Operator, TenantRecord};

use super::output;
use crate::causes::with_causes;

/// Wraps the keys of every tenant anew. Those that are wrapped under the current key already are passed
/// over, where its name tells. A tenant whose keys fail is told, and does not stop those behind it.
pub(super) async fn rewrap(operator: &Operator) -> anyhow::Result<()> {
    let tenants = operator.tenants().await?;
    let all = tenants.len();
    for (n, tenant) in (1_usize..).zip(&tenants) {
        let told = match operator.rewrap_keys(tenant.id).await {
            Ok(keys) => format!("{keys} keys wrapped anew"),
            Err(error) => {
                output::error(&format!("{}: {}", tenant.slug, with_causes(&error)));
                "its keys are left as they were".to_owned()
            }
        };
        output::line(&format!("{n} of {all}: {}: {told}", tenant.slug));
    }
    let name = operator.key_encryption_key();
    let mut left = 0_usize;
    // Of those as well that were made meanwhile.
    for tenant in operator.tenants().await? {
        left = left.saturating_add(tell_left(operator, &tenant).await);
    }
    if left > 0 {
        bail!(
            "{left} keys are not wrapped under {name}: mend what is told above; where a server still has the \
             configuration from before, restart it with the one that names both; and run this again"
        );
    }
    output::line(&format!("every key is wrapped under {name}"));
    output::line(
        "make a backup now: those from before are restored with the key-encryption key before alone, which you \
         keep for as long as you keep them",
    );
    Ok(())
}

/// Tells which keys of a tenant are wrapped under another key, and how many. A tenant of whom that can not
/// be said counts as one.
async fn tell_left(operator: &Operator, tenant: &TenantRecord) -> usize {
    let slug = &tenant.slug;
    let left = match operator.keys_to_rewrap(tenant.id).await {
        Ok(left) => left,
        Err(error) => {
            output::error(&format!("{slug}: {}", with_causes(&error)));
            return 1;
        }
    };
    for (key, kek) in &left {
        let (purpose, version) = (key.purpose, key.version);
        let kek = kek.as_deref().unwrap_or("a key whose name was not kept");
        output::error(&format!(
            "{slug}: its {purpose} key, version {version}, is wrapped under {kek}"
        ));
    }
    left.len()
}
