use proptest::prelude::*;
use trunkline_core::port::{Search, SearchField};
use trunkline_model::{Contact, Profile};

use super::{Question, samples::active_directory};

fn question(term: &str, field: SearchField) -> Question {
    let search = Search { term: term.to_owned(), field, limit: 50 };
    Question::new(&search, &active_directory()).unwrap()
}

fn contact(phone: &str) -> Contact {
    let profile = Profile { work_phone: phone.to_owned(), display_name: "Anna".into(), ..Profile::default() };
    Contact { profile, ..Contact::unknown("anna@contoso.test".parse().unwrap()) }
}

#[test]
fn a_term_is_never_part_of_the_filters_grammar() {
    for (term, escaped) in [
        ("*)(uid=*", r"\2a\29\28uid\3d\2a"),
        ("\\2a", r"\5c2a"),
        ("a\0b", r"a\00b"),
        ("Öz", r"\c3\96z"),
        ("O\u{308}z", r"\c3\96z"),
    ] {
        let filter = question(term, SearchField::Name).filter;
        assert!(filter.contains(&format!("(displayName={escaped}*)")), "{filter}");
    }
}

#[test]
fn each_word_may_begin_another_name() {
    let filter = question("berg, anna", SearchField::Name).filter;
    let one = |word: &str| format!("(|(displayName={word}*)(givenName={word}*)(sn={word}*))");
    assert!(filter.contains(&format!("(&{}{})", one("berg"), one("anna"))), "{filter}");
}

#[test]
fn an_address_is_found_with_and_without_its_scheme() {
    for term in ["anna", "sip:anna", "SIP:anna"] {
        let filter = question(term, SearchField::Email).filter;
        for part in ["(mail=anna*)", "(msRTCSIP-PrimaryUserAddress=sip:anna*)", "(proxyAddresses=smtp:anna*)"]
        {
            assert!(filter.contains(part), "{filter}");
        }
        assert!(!filter.contains("displayName"), "{filter}");
    }
}

#[test]
fn a_number_is_compared_by_its_digits_with_or_without_its_prefixes() {
    for (term, phone, fits) in [
        ("4930123", "+49 (30) 123-45", true),
        ("030123", "+49 (30) 123-45", true),
        ("0049 30", "+49 (30) 123-45", true),
        ("+49 30/123", "+49 (30) 123-45", true),
        ("123 45", "+49 (30) 123-45", true),
        ("2345", "+49 (30) 123-45", false),
        ("301", "030 1", true),
        ("4931", "+49 (30) 123-45", false),
    ] {
        assert_eq!(question(term, SearchField::Phone).fits(&contact(phone)), fits, "{term} in {phone}");
    }
    let search = Search { term: "no digit".into(), field: SearchField::Phone, limit: 1 };
    assert!(Question::new(&search, &active_directory()).is_none(), "nobody is asked");
    assert!(question("anna 12345", SearchField::Any).digits.is_empty(), "a name with a number is a name");
}

proptest! {
    #[test]
    fn any_term_makes_a_filter_that_can_be_read(term in "\\PC{1,40}", raw in any::<String>()) {
        for term in [term, raw] {
            for field in [SearchField::Name, SearchField::Email, SearchField::Phone, SearchField::Any] {
                let search = Search { term: term.clone(), field, limit: 50 };
                if let Some(question) = Question::new(&search, &active_directory()) {
                    prop_assert!(ldap3::parse_filter(question.filter()).is_ok(), "{}", question.filter());
                }
            }
        }
    }
}
