use std::collections::{BTreeMap, HashMap};

use trunkline_model::{Address, Contact, Profile};

use crate::port::{Roster, Search, SearchResult};

/// One result of two: each person once, the best hits first, at most the limit. Of a person whom both know, the line tells
/// presence and groups, and the directory fills in what the line leaves empty.
pub(super) fn merge(
    by_line: SearchResult,
    roster: &Roster,
    by_directory: SearchResult,
    search: &Search,
) -> SearchResult {
    let known: HashMap<&Address, &Contact> =
        roster.contacts.iter().map(|contact| (&contact.address, contact)).collect();
    let mut people: BTreeMap<Address, Contact> =
        by_line.contacts.into_iter().map(|contact| (contact.address.clone(), contact)).collect();
    for found in by_directory.contacts {
        let in_roster = || known.get(&found.address).map(|contact| (*contact).clone());
        match people.get_mut(&found.address) {
            Some(contact) => complete(&mut contact.profile, found.profile),
            None => {
                let mut contact = in_roster().unwrap_or_else(|| Contact::unknown(found.address.clone()));
                complete(&mut contact.profile, found.profile);
                people.insert(found.address, contact);
            }
        }
    }
    let term = search.term.trim().to_lowercase();
    let mut contacts: Vec<Contact> = people.into_values().collect();
    contacts.sort_by_cached_key(|contact| {
        (rank(contact, &term), !contact.in_roster, contact.shown_name().to_lowercase())
    });
    let more = by_line.more || by_directory.more || contacts.len() > search.limit;
    contacts.truncate(search.limit);
    SearchResult { contacts, more }
}

/// How good a hit is, the best lowest: the name begins with the term, a later word of it does, the address or the e-mail
/// does, or it was found by something else, such as a number.
fn rank(contact: &Contact, term: &str) -> u8 {
    let name = contact.shown_name().to_lowercase();
    if name.starts_with(term) {
        0
    } else if name.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(term)) {
        1
    } else if contact.address.bare().starts_with(term)
        || contact.profile.email.to_lowercase().starts_with(term)
    {
        2
    } else {
        3
    }
}

/// Fills in what a profile leaves empty.
pub(crate) fn complete(profile: &mut Profile, from: Profile) {
    for (own, other) in [
        (&mut profile.display_name, from.display_name),
        (&mut profile.email, from.email),
        (&mut profile.title, from.title),
        (&mut profile.work_phone, from.work_phone),
        (&mut profile.mobile_phone, from.mobile_phone),
        (&mut profile.department, from.department),
        (&mut profile.company, from.company),
        (&mut profile.office, from.office),
    ] {
        if own.is_empty() {
            *own = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::{Availability, Presence};

    use super::*;
    use crate::port::SearchField;

    fn person(address: &str, name: &str) -> Contact {
        let profile = Profile { display_name: name.to_owned(), ..Profile::default() };
        Contact { profile, ..Contact::unknown(address.parse().unwrap()) }
    }

    fn found(people: &[(&str, &str)], more: bool) -> SearchResult {
        SearchResult { contacts: people.iter().map(|(address, name)| person(address, name)).collect(), more }
    }

    fn search(term: &str, limit: usize) -> Search {
        Search { term: term.to_owned(), field: SearchField::Any, limit }
    }

    fn names(result: &SearchResult) -> Vec<&str> {
        result.contacts.iter().map(Contact::shown_name).collect()
    }

    #[test]
    fn a_name_that_begins_with_the_term_comes_first_and_whom_the_person_knows_before_strangers() {
        let by_directory = found(
            &[
                ("x1@a.test", "Zoe Weber"),
                ("x2@a.test", "Carl-Anna Web"),
                ("anna.s@a.test", "Schmidt, Sophie"),
                ("x3@a.test", "Anna Ziegler"),
                ("x4@a.test", "Anna Adler"),
            ],
            false,
        );
        let mut known = person("x3@a.test", "");
        known.in_roster = true;
        let roster = Roster { contacts: vec![known], groups: Vec::new() };
        let result = merge(SearchResult::default(), &roster, by_directory, &search("ANNA", 10));
        assert_eq!(
            names(&result),
            ["Anna Ziegler", "Anna Adler", "Carl-Anna Web", "Schmidt, Sophie", "Zoe Weber"]
        );
        assert!(result.contacts[0].in_roster && !result.more);
    }

    #[test]
    fn a_person_whom_both_know_comes_once_with_the_lines_presence_and_the_directorys_number() {
        let mut by_line = found(&[("a@a.test", "Anna (the good one)")], false);
        by_line.contacts[0].presence = Presence { availability: Availability::Busy, ..Presence::offline() };
        let mut by_directory = found(&[("A@a.test", "Anna Adler")], false);
        by_directory.contacts[0].profile.work_phone = "+49 30 1".into();
        let result = merge(by_line, &Roster::default(), by_directory, &search("an", 10));
        let [anna] = result.contacts.as_slice() else { panic!("{result:?}") };
        assert_eq!(anna.presence.availability, Availability::Busy);
        assert_eq!(anna.shown_name(), "Anna (the good one)", "as the person calls her");
        assert_eq!(anna.profile.work_phone, "+49 30 1");
    }

    #[test]
    fn what_either_left_out_and_what_goes_over_the_limit_is_more() {
        let one = || found(&[("a@a.test", "Anna")], false);
        let two = || found(&[("b@a.test", "Annabel")], false);
        let none = Roster::default();
        assert!(!merge(one(), &none, two(), &search("an", 2)).more);
        let cut = merge(one(), &none, two(), &search("an", 1));
        assert_eq!((names(&cut), cut.more), (vec!["Anna"], true));
        let more = |mut result: SearchResult| {
            result.more = true;
            result
        };
        assert!(merge(more(one()), &none, two(), &search("an", 9)).more);
        assert!(merge(one(), &none, more(two()), &search("an", 9)).more);
    }
}
