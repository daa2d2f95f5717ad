//! How many contact records go into one frame.

use trunkline_wire::ContactView;

/// Contacts told in one frame.
const MOST: usize = 500;
/// Bytes of records in one frame, well below the largest frame.
pub(crate) const MOST_BYTES: usize = 900_000;

/// How many records from the first on take no more than so many bytes; at least one, where there is one.
pub(crate) fn fitting(views: &[ContactView], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |view: &&ContactView| {
        let size = trunkline_wire::contact_bytes(view);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    views.iter().take_while(fits).count().max(1).min(views.len())
}

/// Contacts in portions of a frame each.
pub(crate) fn portions(mut views: &[ContactView]) -> impl Iterator<Item = &[ContactView]> {
    std::iter::from_fn(move || {
        let count = fitting(&views[..views.len().min(MOST)], MOST_BYTES / 2);
        let (some, rest) = views.split_at(count);
        views = rest;
        (!some.is_empty()).then_some(some)
    })
}

#[cfg(test)]
mod tests {
    use trunkline_model::Contact;
    use trunkline_wire::ContactView;

    use super::{MOST, fitting, portions};

    #[test]
    fn every_contact_is_in_one_portion_and_none_is_too_large() {
        let view = |number: usize, note: usize| {
            let mut contact = Contact::unknown(format!("p{number}@example.test").parse().unwrap());
            contact.presence.personal_message = "x".repeat(note);
            ContactView { contact, blocked: false }
        };
        for (count, note) in [(1_203, 0), (203, 5_000), (3, 1_100_000)] {
            let views: Vec<_> = (0..count).map(|number| view(number, note)).collect();
            let portions: Vec<_> = portions(&views).collect();
            assert_eq!(portions.concat(), views);
            let sizes = portions.iter().map(|some| trunkline_wire::contact_update(some).as_str().len());
            assert!(sizes.into_iter().all(|size| size < 1 << 20 || note > 1 << 20));
            assert!(portions.iter().all(|some| some.len() <= MOST));
        }
        assert_eq!(fitting(&[], 9), 0);
    }
}
