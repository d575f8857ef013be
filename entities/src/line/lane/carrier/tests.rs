//! When what is sent leaves.

use std::pin::pin;

use futures::{FutureExt, poll};
use tokio::io::{AsyncReadExt, duplex};

use super::*;

#[tokio::test]
async fn a_server_that_waits_is_sent_to_before_anybody_else_has_a_turn() {
    let (transport, mut server) = duplex(1024);
    let vigil = Vigil::new(&Arc::default(), Duration::from_secs(10));
    let traffic = Traffic::new(Box::new(transport), vigil);
    // From here on the carrier waits.
    tokio::task::yield_now().await;
    let send = || {
        traffic.send(Incoming::answers(std::iter::empty()), |out| {
            messages::end(out);
            Ok(())
        })
    };
    let mut came = [0; 64];
    let mut first = pin!(send());
    assert!(poll!(&mut first).is_pending());
    let sent = server.read(&mut came).now_or_never();
    assert_eq!(sent.expect("it is there").unwrap(), 5, "a `Sync`");
    // What comes while that is under way leaves together, in the carrier's turn.
    let (mut second, mut third) = (pin!(send()), pin!(send()));
    assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
    assert!(server.read(&mut came).now_or_never().is_none());
    assert_eq!(server.read(&mut came).await.unwrap(), 10);
}
