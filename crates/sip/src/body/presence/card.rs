use super::state::says_yes;
use crate::body::Element;

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/contactcard";

/// Who somebody is. A user has several of them; see [`ContactCard::merge`].
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ContactCard {
    /// The name to show.
    pub display_name: Option<String>,
    /// Addresses of mail, the first one the main one.
    pub emails: Vec<String>,
    /// The employer.
    pub company: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The office.
    pub office: Option<String>,
    /// Telephones.
    pub phones: Vec<Phone>,
    /// Photos.
    pub photos: Vec<Photo>,
    /// Whether it is a machine whose presence never changes.
    pub automaton: Option<bool>,
}

/// A telephone number.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    /// `work`, `mobile`, `home`, `other`, `custom1` or another word.
    pub kind: String,
    /// Its `tel:` URI.
    pub uri: Option<String>,
    /// How it is shown.
    pub display: Option<String>,
}

/// A photo.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// `enterprise` from the directory, `default` from an address of the user's choice, or another word.
    pub kind: Option<String>,
    /// Where it is.
    pub uri: Option<String>,
    /// Changes when the photo does.
    pub hash: Option<String>,
}

/// Personal data is not shown.
impl std::fmt::Debug for ContactCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContactCard({} phones, {} photos)", self.phones.len(), self.photos.len())
    }
}

impl ContactCard {
    pub(super) fn from_element(element: &Element) -> Self {
        let nothing = Element::new("identity");
        let identity = element.first("identity").unwrap_or(&nothing);
        // Some instances have these inside the identity, some beside it.
        let either = |name| identity.value(name).or_else(|| element.value(name));
        let all = |name| identity.all(name).chain(element.all(name)).collect::<Vec<_>>();
        let text = |element: &Element| element.content().trim().to_owned();
        Self {
            display_name: identity.first("name").and_then(|name| name.value("displayName")),
            emails: all("email").into_iter().map(text).filter(|email| !email.is_empty()).collect(),
            company: either("company"),
            department: either("department"),
            title: either("title"),
            office: either("office"),
            phones: all("phone").into_iter().map(Phone::from_element).collect(),
            photos: all("photo").into_iter().map(Photo::from_element).collect(),
            automaton: says_yes(element.first("automaton"))
                .or_else(|| says_yes(identity.first("automaton")))
                .or_else(|| element.flag("automaton")),
        }
    }

    pub(super) fn to_element(&self) -> Element {
        let name = self.display_name.as_ref().map(|name| Element::new("name").leaf("displayName", name));
        let identity = Element::new("identity")
            .children(name)
            .children(self.emails.iter().map(|email| Element::new("email").text(email)));
        Element::new("contactCard")
            .with("xmlns", NAMESPACE)
            .child(identity)
            .leaf_some("company", self.company.as_ref())
            .leaf_some("department", self.department.as_ref())
            .leaf_some("title", self.title.as_ref())
            .leaf_some("office", self.office.as_ref())
            .children(self.phones.iter().map(Phone::to_element))
            .children(self.photos.iter().map(Photo::to_element))
            .leaf_some("automaton", self.automaton)
    }

    /// Takes over what `later` (an instance of a higher number) says, and keeps the rest.
    pub fn merge(&mut self, later: Self) {
        let take = |mine: &mut Option<String>, theirs: Option<String>| {
            if theirs.is_some() {
                *mine = theirs;
            }
        };
        take(&mut self.display_name, later.display_name);
        take(&mut self.company, later.company);
        take(&mut self.department, later.department);
        take(&mut self.title, later.title);
        take(&mut self.office, later.office);
        if !later.emails.is_empty() {
            self.emails = later.emails;
        }
        for phone in later.phones {
            self.phones.retain(|mine| mine.kind != phone.kind);
            self.phones.push(phone);
        }
        for photo in later.photos {
            self.photos.retain(|mine| mine.kind != photo.kind);
            self.photos.push(photo);
        }
        self.automaton = later.automaton.or(self.automaton);
    }
}

impl Phone {
    fn from_element(element: &Element) -> Self {
        Self {
            kind: element.attribute("type").unwrap_or("other").to_owned(),
            uri: element.value("uri"),
            display: element.value("displayString"),
        }
    }

    fn to_element(&self) -> Element {
        Element::new("phone")
            .with("type", &self.kind)
            .leaf_some("uri", self.uri.as_ref())
            .leaf_some("displayString", self.display.as_ref())
    }
}

impl Photo {
    fn from_element(element: &Element) -> Self {
        Self {
            kind: element.attribute("type").map(str::to_owned),
            uri: element.value("uri"),
            hash: element.value("hash"),
        }
    }

    fn to_element(&self) -> Element {
        Element::new("photo")
            .with_some("type", self.kind.as_ref())
            .leaf_some("uri", self.uri.as_ref())
            .leaf_some("hash", self.hash.as_ref())
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({})", self.kind)
    }
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({:?})", self.kind)
    }
}
