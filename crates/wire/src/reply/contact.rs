use serde::ser::{Serialize, SerializeMap, Serializer};
use trunkline_model::{Address, Group};

use super::{ContactView, PhotoView};

/// A contact record: every scalar is a string, numbers and truth values too, as the vendor's clients expect.
struct Record<'a>(&'a ContactView);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ContactView { contact, blocked } = self.0;
        let (profile, presence) = (&contact.profile, &contact.presence);
        let known = contact.in_roster || !profile.display_name.is_empty();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("displayName", contact.shown_name())?;
        map.serialize_entry("groups", &GroupList(&contact.groups))?;
        map.serialize_entry("personalMessage", &presence.personal_message)?;
        map.serialize_entry("availability", &presence.availability.number().to_string())?;
        map.serialize_entry("presence", presence.availability.name())?;
        map.serialize_entry("title", &profile.title)?;
        map.serialize_entry("type", if known { "user" } else { "unknown" })?;
        map.serialize_entry("uri", &contact.address)?;
        map.serialize_entry("contactId", &contact.address)?;
        map.serialize_entry("photoHash", &contact.photo_hash)?;
        map.serialize_entry("numDevices", &presence.devices.to_string())?;
        map.serialize_entry("mobilePhone", &profile.mobile_phone)?;
        map.serialize_entry("workPhone", &profile.work_phone)?;
        map.serialize_entry("homePhone", "")?;
        map.serialize_entry("blocked", if *blocked { "true" } else { "false" })?;
        map.serialize_entry("email", &profile.email)?;
        map.serialize_entry("firstName", "")?;
        map.serialize_entry("lastName", "")?;
        map.serialize_entry("company", &profile.company)?;
        map.serialize_entry("department", &profile.department)?;
        map.serialize_entry("office", &profile.office)?;
        map.end()
    }
}

/// How many bytes a contact takes in a map of contacts.
pub fn contact_bytes(view: &ContactView) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting does not fail, and a record has no keys but texts.
    let _ = serde_json::to_writer(&mut count, &ContactMap(std::slice::from_ref(view)));
    count.0
}

/// Contacts by their SIP URI.
pub(crate) struct ContactMap<'a>(pub(crate) &'a [ContactView]);

impl Serialize for ContactMap<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|view| (&view.contact.address, Record(view))))
    }
}

pub(super) struct RecordList<'a>(pub(super) &'a [ContactView]);

impl Serialize for RecordList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Record))
    }
}

pub(super) struct GroupList<'a>(pub(super) &'a [Group]);

impl Serialize for GroupList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Record<'a> {
            id: String,
            name: &'a str,
        }
        serializer
            .collect_seq(self.0.iter().map(|group| Record { id: group.id.0.to_string(), name: &group.name }))
    }
}

pub(super) struct PhotoList<'a>(pub(super) &'a [PhotoView]);

impl Serialize for PhotoList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Photo<'a> {
            uri: &'a Address,
            contact_id: &'a Address,
            photo_hash: &'a str,
            photo: &'a str,
        }
        serializer.collect_seq(self.0.iter().map(|view| Photo {
            uri: &view.address,
            contact_id: &view.address,
            photo_hash: &view.hash,
            photo: &view.photo,
        }))
    }
}
