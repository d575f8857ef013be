use countersign_entities::SystemClock;

use super::*;

fn address(endpoint: Option<&str>, path_style: bool) -> String {
    let settings = Settings {
        name: "acme".to_owned(),
        region: "eu-central-1".to_owned(),
        access_key_id: "a".to_owned(),
        secret_access_key: "s".to_owned().into(),
        session_token: None,
        endpoint: endpoint.map(|url| url.parse().unwrap()),
        path_style,
        prefix: "log/".to_owned(),
        lock_days: None,
    };
    let bucket = CheckpointBucket::new(&settings, Arc::new(SystemClock)).unwrap();
    let name = bucket.name_of(TenantId::OPERATOR, 7);
    let address = bucket.at(&name).unwrap().to_string();
    let (before, after) = address.split_once("log/").unwrap();
    assert!(after.ends_with("/size/00000000000000000007"), "{after}");
    before.to_owned()
}

#[test]
fn bucket_is_a_part_of_the_host_or_of_the_path() {
    let own = "https://acme.s3.eu-central-1.amazonaws.com/";
    assert_eq!(address(None, false), own);
    let path = "https://s3.eu-central-1.amazonaws.com/acme/";
    assert_eq!(address(None, true), path);
    let store = Some("https://store.example:9000/s3/");
    assert_eq!(address(store, true), "https://store.example:9000/s3/acme/");
    assert_eq!(address(store, false), "https://acme.store.example:9000/s3/");
}
