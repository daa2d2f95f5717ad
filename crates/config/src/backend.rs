use std::fmt;

use crate::{
    kind::{Choice, Domain, Kind},
    lookup::Reference,
};

mod lync;
mod reader;
mod xmpp;

pub use lync::{LyncAccept, LyncBackend, LyncDecline};
pub(crate) use reader::{Attributes, Surroundings, place, read};
pub use xmpp::{XmppBackend, XmppTls};

/// An IM system that carries the accounts of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendConfig {
    /// An XMPP server.
    Xmpp(XmppBackend),
    /// A pool of Skype for Business or Lync servers.
    Lync(LyncBackend),
}

impl BackendConfig {
    /// The domain of its accounts, in the form in which addresses have it.
    pub fn domain(&self) -> &str {
        match self {
            Self::Xmpp(xmpp) => &xmpp.domain,
            Self::Lync(lync) => &lync.domain,
        }
    }

    /// The word of the attribute `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Xmpp(_) => Sort::Xmpp.word(),
            Self::Lync(_) => Sort::Lync.word(),
        }
    }
}

/// Whether backends differ in what can be taken over while they work, and in what cannot.
pub(crate) fn differences(before: &[BackendConfig], after: &[BackendConfig]) -> (bool, bool) {
    let mut adapted = before.to_vec();
    for backend in &mut adapted {
        let new = after.iter().find(|new| new.domain() == backend.domain());
        if let (BackendConfig::Lync(old), Some(BackendConfig::Lync(new))) = (backend, new) {
            old.adapt(new);
        }
    }
    (adapted != before, adapted != after)
}

/// The sorts of IM systems; each has its own table of attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Xmpp,
    Lync,
}

impl Sort {
    pub(crate) const ALL: [Self; 2] = [Self::Xmpp, Self::Lync];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Xmpp => "xmpp",
            Self::Lync => "lync",
        }
    }

    /// What it is, for headings.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Xmpp => "An XMPP server",
            Self::Lync => "Skype for Business or Lync",
        }
    }

    /// What the documents say before the table.
    pub(crate) fn introduction(self) -> &'static str {
        match self {
            Self::Xmpp => "Each account signs in with its own password.",
            Self::Lync => lync::INTRODUCTION,
        }
    }

    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Xmpp => xmpp::EXAMPLE,
            Self::Lync => lync::EXAMPLE,
        }
    }

    /// What it has beside `kind` and `domain`.
    fn own_attributes(self) -> &'static [Attribute] {
        match self {
            Self::Xmpp => xmpp::ATTRIBUTES,
            Self::Lync => lync::ATTRIBUTES,
        }
    }

    /// Its whole table.
    pub(crate) fn attributes(self) -> impl Iterator<Item = &'static Attribute> {
        SHARED.iter().chain(self.own_attributes())
    }
}

const KIND: Choice<Sort> = Choice(&[("xmpp", Sort::Xmpp), ("lync", Sort::Lync)]);
const DOMAIN: Domain = Domain;

/// An attribute of `<backend>` or `<directory>`: one row of the table from which its reader and the reference are made.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// What holds when it is absent, in words; None when it must be there.
    pub(crate) default: Option<&'static str>,
    pub(crate) meaning: &'static str,
    pub(crate) expected: fn() -> String,
}

const SHARED: &[Attribute] = &[
    Attribute {
        name: "kind",
        default: None,
        meaning: "The sort of IM system.",
        expected: || KIND.expected(),
    },
    Attribute {
        name: "domain",
        default: None,
        meaning: "The accounts of this domain use this backend. Each domain has one at most; accounts of \
            other domains live on the relay itself.",
        expected: || DOMAIN.expected(),
    },
];

/// Whether backends of any sort have an attribute of this name; letter case matters.
pub(crate) fn is_attribute(name: &str) -> bool {
    Sort::ALL.iter().any(|sort| sort.attributes().any(|attribute| attribute.name == name))
}

/// `Debug` of such an element; what came by reference is shown as the reference.
pub(crate) fn show(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    fields: &[(&str, &dyn fmt::Debug)],
    referred: &[(&'static str, Reference)],
) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    for (name, value) in fields {
        match referred.iter().find(|(referred, _)| referred == name) {
            Some((_, reference)) => shown.field(name, &format_args!("<{reference}>")),
            None => shown.field(name, value),
        };
    }
    shown.finish()
}
