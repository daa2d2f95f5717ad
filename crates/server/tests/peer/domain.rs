//! Accounts on Prosody and accounts on the relay itself, side by side.

use std::process::Command;

use crate::{
    handset::Handset,
    house::{House, address, password},
    socket::Socket,
};

#[tokio::test]
async fn peer_accounts_and_local_ones_live_in_one_relay_and_do_not_reach_each_other() {
    let house = House::open().await;
    let (lea, jon) = ("sip:lea@example.test", "sip:jon@example.test");
    house.relay.add_account(lea, "Lea Example").await.unwrap();
    house.relay.add_account(jon, "Jon Example").await.unwrap();
    let lea_pass = house.pass(lea, "lea-1").await;
    assert_eq!(Socket::open(&lea_pass).await.wanted().await, "None");
    let mut lea_phone = Handset::new(lea_pass.profile(None));
    lea_phone.signed_in().await;
    let mut jon_phone = Handset::new(house.pass(jon, "jon-1").await.profile(None));
    jon_phone.signed_in().await;
    assert_eq!(house.attempts(), 0);
    let (alice, mut bob) = (house.alice().await, house.bob().await);

    lea_phone.phone.send(&jon.parse().unwrap(), "here").await.unwrap();
    jon_phone.message("here").await;
    alice.phone.send(&address("bob"), "there").await.unwrap();
    bob.message("there").await.unwrap();

    for (phone, stranger) in
        [(&lea_phone, address("alice")), (&lea_phone, address("bob")), (&alice, lea.parse().unwrap())]
    {
        let error = phone.phone.send(&stranger, "hello?").await.unwrap_err();
        let refused = error.refused().unwrap();
        assert_eq!(refused.code.number(), 1012, "{stranger}: {error}");
        assert!(refused.inner.starts_with("unreachable:"), "{stranger}: {error}");
    }
    house.check_log();
}

#[tokio::test]
async fn peer_domains_accounts_are_not_called_local() {
    let house = House::open().await;
    let add = |account: &str| {
        let program = env!("CARGO_BIN_EXE_trunkline");
        let output = Command::new(program)
            .args(["account", "add", account, "--config"])
            .arg(house.relay.config())
            .env_remove("TRUNKLINE_CONFIG")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let carol = add("sip:carol@corp.test");
    assert!(carol.contains("xmpp backend of corp.test") && !carol.contains("local"), "{carol}");
    let jon = add("sip:jon@example.test");
    assert!(jon.contains("the account is local"), "{jon}");
    // The account that was added by hand signs in like any other.
    let pass = house.pass("sip:carol@corp.test", "carol-1").await;
    let mut phone = Handset::new(pass.profile(Some(&password("carol"))));
    phone.signed_in().await;
    house.check_log();
}
