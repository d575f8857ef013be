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
    assert_eq!(folder.newest(tenant).unwrap(), Some(made(9, "b").note));
    let contradicted = folder.publish(tenant, "key", &made(5, "other"));
    assert!(matches!(
        contradicted,
        Err(CheckpointError::Contradicted { size: 5 })
    ));
    let other = folder.publish(tenant, "another key", &made(12, "c"));
    assert!(matches!(other, Err(CheckpointError::OtherKey)));
    assert_eq!(folder.key(tenant).unwrap().as_deref(), Some("key\n"));
    assert_eq!(folder.newest(tenant).unwrap(), Some(made(9, "b").note));
    let all = |after| {
        let page = folder.page(tenant, after).unwrap();
        page.into_iter().map(|(size, _)| size).collect::<Vec<_>>()
    };
    assert_eq!((all(0), all(5), all(9)), (vec![5, 9], vec![9], vec![]));
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn replicas_that_share_a_folder_publish_at_the_same_time() {
    let name = format!("countersign-checkpoints-{}-shared", std::process::id());
    let path = std::env::temp_dir().join(name);
    let tenant = TenantId::OPERATOR;
    std::thread::scope(|replicas| {
        for _ in 0..4 {
            replicas.spawn(|| {
                let folder = CheckpointFolder::new(&path);
                for size in 1..=100 {
                    folder.publish(tenant, "key", &made(size, "a")).unwrap();
                    let newest = folder.newest(tenant).unwrap().unwrap();
                    assert!(size_of(&newest) >= Some(size), "{newest}");
                }
            });
        }
    });
    fs::remove_dir_all(path).unwrap();
}
