use proptest::prelude::*;
use trunkline_sip::body::{
    command::{Command, Message, Outcome, Request, Response},
    conference::{
        ConfUri, ConferenceInfo, Description, Endpoint, EntityView, Extent, Organizer, User, Users,
    },
    delivery::{Delivery, Recipient},
    invitation::ConferenceInvitation,
    offer::Offer,
    typing::Typing,
};

use crate::{
    sample::sample,
    strategy::{few, maybe, moment, text, uri, word},
};

fn info() -> ConferenceInfo {
    ConferenceInfo::read(&sample("conference").1).expect("read")
}

fn talkers(info: &ConferenceInfo) -> Vec<&str> {
    info.talkers().map(|user| user.entity.as_str()).collect()
}

#[test]
fn those_talk_who_are_connected_to_the_chat() {
    let info = info();
    assert_eq!(talkers(&info), ["sip:ben@harbour.example"]);
    assert_eq!(info.address("chat"), Some("sip:ana@harbour.example;gruu;opaque=app:conf:chat:id:0A1B"));
    let users = &info.users.as_ref().expect("users").users;
    assert!(users[0].is_presenter() && !users[1].is_presenter());
    assert_eq!((info.views[0].locked, info.views[0].media[0].as_str()), (Some(false), "chat"));
}

