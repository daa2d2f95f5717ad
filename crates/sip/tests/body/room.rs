use proptest::prelude::*;
use trunkline_sip::body::xccos::{
    Command, Data, Envelope, Item, Line, Principal, Reply, Room, RoomUri, ServerInfo, Token,
};

use crate::{
    sample::sample,
    strategy::{few, maybe, moment, text, uri, word},
};

fn envelope(name: &str) -> Envelope {
    Envelope::read(&sample(name).1).expect("read")
}

#[test]
fn the_answer_to_a_join_says_who_is_there_and_who_manages() {
    let answer = envelope("room-join");
    assert_eq!(answer.id, -8_123_456_789_012_345_678);
    let [Item::Reply(reply)] = &answer.items[..] else { panic!("no answer") };
    assert_eq!((reply.name.as_str(), reply.envelope, reply.is_success()), ("join", Some(77), true));
    let room = &reply.data.rooms[0];
    assert_eq!(
        (room.name.as_deref(), room.topic.as_deref(), room.allows("filepost")),
        (Some("Night tide"), Some("Fog"), true)
    );
    let there: Vec<_> = reply.data.present(room).map(|(one, manages)| (one.uri.as_str(), manages)).collect();
    let expected = [
        ("sip:ana@harbour.example", false),
        ("sip:ben@harbour.example", false),
        ("sip:max@harbour.example", true),
    ];
    assert_eq!(there, expected);
    assert_eq!(room.facts, [("ucnt".to_owned(), "3".to_owned())]);
}

#[test]
fn one_envelope_holds_history_talk_notices_and_the_unknown() {
    let all = envelope("room-history").items;
    let [Item::Reply(history), Item::Line(line), Item::Notice { name, data }, Item::Other(other)] = &all[..]
    else {
        panic!("{all:?}")
    };
    let old = &history.data.rooms[0].lines[0];
    assert_eq!((old.text.as_str(), old.id.as_deref(), old.alert), ("fog <thick>", Some("41"), true));
    assert_eq!(
        (line.author.as_str(), line.text.as_str(), line.alert),
        ("sip:ana@harbour.example", "lamps on", false)
    );
    let room = RoomUri::read("ma-chan://harbour.example/5a5b").expect("a room");
    assert_eq!((name.as_str(), &data.principals[0].rooms[0].1), ("join", &room));
    assert_eq!(room.to_string(), line.room);
    assert_eq!(other.local(), "sys");
}

#[test]
fn commands_are_read_and_unknown_ones_kept() {
    let items = envelope("room-commands").items;
    let names: Vec<_> = items
        .iter()
        .map(|item| if let Item::Command { command, .. } = item { command.name() } else { "" })
        .collect();
    let expected =
        ["requri", "getserverinfo", "bjoin", "bccontext", "chansrch", "getinv", "getfutok", "getpref"];
    assert_eq!(names, expected);
    let Item::Command { command: Command::BulkJoin(rooms), seq: 3 } = &items[2] else { panic!("no rooms") };
    assert_eq!(rooms[1].guid, "6c6d");
    assert!(matches!(&items[3], Item::Command { command: Command::Context { last: 25, .. }, .. }));
    assert!(
        matches!(&items[7], Item::Command { command: Command::Other { data, .. }, .. } if data.first("pref").is_some())
    );
}

#[test]
fn only_addresses_of_rooms_are_taken_for_such() {
    for odd in ["", "ma-chan://", "ma-chan://x", "ma-chan:///y", "ma-cat://x/y", "sip:a@b.example", "ééééééé"]
    {
        assert_eq!(RoomUri::read(odd), None, "{odd}");
    }
}

#[test]
fn links_in_a_line_become_text_and_all_else_stays() {
    let shown = |text: &str| Line::new("r", "a", jiff::Timestamp::UNIX_EPOCH, text).shown();
    assert_eq!(shown("1 < 2\n  &amp; <b>"), "1 < 2\n  &amp; <b>");
    assert_eq!(
        shown("see <A HREF=\"https://x.example/a?b&amp;c\">this</A>!"),
        "see this (https://x.example/a?b&c)!"
    );
    assert_eq!(shown("<a href=\"ma-filelink://x/1\">map.pdf</a> <a open"), "map.pdf <a open");
}

