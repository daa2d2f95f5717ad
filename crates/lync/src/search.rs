use trunkline_core::port::{Search, SearchField, SearchResult};
use trunkline_model::Contact;

/// Those of a roster whom a search means.
pub(crate) fn found(contacts: Vec<Contact>, search: &Search) -> SearchResult {
    let term = search.term.to_lowercase();
    let mut found: Vec<_> =
        contacts.into_iter().filter(|contact| is_meant(contact, &term, search.field)).collect();
    found.sort_by_cached_key(|contact| contact.shown_name().to_lowercase());
    let more = found.len() > search.limit;
    found.truncate(search.limit);
    SearchResult { contacts: found, more }
}

fn is_meant(contact: &Contact, term: &str, field: SearchField) -> bool {
    let profile = &contact.profile;
    let by_name = || begins_a_word(contact.shown_name(), term);
    let by_mail = || begins_a_word(&profile.email, term) || begins_a_word(contact.address.bare(), term);
    let by_phone = || has_number(&profile.work_phone, term) || has_number(&profile.mobile_phone, term);
    match field {
        SearchField::Name => by_name(),
        SearchField::Email => by_mail(),
        SearchField::Phone => by_phone(),
        SearchField::Any => by_name() || by_mail() || by_phone(),
    }
}

fn begins_a_word(text: &str, term: &str) -> bool {
    let text = text.to_lowercase();
    let starts = |(at, _): &(usize, &str)| {
        text.get(..*at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|last| !last.is_alphanumeric())
    };
    text.match_indices(term).any(|hit| starts(&hit))
}

fn has_number(text: &str, term: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let wanted = digits(term);
    !wanted.is_empty() && digits(text).starts_with(&wanted)
}

#[cfg(test)]
mod tests {
    use trunkline_model::Profile;

    use super::*;

    #[test]
    fn a_search_looks_at_the_starts_of_words_and_at_digits() {
        let contact = |address: &str, name: &str, phone: &str| Contact {
            profile: Profile { display_name: name.into(), work_phone: phone.into(), ..Profile::default() },
            ..Contact::unknown(address.parse().expect("an address"))
        };
        let roster = vec![
            contact("bob@contoso.test", "Bob Baker", "+1 (555) 0100"),
            contact("carol@contoso.test", "Carol O'Bobbin", ""),
        ];
        let names = |term: &str, field, limit| {
            let found = found(roster.clone(), &Search { term: term.into(), field, limit });
            (found.contacts.iter().map(|each| each.shown_name().to_owned()).collect::<Vec<_>>(), found.more)
        };
        assert_eq!(
            names("bob", SearchField::Name, 9),
            (vec!["Bob Baker".into(), "Carol O'Bobbin".into()], false)
        );
        assert_eq!(names("BOB", SearchField::Name, 1), (vec!["Bob Baker".into()], true));
        assert_eq!(names("obbin", SearchField::Any, 9).0.len(), 0);
        assert_eq!(names("1555", SearchField::Phone, 9).0, ["Bob Baker"]);
        assert_eq!(names("carol@", SearchField::Email, 9).0, ["Carol O'Bobbin"]);
    }
}
