use crate::program::Folder;

#[test]
fn a_key_comes_as_json_alone() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let key = folder.json(&["activation", "issue", "alice@example.test", "--expires", "2h"]);
    let members: Vec<_> = key.as_object().unwrap().keys().collect();
    assert_eq!(members, ["accessKey", "address", "expiresAt"]);
    assert_eq!(key["address"], "sip:alice@example.test");
    let blocks: Vec<_> = key["accessKey"].as_str().unwrap().split('-').collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        assert_eq!(block.len(), 5, "{key}");
        assert!(block.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()), "{key}");
        assert!(!block.contains(['0', 'O', '1', 'I', 'L']), "no look-alikes: {key}");
    }
    let expires: jiff::Timestamp = key["expiresAt"].as_str().unwrap().parse().unwrap();
    let minutes = (expires - jiff::Timestamp::now()).total(jiff::Unit::Minute).unwrap();
    assert!((118.0..=120.0).contains(&minutes), "{minutes}");
}

#[test]
fn a_key_for_people_says_what_it_is_good_for() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let told = folder.well(&["activation", "issue", "alice@example.test"]);
    assert!(
        told.contains("Access key for sip:alice@example.test") && told.contains("Good for one phone"),
        "{told}"
    );
}

#[test]
fn nobody_and_the_disabled_get_no_key() {
    let folder = Folder::new();
    let nobody = folder.run(&["activation", "issue", "alice@example.test"]);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.err.contains("there is no account sip:alice@example.test"), "{}", nobody.err);

    folder.well(&["account", "add", "alice@example.test"]);
    folder.well(&["account", "disable", "alice@example.test"]);
    let disabled = folder.run(&["activation", "issue", "alice@example.test"]);
    assert_eq!(disabled.code, Some(1));
    assert!(disabled.err.contains("is disabled"), "{}", disabled.err);
}

#[test]
fn open_keys_are_listed_and_made_void_but_never_shown() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let key = folder.json(&["activation", "issue", "alice@example.test"])["accessKey"].clone();
    folder.well(&["activation", "issue", "alice@example.test"]);
    let keys = folder.json(&["activation", "list", "alice@example.test"]);
    let members: Vec<_> = keys["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["address", "expiresAt", "id", "issuedAt"]);
    assert!(!keys.to_string().contains(key.as_str().unwrap()));

    let id = keys["keys"][0]["id"].as_str().unwrap();
    let revoked = folder.json(&["activation", "revoke", "alice@example.test", id]);
    assert_eq!(revoked["keys"][0]["id"], id);
    let gone = folder.run(&["activation", "revoke", "alice@example.test", id]);
    assert_eq!(gone.code, Some(1), "{gone:?}");
    let rest = folder.well(&["activation", "revoke", "alice@example.test"]);
    assert_eq!(rest, "One access key of sip:alice@example.test is void.\n");
    assert_eq!(folder.json(&["activation", "list"])["keys"].as_array().unwrap().len(), 0);
}