#[test]
fn a_line_is_stamped_to_the_millisecond() {
    let at = "2026-03-02T05:01:00.123456789Z".parse().expect("a moment");
    let envelope = Envelope { id: 1, items: vec![Item::Line(Line::new("r", "a", at, "x"))] };
    assert!(envelope.write().contains(r#"ts="2026-03-02T05:01:00.123Z""#));
}

#[test]
fn neither_talk_nor_tokens_are_shown() {
    let token = Token { token: "secret".to_owned(), server: "https://fe.example".to_owned() };
    let line = Line::new("ma-chan://x/y", "sip:a@b.example", jiff::Timestamp::UNIX_EPOCH, "secret");
    assert!(!format!("{token:?} {line:?}").contains("secret"));
}

fn line() -> impl Strategy<Value = Line> {
    (uri(), uri(), maybe(text()), maybe(word()), maybe(moment()), any::<bool>(), text(), maybe(text()))
        .prop_map(|(room, author, author_name, id, at, alert, text, rtf)| Line {
            room,
            author,
            author_name,
            id,
            at,
            alert,
            text,
            rtf,
        })
}

fn room_uri() -> impl Strategy<Value = RoomUri> {
    (word(), word()).prop_map(|(domain, guid)| RoomUri { domain, guid })
}

fn principal() -> impl Strategy<Value = Principal> {
    (uri(), maybe(any::<u32>()), maybe(text()), maybe(word()), few((any::<u32>(), room_uri())))
        .prop_map(|(uri, id, name, domain, rooms)| Principal { uri, id, name, domain, kind: Some(4), rooms })
}

fn room() -> impl Strategy<Value = Room> {
    let members = few((any::<u32>(), few(any::<u32>())));
    let named = || few((word(), text()));
    (uri(), maybe(text()), maybe(text()), members, named(), named(), few(principal()), few(line())).prop_map(
        |(uri, name, topic, members, facts, settings, principals, lines)| Room {
            uri,
            name,
            topic,
            members,
            facts,
            settings,
            principals,
            lines,
            ..Room::default()
        },
    )
}

fn data() -> impl Strategy<Value = Data> {
    let server = (maybe(any::<u32>()), maybe(text())).prop_map(|(message_limit, time)| ServerInfo {
        message_limit,
        time,
        ..ServerInfo::default()
    });
    let token = (text(), uri()).prop_map(|(token, server)| Token { token, server });
    (few(principal()), few(room()), maybe(server), maybe(token)).prop_map(
        |(principals, rooms, server, token)| Data { principals, rooms, server, token, others: Vec::new() },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::RequestUri),
        (word(), any::<u32>()).prop_map(|(domain, kind)| Command::GetServerInfo { domain, kind }),
        room_uri().prop_map(Command::Join),
        few(room_uri()).prop_map(Command::BulkJoin),
        uri().prop_map(|room| Command::Part { room }),
        (uri(), any::<u32>()).prop_map(|(room, last)| Command::Context { room, last }),
        (word(), text()).prop_map(|(by, criteria)| Command::Search { by, criteria }),
        (any::<u64>(), word()).prop_map(|(since, domain)| Command::GetInvitations { since, domain }),
        (uri(), text()).prop_map(|(room, file)| Command::GetUploadToken { room, file }),
        (uri(), text()).prop_map(|(room, file)| Command::GetDownloadToken { room, file }),
    ]
}

proptest! {
    #[test]
    fn envelopes_read_as_they_were_written(
        id in any::<i64>(), seq in any::<u32>(), command in command(), line in line(), name in word(),
        (noticed, answered) in (data(), data()), of in (maybe(any::<i64>()), maybe(any::<u32>())), code in any::<u16>(),
    ) {
        let reply = Reply { name: name.clone(), envelope: of.0, seq: of.1, code, text: "OK".to_owned(), data: answered };
        let items = vec![
            Item::Command { seq, command },
            Item::Reply(reply),
            Item::Notice { name, data: noticed },
            Item::Line(line),
        ];
        let envelope = Envelope { id, items };
        prop_assert_eq!(Envelope::read(envelope.write().as_bytes()), Ok(envelope));
    }
}
