use trunkline_model::{Presence, Profile};
use trunkline_sip::body::{
    Categories, Content,
    pidf::Pidf,
    presence::{Change, ContactCard, Note, NoteKind, State},
};

use super::shown::{self, Detail, MAX_LINE, cut};

/// Most cards of one person: the server numbers them from 0 to 6.
const MAX_CARDS: usize = 16;

/// What is known of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known {
    state: Option<State>,
    note: Option<Note>,
    /// By instance, in its order: a later one overrides what it names. Most people have one, and a list has many people.
    cards: Vec<(u32, ContactCard)>,
}

impl Known {
    /// Takes a document of categories: what it does not name stays.
    pub(super) fn hear(&mut self, categories: &Categories) {
        match categories.change("state") {
            Change::Unchanged => {}
            Change::Withdrawn => self.state = None,
            Change::Replaced(_) => self.state = categories.state().cloned(),
        }
        match categories.change("note") {
            Change::Unchanged => {}
            Change::Withdrawn => self.note = None,
            Change::Replaced(_) => self.note = categories.note().cloned(),
        }
        for category in categories.categories.iter().filter(|one| one.name == "contactCard") {
            match (&category.content, category.instance) {
                (Content::ContactCard(card), instance) => self.keep(instance.unwrap_or(0), card),
                (Content::Absent, Some(instance)) => self.cards.retain(|(known, _)| *known != instance),
                (Content::Absent, None) => self.cards.clear(),
                _ => {}
            }
        }
    }

    /// Takes an open or closed door.
    pub(super) fn hear_door(&mut self, pidf: &Pidf) {
        if let Some(state) = shown::door(pidf) {
            self.state = Some(state);
        }
        let note = pidf.note.clone().filter(|text| !text.trim().is_empty());
        self.note = note.map(|text| Note { kind: NoteKind::Personal, text });
    }

    /// Forgets the presence and keeps the cards.
    pub(super) fn fade(&mut self) {
        self.state = None;
        self.note = None;
    }

    pub(super) fn presence(&self) -> Presence {
        shown::presence(self.state.as_ref(), self.note.as_ref())
    }

    pub(super) fn detail(&self) -> Detail {
        let card = self.card();
        Detail {
            automaton: card.automaton.unwrap_or(false),
            photo: photo(&card).and_then(|photo| photo.uri.clone()),
            ..shown::detail(self.state.as_ref(), self.note.as_ref())
        }
    }

    /// The hash of the photo; empty when there is none.
    pub(super) fn photo_hash(&self) -> String {
        photo(&self.card())
            .and_then(|photo| photo.hash.as_deref())
            .map(|hash| cut(hash, MAX_LINE))
            .unwrap_or_default()
    }

    /// The profile, with the name that the looking person gave, if any.
    pub(super) fn profile(&self, alias: &str) -> Profile {
        let card = self.card();
        let line =
            |text: &Option<String>| text.as_deref().map(|text| cut(text, MAX_LINE)).unwrap_or_default();
        let alias = cut(alias, MAX_LINE);
        Profile {
            display_name: if alias.is_empty() { line(&card.display_name) } else { alias },
            email: card.emails.first().map(|email| cut(email, MAX_LINE)).unwrap_or_default(),
            title: line(&card.title),
            work_phone: phone(&card, "work"),
            mobile_phone: phone(&card, "mobile"),
            department: line(&card.department),
            company: line(&card.company),
            office: line(&card.office),
        }
    }

    fn keep(&mut self, instance: u32, card: &ContactCard) {
        match self.cards.binary_search_by_key(&instance, |(known, _)| *known) {
            Ok(at) => {
                if let Some((_, known)) = self.cards.get_mut(at) {
                    known.clone_from(card);
                }
            }
            Err(at) if self.cards.len() < MAX_CARDS => {
                self.cards.reserve_exact(1);
                self.cards.insert(at, (instance, card.clone()));
            }
            Err(_) => {}
        }
    }

    fn card(&self) -> ContactCard {
        let mut all = ContactCard::default();
        self.cards.iter().for_each(|(_, card)| all.merge(card.clone()));
        all
    }
}

fn phone(card: &ContactCard, kind: &str) -> String {
    let Some(phone) = card.phones.iter().find(|phone| phone.kind.eq_ignore_ascii_case(kind)) else {
        return String::new();
    };
    let uri = || phone.uri.as_deref().map(|uri| uri.strip_prefix("tel:").unwrap_or(uri));
    cut(phone.display.as_deref().or_else(uri).unwrap_or_default(), MAX_LINE)
}

/// The photo of the directory, else any with a hash: only that says when it has changed.
fn photo(card: &ContactCard) -> Option<&trunkline_sip::body::presence::Photo> {
    let hashed =
        || card.photos.iter().filter(|photo| photo.hash.as_deref().is_some_and(|hash| !hash.is_empty()));
    hashed().find(|photo| photo.kind.as_deref() == Some("enterprise")).or_else(|| hashed().next())
}