#[test]
fn changes_are_taken_over_and_gaps_are_noticed() {
    let partial = |version: u64, users: &str| {
        let text = format!(
            r#"<c:conference-info xmlns:c="c" xmlns:m="m" entity="f" state="partial" version="{version}"><c:users state="partial">{users}</c:users></c:conference-info>"#
        );
        ConferenceInfo::read(text.as_bytes()).expect("read")
    };
    let mut info = info();
    let dora = r#"<c:user entity="sip:DORA@harbour.example" state="partial"><c:endpoint entity="{3}" state="partial"><c:status>connected</c:status></c:endpoint></c:user>"#;
    assert!(info.apply(partial(2, dora)));
    assert_eq!(talkers(&info), ["sip:ben@harbour.example", "sip:dora@harbour.example"]);
    assert!(info.apply(partial(3, r#"<c:user entity="sip:ben@harbour.example" state="deleted"/>"#)));
    assert_eq!(talkers(&info), ["sip:dora@harbour.example"]);
    let known = info.clone();
    assert!(!info.apply(partial(5, "")), "4 was missed");
    assert!(
        info.apply(partial(2, r#"<c:user entity="sip:dora@harbour.example" state="deleted"/>"#)),
        "heard before"
    );
    assert_eq!(info, known);
    let gone = r#"<c:user entity="sip:dora@harbour.example" state="partial"><c:endpoint entity="{3}" state="deleted"/></c:user>"#;
    assert!(info.apply(partial(4, gone)));
    assert!(talkers(&info).is_empty());
}

#[test]
fn a_join_and_its_answers_are_read() {
    let Ok(Message::Request(request)) = Message::read(&sample("c3p-add-user").1) else {
        panic!("no request")
    };
    let Command::AddUser { focus, user, role, endpoint } = request.command else { panic!("no join") };
    assert_eq!((focus, user.as_str()), (request.to, "sip:ben@harbour.example"));
    assert_eq!((role.as_deref(), endpoint.as_deref()), (Some("attendee"), Some("{0F1E2D3C}")));
    let Ok(Message::Response(made)) = Message::read(&sample("c3p-answer").1) else { panic!("no answer") };
    assert_eq!((made.outcome, made.command.as_str()), (Outcome::Success, "addConference"));
    let focus = made.conference.expect("a conference").entity;
    assert_eq!(focus, "sip:ana@harbour.example;gruu;opaque=app:conf:focus:id:0A1B");
    let failed =
        br#"<response requestId="3" code="failure" reason="conferenceDoesntExist"><addUser/></response>"#;
    let failed = Response::read(failed).expect("read");
    assert_eq!((failed.outcome, failed.reason.as_deref()), (Outcome::Failure, Some("conferenceDoesntExist")));
}

#[test]
fn invitations_reports_and_typing_are_read() {
    let invitation = ConferenceInvitation::read(&sample("invitation").1).expect("read");
    assert_eq!(
        (invitation.im, invitation.audio, invitation.conversation.as_deref()),
        (Some(true), None, Some("AdAB"))
    );
    let report = Delivery::read(&sample("imdn").1).expect("read");
    let failed: Vec<_> =
        report.recipients.iter().filter(|one| one.failed()).map(|one| one.uri.as_str()).collect();
    assert_eq!((report.message.as_str(), failed), ("41", vec!["sip:ben@harbour.example"]));
    assert_eq!(Typing::read(&sample("keyboard").1), Ok(Typing { active: true, refresh: None }));
    assert_eq!(Typing::read(&sample("composing").1), Ok(Typing { active: true, refresh: Some(60) }));
    let idle = Typing { active: false, refresh: None };
    assert_eq!(Typing::read(idle.write_keyboard().as_bytes()), Ok(idle));
    assert!(Typing::read(b"<KeyboardActivity/>").is_err());
}

#[test]
fn an_offer_of_messages_is_told_from_one_of_sound() {
    let offer = Offer::read(&sample("sdp").1).expect("read");
    assert!(offer.has_messages() && offer.shows("text/html") && !offer.shows("text/x-msmsgsinvite"));
    assert_eq!((offer.address.as_str(), &offer.others[..]), ("192.0.2.77", &["audio".to_owned()][..]));
    let sound = Offer::read(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\na=accept-types:text/html\r\n").expect("read");
    assert!(!sound.has_messages() && !sound.shows("text/html"));
    let plain = Offer::read(b"v=0\nm=message 5060 sip sip:b@c.example\n").expect("read");
    assert!(plain.shows("text/plain") && !plain.shows("text/html"));
    assert_eq!(plain.messages.and_then(|messages| messages.peer).as_deref(), Some("sip:b@c.example"));
    assert!(!Offer::read(b"v=0\nm=message 0 sip null\n").expect("read").has_messages());
    let error = Offer::read(b"v=0\nm=message port sip null\n").expect_err("no port");
    assert_eq!((error.offset, error.expected), (4, "a port"));
    let answer = Offer::of_messages("192.0.2.5", 5_060, Some("sip:b@c.example"));
    assert!(answer.write().contains("\r\nm=message 5060 sip sip:b@c.example\r\na=accept-types:text/plain "));
    assert_eq!(Offer::read(answer.write().as_bytes()), Ok(answer));
}

/// Conferences end at whole seconds.
fn whole(moment: jiff::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_second(moment.as_second()).expect("in range")
}

fn extent() -> impl Strategy<Value = Extent> {
    prop::sample::select(vec![Extent::Full, Extent::Partial, Extent::Deleted])
}

fn description() -> impl Strategy<Value = Description> {
    let uris = (uri(), maybe(text()), maybe(word())).prop_map(|(uri, display, purpose)| ConfUri {
        uri,
        display,
        purpose,
    });
    let organizer = (maybe(text()), maybe(uri())).prop_map(|(display, uri)| Organizer { display, uri });
    (
        maybe(text()),
        few(uris),
        maybe(organizer),
        maybe(text()),
        maybe(word()),
        maybe(moment().prop_map(whole)),
        maybe(word()),
    )
        .prop_map(|(subject, uris, organizer, join_url, id, expires, admission)| Description {
            subject,
            uris,
            organizer,
            join_url,
            id,
            expires,
            admission,
        })
}

fn conference() -> impl Strategy<Value = ConferenceInfo> {
    let endpoint = (word(), extent(), maybe(word()), maybe(uri()), maybe(word()))
        .prop_map(|(entity, state, session, uri, status)| Endpoint { entity, state, session, uri, status });
    let user = (uri(), extent(), maybe(text()), few(word()), few(endpoint)).prop_map(
        |(entity, state, display, roles, endpoints)| User { entity, state, display, roles, endpoints },
    );
    let users = (extent(), few(user)).prop_map(|(state, users)| Users { state, users });
    let view = (word(), maybe(any::<bool>()), few(word())).prop_map(|(entity, locked, media)| EntityView {
        entity,
        locked,
        media,
    });
    (uri(), extent(), maybe(any::<u64>()), maybe(description()), maybe(users), few(view)).prop_map(
        |(entity, state, version, description, users, views)| ConferenceInfo {
            entity,
            state,
            version,
            description,
            users,
            views,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        conference().prop_map(|info| Command::AddConference(Box::new(info))),
        (uri(), uri(), maybe(word()), maybe(word()))
            .prop_map(|(focus, user, role, endpoint)| Command::AddUser { focus, user, role, endpoint }),
        Just(Command::GetConferencingCapabilities),
        (uri(), uri()).prop_map(|(focus, user)| Command::DeleteUser { focus, user }),
        (uri(), uri(), word()).prop_map(|(focus, user, role)| Command::ModifyUserRoles { focus, user, role }),
        (uri(), any::<bool>()).prop_map(|(focus, locked)| Command::ModifyConferenceLock { focus, locked }),
        uri().prop_map(|focus| Command::DeleteConference { focus }),
    ]
}

proptest! {
    #[test]
    fn conferences_read_as_they_were_written(info in conference()) {
        prop_assert_eq!(ConferenceInfo::read(info.write().as_bytes()), Ok(info));
    }

    #[test]
    fn commands_read_as_they_were_written(to in uri(), from in uri(), id in word(), command in command()) {
        let message = Message::Request(Request { to, from, id, command });
        prop_assert_eq!(Message::read(message.write().as_bytes()), Ok(message));
    }

    #[test]
    fn answers_read_as_they_were_written(
        id in word(), reason in maybe(text()), conference in maybe(conference()), media in few(word()),
    ) {
        let response = Response {
            id,
            outcome: Outcome::Pending,
            reason,
            command: "addUser".to_owned(),
            conference: conference.map(Box::new),
            media,
            ..Response::default()
        };
        prop_assert_eq!(Response::read(response.write().as_bytes()), Ok(response));
    }

    #[test]
    fn invitations_and_reports_read_as_they_were_written(
        focus in uri(), subject in maybe(text()), conversation in maybe(word()), im in maybe(any::<bool>()),
        message in word(), recipients in few((uri(), any::<u16>())),
    ) {
        let invitation = ConferenceInvitation { focus, subject, conversation, im, audio: None };
        prop_assert_eq!(ConferenceInvitation::read(invitation.write().as_bytes()), Ok(invitation));
        let recipients = recipients.into_iter().map(|(uri, status)| Recipient { uri, status }).collect();
        let report = Delivery { message, recipients };
        prop_assert_eq!(Delivery::read(report.write().as_bytes()), Ok(report));
    }
}
