use tokio_xmpp::parsers::presence::{Presence as Stanza, Show, Type};
use trunkline_model::{Availability, Presence};

use crate::text::{cut, xml_safe};

/// Most resources of one contact that are remembered; the quietest go first.
const MAX_RESOURCES: usize = 16;
/// Most characters of a contact's note.
const MAX_NOTE: usize = 1_024;
/// Not negative, or the server would keep messages from us (RFC 6121 section 8.5.2.1). Not positive either: where a
/// server delivers to the highest priority alone, clients that say nothing of theirs would get no messages any more.
pub(crate) const PRIORITY: i8 = 0;

/// The resources of one contact that are available now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources(Vec<Resource>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Resource {
    name: String,
    priority: i8,
    availability: Availability,
    note: String,
}

impl Resources {
    /// Takes a presence stanza; false when it says nothing about availability.
    pub(crate) fn hear(&mut self, stanza: &Stanza) -> bool {
        let name = stanza.from.as_ref().and_then(|jid| jid.resource()).map(ToString::to_string);
        match stanza.type_ {
            Type::None => {
                let name = name.unwrap_or_default();
                self.0.retain(|resource| resource.name != name);
                self.0.push(Resource::from_stanza(name, stanza));
                self.0.sort_by_key(Resource::rank);
                if self.0.len() > MAX_RESOURCES {
                    self.0.remove(0);
                }
            }
            // Without a resource the whole contact is gone.
            Type::Unavailable | Type::Error => match name {
                Some(name) => self.0.retain(|resource| resource.name != name),
                None => self.0.clear(),
            },
            _ => return false,
        }
        true
    }

    /// What the person shows: the word of the resource with the highest priority, among equals the most reachable.
    pub(crate) fn merged(&self) -> Presence {
        let Some(best) = self.0.last() else { return Presence::offline() };
        Presence {
            availability: best.availability,
            personal_message: best.note.clone(),
            devices: u32::try_from(self.0.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Resource {
    fn from_stanza(name: String, stanza: &Stanza) -> Self {
        let note = stanza.statuses.get("").or_else(|| stanza.statuses.values().next());
        Self {
            name,
            priority: stanza.priority.0,
            availability: availability(stanza.show.as_ref()),
            note: note.map(|note| cut(note, MAX_NOTE)).unwrap_or_default(),
        }
    }

    fn rank(&self) -> (i8, std::cmp::Reverse<u32>) {
        (self.priority, std::cmp::Reverse(self.availability.number()))
    }
}

fn availability(show: Option<&Show>) -> Availability {
    match show {
        None | Some(Show::Chat) => Availability::Available,
        Some(Show::Away | Show::Xa) => Availability::Away,
        Some(Show::Dnd) => Availability::DoNotDisturb,
    }
}

/// The stanza that shows a person to those who may see them.
///
/// XMPP has no "appear offline" that keeps messages coming: an unavailable resource is sent none. So
/// [`Availability::Offline`] is told as the quietest that delivers, "away for long", without the note.
pub(crate) fn stanza(presence: &Presence) -> Stanza {
    let mut stanza = Stanza::available().with_priority(PRIORITY);
    stanza.show = show(presence.availability);
    let note = xml_safe(&presence.personal_message);
    if !note.is_empty() && presence.availability != Availability::Offline {
        stanza.set_status("", note);
    }
    stanza
}

fn show(availability: Availability) -> Option<Show> {
    match availability {
        Availability::Available => None,
        Availability::Busy | Availability::DoNotDisturb => Some(Show::Dnd),
        Availability::BeRightBack | Availability::Away => Some(Show::Away),
        Availability::OffWork | Availability::Offline => Some(Show::Xa),
    }
}

#[cfg(test)]
mod tests {
    use tokio_xmpp::{minidom::Element, parsers::presence::Presence as Stanza};
    use trunkline_model::{Availability, Presence};

    use super::{MAX_RESOURCES, Resources, stanza};

    fn heard(resources: &mut Resources, xml: &str) -> Presence {
        let element: Element = xml.replacen(' ', " xmlns='jabber:client' ", 1).parse().unwrap();
        assert!(resources.hear(&Stanza::try_from(element).unwrap()));
        resources.merged()
    }

    #[test]
    fn the_highest_priority_speaks_and_all_count() {
        let mut bob = Resources::default();
        let desk =
            heard(&mut bob, "<presence from='b@c/desk'><show>away</show><status>lunch</status></presence>");
        assert_eq!((desk.availability, desk.devices), (Availability::Away, 1));
        let both =
            heard(&mut bob, "<presence from='b@c/car'><show>dnd</show><priority>5</priority></presence>");
        assert_eq!((both.availability, both.devices), (Availability::DoNotDisturb, 2));
        assert_eq!(both.personal_message, "");
        let back = heard(&mut bob, "<presence from='b@c/car' type='unavailable'/>");
        assert_eq!((back.availability, back.personal_message.as_str()), (Availability::Away, "lunch"));
        assert_eq!(heard(&mut bob, "<presence from='b@c' type='unavailable'/>"), Presence::offline());
    }

    #[test]
    fn among_equals_the_most_reachable_speaks() {
        let mut bob = Resources::default();
        heard(&mut bob, "<presence from='b@c/1'/>");
        let shown = heard(&mut bob, "<presence from='b@c/2'><show>xa</show></presence>");
        assert_eq!(shown.availability, Availability::Available);
    }

    #[test]
    fn resources_are_bounded() {
        let mut bob = Resources::default();
        for n in 0..100 {
            heard(&mut bob, &format!("<presence from='b@c/{n}'><show>chat</show></presence>"));
        }
        assert_eq!(bob.merged().devices as usize, MAX_RESOURCES);
    }

    #[test]
    fn appearing_offline_keeps_messages_coming_and_hides_the_note() {
        let shown = stanza(&Presence {
            availability: Availability::Offline,
            personal_message: "secret".into(),
            devices: 1,
        });
        let xml = String::from(&Element::from(shown));
        assert!(xml.contains("<show>xa</show>") && !xml.contains("<priority>-"), "{xml}");
        assert!(!xml.contains("secret") && !xml.contains("unavailable"), "{xml}");
    }
}
