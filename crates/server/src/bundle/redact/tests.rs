use proptest::prelude::*;
use trunkline_model::Address;

use super::Redactor;

/// A piece that stands nowhere in the texts below but in what must not be shown.
const PIECE: &str = "Zq";

#[test]
fn people_networks_and_secrets_are_hidden_and_the_rest_stays() {
    let mut redactor = Redactor::new(&["s3cret-word".into(), "short".into()]);
    let text = "account=sip:Alice@corp.test source=10.1.2.3 from 10.1.2.3:5222, pw s3cret-words; shorts\n\
                2026-11-25T10:00:00Z bob@corp.test 127.0.0.1:8080 [2001:db8::5] tl1.abc done. at 10.1.2.4.";
    assert_eq!(
        redactor.redact(text),
        "account=sip:user-1@corp.test source=ip-1 from ip-1:5222, pw <hidden>s; shorts\n\
         2026-11-25T10:00:00Z user-2@corp.test 127.0.0.1:8080 [ip-2] <hidden> done. at ip-3."
    );
    assert_eq!(redactor.redact("alice@CORP.test"), "user-1@CORP.test", "the same in every text");
    assert_eq!(redactor.redact("pw=short,"), "pw=<hidden>,");
    let mut redactor = Redactor::new(&["p%A0word".into(), "p%20word".into()]);
    assert_eq!(
        redactor.redact("p%A0word:p%25A0word:p word"),
        "<hidden>:<hidden>:<hidden>",
        "however written"
    );
}

#[test]
fn an_address_has_one_number_whatever_touches_it() {
    let mut redactor = Redactor::new(&[]);
    for (text, told) in [
        ("o'hara@corp.test", "user-1@corp.test"),
        ("(O'Hara@corp.test)", "(user-1@corp.test)"),
        ("Address(sip:o'hara@corp.test).", "Address(sip:user-1@corp.test)."),
        (r#"{"account":"sip:o'hara@corp.test"}"#, r#"{"account":"sip:user-1@corp.test"}"#),
        ("to=[o'hara@corp.test,a/b?c^d=e@corp.test]", "to=[user-1@corp.test,user-2@corp.test]"),
        ("xmpp:o'hara@corp.test/O'Hara's", "xmpp:user-1@corp.test/…"),
        ("/v1/people/sip:o'hara%40corp.test", "/v1/people/sip:user-1%40corp.test"),
        ("postgres://ann:pw@10.0.0.9:5432/relay", "postgres://user-3@ip-1:5432/relay"),
        ("fe80::1%eth0", "ip-2"),
    ] {
        assert_eq!(redactor.redact(text), told);
    }
}

/// Pieces with what may stand around and between them.
fn of_pieces(others: &'static str) -> impl Strategy<Value = String> {
    let with_others = (proptest::string::string_regex(others).unwrap(), Just(PIECE));
    (prop::collection::vec(with_others, 1..5), proptest::string::string_regex(others).unwrap()).prop_map(
        |(parts, end)| parts.into_iter().map(|(other, piece)| other + piece).collect::<String>() + &end,
    )
}

fn local() -> impl Strategy<Value = String> {
    of_pieces(r"[!#$%'()*+./=?^_`{|}~&;,ß字\[\]-]{0,3}")
}

fn secret() -> impl Strategy<Value = String> {
    of_pieces(r#"[ -~ß字"'\\<>&@:/?#%=]{0,3}"#)
        .prop_filter("long enough", |secret| secret.chars().count() >= 6)
}

proptest! {
    #[test]
    fn no_piece_of_anybodys_name_is_shown(local in local()) {
        let address = format!("{local}@corp.test");
        let mut texts = vec![
            format!("account=sip:{address} source=10.0.0.1 whose=\"sip:{address}\""),
            format!("account={address} ({address}) [{address}], '{address}'; {address}/{PIECE} x@y.test,{address}"),
            format!("{{\"who\":\"{address}\"}} <{address}> https://relay.test/v1?who={address}"),
            format!("other={address}, sip:{local}%40corp.test"),
        ];
        texts.extend(address.parse::<Address>().map(|address| format!("{address:?} {address} {}", address.bare())));
        for text in texts {
            let told = Redactor::new(&[]).redact(&text);
            prop_assert!(!told.to_lowercase().contains(&PIECE.to_lowercase()), "{:?} of {:?}", told, text);
            prop_assert!(told.contains("@corp.test"), "{:?}", told);
        }
    }

    #[test]
    fn no_piece_of_a_secret_is_shown(secret in secret(), local in local()) {
        let encoded = percent_encoding::utf8_percent_encode(&secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        let url = format!("postgres://ann:{encoded}@10.0.0.9/relay");
        let json = serde_json::json!({ "seen": secret, "url": url });
        let text = format!(
            "{url} token {secret} in{secret}side {secret}{secret} \"{secret}\" {secret:?} {json:#} =\n{encoded}\n\
             sip:{local}{secret}@corp.test password authentication failed"
        );
        for known in [vec![secret.clone(), url.clone()], vec![encoded.clone(), url.clone()]] {
            let told = Redactor::new(&known).redact(&text);
            prop_assert!(!told.contains(&secret) && !told.contains(&encoded), "{:?} of {:?}", told, text);
            prop_assert!(!told.contains(PIECE), "{:?} of {:?}", told, text);
            prop_assert!(told.contains("password authentication failed"), "{:?}", told);
        }
    }
}
