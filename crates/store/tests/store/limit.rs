use futures_util::future::join_all;
use trunkline_store::StoreError;

use crate::fixture::address;

fn too_many<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Conflict(words)) => assert!(words.starts_with("too-many:"), "{words}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rosters_groups_and_blocks_have_an_end() {
    let house = super::house().await;
    let alice = house.person("alice").await.account;
    let store = &house.store;
    let who = |number: i64| address(&format!("p{number}@example.test"));
    let added = join_all((0..5_000).map(|number| async move {
        store.contact_add(alice, &who(number), None).await.and(store.block(alice, &who(number)).await)
    }));
    assert!(added.await.into_iter().all(|result| result.is_ok()));
    too_many(store.contact_add(alice, &who(5_000), None).await);
    too_many(store.block(alice, &who(5_000)).await);
    store.contact_add(alice, &who(4_999), None).await.unwrap();
    store.block(alice, &who(4_999)).await.unwrap();
    let groups =
        join_all((0..1_000).map(|number| async move { store.group_add(alice, &format!("g{number}")).await }));
    let groups: Vec<_> = groups.await.into_iter().map(Result::unwrap).collect();
    too_many(store.group_add(alice, "one more").await);
    too_many(store.group_put(alice, &who(5_000), groups[0]).await);
    assert!(store.group_put(alice, &who(0), groups[0]).await.unwrap());
    store.contact_remove(alice, &who(1)).await.unwrap();
    store.unblock(alice, &who(1)).await.unwrap();
    store.contact_add(alice, &who(5_000), None).await.unwrap();
    store.block(alice, &who(5_000)).await.unwrap();
}
