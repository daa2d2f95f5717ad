//! What a SUBSCRIBE carries, and what its notifications say.

use trunkline_sip::{
    Request, Response,
    body::{
        self, MediaType, contact,
        provisioning::{self, ProvisionGroupList, ProvisionRequest},
        rlmi::Notification,
        roaming::{self, RoamingData, RoamingList},
        subscription as batch,
    },
    header::{Headers, name},
    message::RequestBuilder,
    transaction::Outcome,
};

use super::{About, Question};
use crate::people::{Answer, Event, Package, Place};

/// The event package, and the media type of its documents.
pub(super) fn event(package: Package) -> (&'static str, &'static str) {
    match package {
        Package::Contacts => ("vnd-microsoft-roaming-contacts", contact::TYPE),
        Package::Provisioning => ("vnd-microsoft-provisioning-v2", provisioning::TYPE),
        Package::Own => ("vnd-microsoft-roaming-self", roaming::TYPE),
    }
}

pub(super) fn question(package: Package) -> Question {
    let body = match package {
        Package::Contacts => None,
        Package::Provisioning => Some((provisioning::TYPE, ProvisionRequest::usual().write())),
        Package::Own => Some((roaming::TYPE, RoamingList::ALL.write())),
    };
    Question { watch: None, body }
}

pub(super) fn read(about: &About, headers: &Headers, bytes: &[u8]) -> Result<Event, body::BodyError> {
    Ok(match about {
        About::Own(Package::Contacts) => Event::Contacts(contact::Roster::read(bytes)?),
        About::Own(Package::Provisioning) => Event::Provisioned(ProvisionGroupList::read(bytes)?),
        About::Own(Package::Own) => Event::Own(Box::new(RoamingData::read(bytes)?)),
        About::Others(place) => {
            let media = headers.text(name::CONTENT_TYPE).unwrap_or_default();
            let notification = Notification::read(&MediaType::read(&media), bytes)?;
            Event::Presence { place: place.clone(), notification }
        }
    })
}

/// What each kind of SUBSCRIBE has besides.
pub(super) fn dressed(build: RequestBuilder, about: &About) -> RequestBuilder {
    match about {
        About::Own(Package::Contacts) => build.header(name::SUPPORTED, "ms-ucs"),
        About::Own(_) => build,
        About::Others(Place::Person(_)) => build.header(name::SUPPORTED, "eventlist"),
        About::Others(_) => {
            build.header(name::REQUIRE, "adhoclist, categoryList").header(name::SUPPORTED, "eventlist")
        }
    }
}

/// The document of a SUBSCRIBE that is to be sent once more.
pub(super) fn question_of(about: &About, request: &Request) -> Option<(&'static str, String)> {
    match about {
        About::Own(package) => question(*package).body,
        About::Others(_) => Some((batch::TYPE, String::from_utf8_lossy(request.body()).into_owned())),
    }
}

/// The outcome as those who asked take it.
pub(in crate::account) fn heard(outcome: &Outcome) -> Answer {
    let body = |response: &Response| response.body().to_vec();
    match outcome {
        Outcome::Accepted(response) => Answer::Accepted(body(response)),
        Outcome::Refused(refusal) => {
            Answer::Refused { status: refusal.status, body: body(&refusal.response) }
        }
        Outcome::NotSent(_) | Outcome::Unknown(_) => Answer::Lost,
    }
}
