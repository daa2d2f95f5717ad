//! From an entry of the directory to a person.

use std::{collections::HashMap, fmt};

use trunkline_core::port::Photo;
use trunkline_model::{Address, Contact, Profile};

use crate::settings::DirectorySettings;

/// Longer values are cut, in characters.
const LONGEST: usize = 256;
/// Where Active Directory says that an account is disabled, and how (MS-ADTS 2.2.16).
pub(crate) const ACCOUNT_CONTROL: &str = "userAccountControl";
const DISABLED: u32 = 2;

/// The values of an entry by attribute, in lower case.
#[derive(Default)]
pub(crate) struct Entry {
    texts: HashMap<String, Vec<String>>,
    /// Values that are no text.
    files: HashMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// Takes an entry apart (RFC 4511 4.5.2); `None` when it is malformed.
    pub(crate) fn read(entry: ldap3::ResultEntry) -> Option<Self> {
        let mut parts = entry.0.match_id(4)?.expect_constructed()?.into_iter();
        let _dn = parts.next()?;
        let mut read = Self::default();
        for attribute in parts.next()?.expect_constructed()? {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
            let found = parts.next()?.expect_constructed()?.into_iter();
            let name = name.to_ascii_lowercase();
            for value in found.filter_map(|value| value.expect_primitive()) {
                match String::from_utf8(value) {
                    Ok(text) => read.texts.entry(name.clone()).or_default().push(text),
                    Err(other) => read.files.entry(name.clone()).or_default().push(other.into_bytes()),
                }
            }
        }
        Some(read)
    }

    fn values(&self, attribute: &str) -> impl Iterator<Item = &str> {
        self.texts.get(&attribute.to_ascii_lowercase()).into_iter().flatten().map(String::as_str)
    }

    /// The first value of the first attribute that has one.
    fn first(&self, attributes: &[String]) -> String {
        let values = attributes.iter().flat_map(|attribute| self.values(attribute));
        values.map(clean).find(|value| !value.is_empty()).unwrap_or_default()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({} attributes)", self.texts.len() + self.files.len())
    }
}

/// Reads people as the settings say.
pub(crate) struct Reader<'a> {
    settings: &'a DirectorySettings,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(settings: &'a DirectorySettings) -> Self {
        Self { settings }
    }

    /// `None` for whoever has no address or is disabled.
    pub(crate) fn contact(&self, entry: &Entry) -> Option<Contact> {
        if is_disabled(entry) {
            return None;
        }
        let attributes = &self.settings.attributes;
        let address = self.address(entry)?;
        let mut display_name = entry.first(&attributes.name);
        if display_name.is_empty() {
            let (first, last) = (entry.first(&attributes.first_name), entry.first(&attributes.last_name));
            display_name = format!("{first} {last}").trim().to_owned();
        }
        let profile = Profile {
            display_name,
            email: entry.first(&attributes.email),
            title: entry.first(&attributes.title),
            work_phone: entry.first(&attributes.work_phone),
            mobile_phone: entry.first(&attributes.mobile_phone),
            department: entry.first(&attributes.department),
            company: entry.first(&attributes.company),
            office: entry.first(&attributes.office),
        };
        Some(Contact { profile, ..Contact::unknown(address) })
    }

    /// The first photo that can be shown.
    pub(crate) fn photo(&self, entry: &Entry) -> Option<Photo> {
        let attributes = self.settings.attributes.photo.iter();
        let files = attributes.filter_map(|attribute| entry.files.get(&attribute.to_ascii_lowercase()));
        files.flatten().find_map(|file| Photo::new(file.clone()))
    }

    fn address(&self, entry: &Entry) -> Option<Address> {
        let attributes = self.settings.attributes.address.iter();
        attributes.flat_map(|attribute| entry.values(attribute)).find_map(|value| {
            let value = value.trim();
            let (scheme, bare) = value.split_once(':').map_or(("", value), |(scheme, bare)| (scheme, bare));
            let address: Address = bare.parse().ok()?;
            let counts = match scheme {
                "" => address.domain() == self.settings.domain,
                scheme => scheme.eq_ignore_ascii_case("sip"),
            };
            counts.then_some(address)
        })
    }
}

fn is_disabled(entry: &Entry) -> bool {
    let control = entry.values(ACCOUNT_CONTROL).find_map(|value| value.trim().parse::<i64>().ok());
    control.is_some_and(|control| control & i64::from(DISABLED) != 0)
}

/// One line without control characters, not too long.
fn clean(value: &str) -> String {
    let words: Vec<&str> = value.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::samples;

    fn entry(values: &[(&str, &[&str])]) -> Entry {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let texts = values.iter().map(|(name, values)| (name.to_ascii_lowercase(), owned(values)));
        Entry { texts: texts.collect(), ..Entry::default() }
    }

    fn address(values: &[(&str, &[&str])]) -> Option<String> {
        let settings = samples::active_directory();
        Reader::new(&settings).contact(&entry(values)).map(|contact| contact.address.bare().to_owned())
    }

    #[test]
    fn an_address_is_one_for_messages_and_not_any_that_the_entry_has() {
        let primary: (&str, &[&str]) = ("msRTCSIP-PrimaryUserAddress", &["SIP:Anna@Fabrikam.test"]);
        let proxies: (&str, &[&str]) = (
            "proxyAddresses",
            &["SMTP:anna@contoso.test", "x400:C=DE;A= ;P=Contoso", "sip:anna.old@contoso.test"],
        );
        assert_eq!(address(&[proxies, primary]).as_deref(), Some("anna@fabrikam.test"));
        assert_eq!(address(&[proxies]).as_deref(), Some("anna.old@contoso.test"));
        assert_eq!(address(&[("proxyAddresses", &["SMTP:anna@contoso.test"])]), None);
        assert_eq!(
            address(&[("proxyAddresses", &["anna@elsewhere.test", "anna@contoso.test"])]).as_deref(),
            Some("anna@contoso.test")
        );
        assert_eq!(address(&[("msRTCSIP-PrimaryUserAddress", &["sip:", "sip:a b@c", "nobody"])]), None);
    }

    #[test]
    fn a_disabled_account_is_left_out_whatever_the_filter_says() {
        let primary: (&str, &[&str]) = ("msRTCSIP-PrimaryUserAddress", &["sip:anna@contoso.test"]);
        for (control, there) in
            [("512", true), ("514", false), ("66050", false), ("-2147483134", false), ("?", true)]
        {
            let found = address(&[primary, ("userAccountControl", &[control])]);
            assert_eq!(found.is_some(), there, "{control}");
        }
    }

    #[test]
    fn a_name_is_made_of_its_parts_when_there_is_none_to_show() {
        let settings = samples::active_directory();
        let contact = Reader::new(&settings).contact(&entry(&[
            ("msRTCSIP-PrimaryUserAddress", &["sip:anna@contoso.test"]),
            ("GIVENNAME", &["Anna\r\n"]),
            ("sn", &["  Özdemir \u{7}"]),
            ("title", &["", "Engineer"]),
        ]));
        let profile = contact.unwrap().profile;
        assert_eq!((profile.display_name.as_str(), profile.title.as_str()), ("Anna Özdemir", "Engineer"));
    }
}
