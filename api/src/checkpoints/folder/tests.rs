use super::*;

fn made(size: u64, note: &str) -> SignedCheckpoint {
    SignedCheckpoint {
        size,
        root: [0; 32],
        note: format!("countersign/ten_1\n{size}\n{note}\n"),
        made_at: chrono::DateTime::UNIX_EPOCH,
    }
}

#[test]
fn what_was_published_is_not_contradicted() {
    let name = format!("countersign-checkpoints-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let folder = CheckpointFolder::new(&path);
    let tenant = TenantId::OPERATOR;
    folder.publish(tenant, "key", &made(5, "a")).unwrap();
    folder.publish(tenant, "key", &made(9, "b")).unwrap();
    // A replica that comes late says the same, and what is newest stays.
    folder.publish(tenant, "key", &made(5, "a")).unwrap();
    assert_eq!(folder.newest(tenant), Some(made(9, "b").note));
    let contradicted = folder.publish(tenant, "key", &made(5, "other"));
    assert!(matches!(
        contradicted,
        Err(CheckpointError::Contradicted { size: 5 })
    ));
    fs::remove_dir_all(path).unwrap();
}
