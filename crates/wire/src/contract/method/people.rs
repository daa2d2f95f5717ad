use super::{CONTACT, CONTACTS, Description, Fault, LINE_REFUSED, NO_LINE, NOTHING, Tag, fault};
use crate::{
    ErrorCode, Method,
    contract::{Member, Shape},
};

const TOO_MANY: Fault =
    fault(ErrorCode::InvalidOperation, "too-many", "there are 1 000 in this session already");
const TOO_MANY_BLOCKED: Fault =
    fault(ErrorCode::InvalidOperation, "too-many", "the account blocks 5 000 people already");
const FULL: Fault = fault(
    ErrorCode::InvalidOperation,
    "too-many",
    "the roster has 5 000 contacts, 1 000 groups or 20 000 places in groups already",
);
const NAME_TAKEN: Fault = fault(ErrorCode::InvalidOperation, "", "a group of this name is there already");
const NOT_EMPTY: Fault = fault(ErrorCode::InvalidOperation, "group-not-empty", "contacts are in the group");

/// How requests about people fail, whichever they are.
const LINE: &[Fault] = &[NO_LINE, LINE_REFUSED];

const MESSAGE: Member = Member::must("message", Shape::Text(0, usize::MAX), "Words for the person.");
const NOTE: Member =
    Member::may("personalMessage", Shape::Text(0, 1_000), "The note that others see; empty clears it.")
        .or(&["message"]);
const GROUP: Member =
    Member::must("groupId", Shape::Named("GroupId"), "The group; a number is understood too.");
const RECORDS: Member =
    Member::must("contacts", Shape::ByAddress("Contact"), "Contact records by their address.");

const SET_PRESENCE: Description = Description {
    tag: Tag::Presence,
    details: "Holds for the account until reset, on whichever device it was chosen.",
    params: &[Member::must("presence", Shape::Named("PresenceChoice"), "What others are to see."), NOTE],
    errors: &[],
    ..NOTHING
};

const SET_NOTE: Description =
    Description { details: "", params: &[Member { required: true, ..NOTE }], ..SET_PRESENCE };

const STATES: Description = Description {
    tag: Tag::Presence,
    details: "Somebody unknown has the type unknown and is offline.",
    params: &[CONTACTS],
    result: &[
        Member::must("userId", Shape::Named("Address"), "Who asks."),
        Member::must("contacts", Shape::List("Contact", 0, usize::MAX), "A record for each."),
    ],
    errors: LINE,
    ..NOTHING
};

const WATCH: Description = Description {
    tag: Tag::Presence,
    details: "ContactUpdate tells of the person until the session ends.",
    params: &[CONTACT],
    errors: &[TOO_MANY, NO_LINE, LINE_REFUSED],
    ..NOTHING
};

const UNWATCH: Description = Description {
    tag: Tag::Presence,
    details: "",
    params: &[CONTACTS],
    result: &[MESSAGE],
    errors: LINE,
    ..NOTHING
};

const LIST: Description = Description {
    tag: Tag::Roster,
    details: "A list that is larger than a frame may be comes in parts: the answer to a request without `after` has the \
              first one, and ContactUpdate tells the others before it.",
    params: &[Member::may(
        "after",
        Shape::Named("Address"),
        "The part that follows: `next` of the one before.",
    )],
    result: &[
        RECORDS,
        Member::must("groups", Shape::List("Group", 0, usize::MAX), "All groups, empty ones too."),
        Member::may(
            "next",
            Shape::Named("Address"),
            "There are contacts after this one: `after` of the next request.",
        ),
    ],
    errors: LINE,
    ..NOTHING
};

const DETAIL: Description = Description {
    tag: Tag::Roster,
    details: "",
    params: &[CONTACT],
    result: &[Member::must("contact", Shape::ByAddress("Contact"), "One contact record by its address.")],
    errors: LINE,
    ..NOTHING
};

const PHOTOS: Description = Description {
    tag: Tag::Roster,
    details: "Ask for those whose hash in the contact record is new to the phone, or PENDING. Fetches what is not here yet, \
              for at most 10 s. As many photos as go into one frame: of the others there is the hash with an empty \
              `photo`, and they are to be asked for again.",
    params: &[CONTACTS],
    result: &[Member::must("contacts", Shape::List("Photo", 0, usize::MAX), "One for each.")],
    errors: &[],
    ..NOTHING
};

const ADD: Description = Description {
    tag: Tag::Roster,
    details: "Adding somebody again is fine.",
    params: &[CONTACT, Member { required: false, ..GROUP }],
    errors: &[FULL, NO_LINE, LINE_REFUSED],
    ..NOTHING
};

