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
