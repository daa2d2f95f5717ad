//! What PostgreSQL plans for a small table must not stay when the table has grown.

use trunkline_store::Route;

use crate::fixture::{House, message};

const ROUNDS: usize = 250;
/// As many as share a statement.
const SENDERS: usize = 64;

#[tokio::test]
async fn a_table_that_grows_is_not_read_whole_for_new_messages() {
    let house: House = super::house().await;
    let bob = house.person("bob").await;
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        senders.push(house.person(&format!("p{number}")).await);
    }
    for round in 0..ROUNDS {
        let mut pending = Vec::new();
        for sender in &senders {
            let route = Route::Local { recipient: bob.account, deliver: true };
            let one = message(sender, &bob.address, &format!("m-{round}"), "hello", route);
            pending.push(house.store.send(one).await.unwrap());
        }
        for one in pending {
            one.await.unwrap();
        }
    }
    // The sessions of the store tell what they did when they end.
    house.store.close().await;
    let read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'messages'";
    let read: usize = house.place.run(read).await.parse().unwrap();
    // While it is small, to read it whole is the better way.
    assert!(read < ROUNDS * SENDERS * 50, "{read} rows read for {} messages", ROUNDS * SENDERS);
}