const REMOVE: Description = Description { details: "", params: &[CONTACT], errors: LINE, ..ADD };

const ADD_GROUP: Description = Description {
    tag: Tag::Roster,
    details: "",
    params: &[Member::must("groupName", Shape::Text(1, 255), "Not only spaces.")],
    result: &[
        MESSAGE,
        Member::must("groupId", Shape::Named("GroupId"), "The new group."),
        Member::must("groupName", Shape::Text(1, 255), "Its name."),
    ],
    errors: &[NAME_TAKEN, FULL, NO_LINE, LINE_REFUSED],
    ..NOTHING
};

const RENAME_GROUP: Description = Description {
    params: &[
        GROUP,
        Member::must("newGroupName", Shape::Text(1, 255), "Not only spaces.").or(&["groupName"]),
    ],
    result: &[MESSAGE],
    errors: &[NAME_TAKEN, NO_LINE, LINE_REFUSED],
    ..ADD_GROUP
};

const REMOVE_GROUP: Description = Description {
    params: &[GROUP],
    result: &[MESSAGE],
    errors: &[NOT_EMPTY, NO_LINE, LINE_REFUSED],
    ..ADD_GROUP
};

const INTO_GROUP: Description = Description {
    tag: Tag::Roster,
    details: "The message also says so when the contact was there already.",
    params: &[CONTACT, GROUP],
    result: &[MESSAGE],
    errors: &[FULL, NO_LINE, LINE_REFUSED],
    ..NOTHING
};

const OUT_OF_GROUP: Description =
    Description { details: "The contact stays in the roster.", errors: LINE, ..INTO_GROUP };

const MUTE: Description = Description {
    tag: Tag::Roster,
    details: "For this session: the people's presence is not told any more. contact.Block is what stops messages.",
    params: &[CONTACTS],
    errors: &[TOO_MANY],
    ..NOTHING
};

const UNMUTE: Description = Description { details: "", errors: &[], ..MUTE };

const SEARCH: Description = Description {
    tag: Tag::Directory,
    details: "A match is a word that begins with the term, in any letter case; for phone only digits count. At most \
              50 matches are told.",
    params: &[
        Member::must(
            "keySearch",
            Shape::Text(2, 255),
            "The term: at least 2 characters, spaces around it aside.",
        ),
        Member::may(
            "typeSearch",
            Shape::Text(0, 255),
            "name, firstName, lastName, displayName, email or phone; anything else: all of them.",
        ),
    ],
    result: &[
        RECORDS,
        Member::must(
            "maxResults",
            Shape::Whole(0, 51),
            "One more than totalResolved when there are further matches.",
        ),
        Member::must("totalResolved", Shape::Whole(0, 50), "How many contacts holds."),
        Member::must("searchTerm", Shape::Text(2, 255), "The term."),
    ],
    errors: LINE,
    ..NOTHING
};

const BLOCK: Description = Description {
    tag: Tag::Own,
    details: "For the account and for good: stops messages, invitations and typing of that person, who notices \
              nothing. One phase.",
    params: &[CONTACT],
    result: &[Member::must(
        "onImSystem",
        Shape::Truth,
        "The IM system does it too, for the account's other clients; else the relay alone.",
    )],
    errors: &[TOO_MANY_BLOCKED],
    ..NOTHING
};

const UNBLOCK: Description = Description { details: "One phase.", errors: &[], ..BLOCK };

pub(super) fn describe(method: Method) -> Description {
    use Method as M;
    match method {
        M::SetPresence => SET_PRESENCE,
        M::SetPersonalMessage => SET_NOTE,
        M::GetContactsState => STATES,
        M::RegisterTempRemotePresence => WATCH,
        M::UnregisterTempRemotePresence => UNWATCH,
        M::GetContactList => LIST,
        M::GetContactDetail => DETAIL,
        M::GetContactPhotos => PHOTOS,
        M::AddContact => ADD,
        M::RemoveContact => REMOVE,
        M::AddGroup => ADD_GROUP,
        M::RenameGroup => RENAME_GROUP,
        M::RemoveGroup => REMOVE_GROUP,
        M::CopyContactToGroup => INTO_GROUP,
        M::RemoveContactFromGroup => OUT_OF_GROUP,
        M::BlockContact => MUTE,
        M::UnblockContact => UNMUTE,
        M::SearchDirectory => SEARCH,
        M::ContactBlock => BLOCK,
        M::ContactUnblock => UNBLOCK,
        _ => NOTHING,
    }
}
