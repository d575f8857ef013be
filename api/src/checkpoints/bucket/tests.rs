use countersign_entities::SystemClock;

use super::*;
use crate::config::{AwsCredentials, AwsMachine};

fn address(endpoint: Option<&str>, path_style: bool) -> String {
    let settings = Settings {
        name: "acme".to_owned(),
        region: "eu-central-1".to_owned(),
        credentials: AwsCredentials::Machine,
        endpoint: endpoint.map(|url| url.parse().unwrap()),
        path_style,
        prefix: "log/".to_owned(),
        lock_days: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let machine = Machine::new(&AwsMachine::default(), &clock);
    let bucket = CheckpointBucket::new(&settings, &machine, clock).unwrap();
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
