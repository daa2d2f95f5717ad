//! Ids of other people, on every method and every route: whoever names what is not his gets the answer that he would get
//! if it did not exist, learns nothing, and changes nothing.

use serde_json::{Value, json};
use trunkline_client::Handshake;
use trunkline_wire::Method;

use crate::{
    device::Device,
    frame::Refused,
    house::{House, sip},
    plain::exchange,
};

/// In every text that is nobody else's business.
const CANARY: &str = "canary-9c31";

/// What of Ana's and Bo's a stranger might get hold of.
struct Loot {
    session: String,
    chat: String,
    /// An invitation that Ana has not answered.
    invitation: String,
    message: String,
    group: String,
    request: String,
    token: String,
}

/// What to try at a method.
enum Trial {
    /// It names nothing that could be somebody else's.
    Harmless(Value),
    /// Names an id; the first that of somebody else, the second one that nobody has.
    Foreign(Value, Value),
    /// Shows somebody else's token, with another device id than the token's own.
    Stolen(Value),
    /// Not there yet: nothing is looked up at all.
    Missing,
}

fn trial(method: Method, loot: &Loot) -> Trial {
    use Method as M;
    let nobody = "6f1c3a52-8f5e-7f0a-9d43-0a1b2c3d4e5f";
    let foreign = |name: &str, id: &str, none: &str, rest: Value| {
        let with = |id: &str| {
            let mut params = rest.clone();
            params[name] = json!(id);
            params
        };
        Trial::Foreign(with(id), with(none))
    };
    let person = json!({"contactId": sip("bo")});
    match method {
        M::GetAuthenticationInfo | M::BeginSession | M::SetGdAuthToken => {
            Trial::Stolen(json!({"gdAuthToken": loot.token}))
        }
        M::SetGdToken => Trial::Stolen(json!({"gdToken": loot.token})),
        M::SetOAuth2Token => Trial::Stolen(json!({"oAuth2Token": loot.token})),
        M::Ping => foreign("dependencies", &loot.request, "c-nobodys", json!({})),
        M::NotifyBackground => {
            foreign("reconnect", &loot.session, "s-nobodys", json!({"isBackgroundMode": false, "timeout": 1}))
        }
        M::AcceptChat | M::DeclineChat => foreign("requestId", &loot.invitation, nobody, json!({})),
        M::EndChat => foreign("chatId", &loot.chat, nobody, json!({})),
        M::StartTyping | M::StopTyping => foreign("chatId", &loot.chat, nobody, person),
        M::MessageAck => foreign("messageId", &loot.message, "m-nobodys", json!({"status": "delivered"})),
        M::AddContact => foreign("groupId", &loot.group, "777777", person),
        M::CopyContactToGroup | M::RemoveContactFromGroup => {
            foreign("groupId", &loot.group, "777777", person)
        }
        M::RenameGroup => foreign("groupId", &loot.group, "777777", json!({"newGroupName": "mine"})),
        M::RemoveGroup => foreign("groupId", &loot.group, "777777", json!({})),
        M::MailboxSync => Trial::Harmless(json!({"epoch": 1, "since": 0, "limit": 200})),
        // Whether a person is here is no secret: the directory tells.
        M::ConversationRead => Trial::Harmless(json!({"contactId": sip("bo"), "upTo": 1})),
        M::SendMessage => {
            Trial::Harmless(json!({"contactId": sip("cy"), "messageId": loot.message, "message": "m"}))
        }
        M::StartChat => Trial::Harmless(json!({"contactId": sip("cy")})),
        M::SearchDirectory => Trial::Harmless(json!({"keySearch": "ana", "typeSearch": "name"})),
        M::SetPresence => Trial::Harmless(json!({"presence": "available"})),
        M::SetPersonalMessage => Trial::Harmless(json!({"personalMessage": ""})),
        M::AddGroup => Trial::Harmless(json!({"groupName": "of mallory"})),
        M::GetContactsState | M::GetContactPhotos | M::BlockContact | M::UnblockContact => {
            Trial::Harmless(json!({"contactIds": [sip("ana"), sip("bo")]}))
        }
        M::RegisterTempRemotePresence | M::UnregisterTempRemotePresence | M::GetContactDetail => {
            Trial::Harmless(json!({"contactIds": [sip("ana")], "contactId": sip("ana")}))
        }
        M::RemoveContact | M::ContactBlock | M::ContactUnblock => {
            Trial::Harmless(json!({"contactId": sip("ana")}))
        }
        M::GetContactList | M::DeviceList | M::TerminateSession => Trial::Harmless(json!({})),
        M::ScheduleNotification
        | M::InviteFileXfer
        | M::AcceptFileXfer
        | M::DeclineFileXfer
        | M::SendFile
        | M::ReceiveFile
        | M::RoomGetCategories
        | M::RoomCreate
        | M::RoomUpdate
        | M::RoomUpdateUsers
        | M::RoomGet
        | M::RoomGetMine
        | M::RoomSearch
        | M::RoomJoin
        | M::RoomLeave
        | M::RoomFollow
        | M::RoomGetParticipants
        | M::RoomSendMessage
        | M::RoomGetHistory
        | M::RoomFileUpload
        | M::RoomFileDownload => Trial::Missing,
    }
}

/// Ana and Bo, who talk, an invitation of Cy's that Ana has not answered, and all that could be stolen of it.
async fn scene(house: &House) -> (Device, Device, Loot) {
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut cy = house.device("cy").await;
    let session = ana.begin().await["sessionId"].as_str().unwrap().to_owned();
    let message = format!("id-{CANARY}");
    let sent = bo.say(&sip("ana"), &message, &format!("for ana {CANARY}")).await;
    let chat = sent["chatId"].as_str().unwrap().to_owned();
    cy.say(&sip("ana"), "invites", &format!("will you? {CANARY}")).await;
    let invitation = ana.event("InvitationReceived").await["requestId"].as_str().unwrap().to_owned();
    // Groups are numbered within an account: one beyond those that the stranger will have.
    for n in 0..5 {
        ana.well("AddGroup", json!({"groupName": format!("group {n}")})).await;
    }
    let group = ana.well("AddGroup", json!({"groupName": format!("group {CANARY}")})).await;
    let group = group["groupId"].as_str().unwrap().to_owned();
    ana.well("AddContact", json!({"contactId": sip("bo"), "groupId": group})).await;
    let request = ana.post("Ping", json!({})).await;
    ana.late(&request).await;
    let token = ana.pass.token.clone();
    (ana, bo, Loot { session, chat, invitation, message, group, request, token })
}

/// What Ana has, as she sees it.
async fn possessions(ana: &mut Device) -> Value {
    let mut devices = ana.well("device.List", json!({})).await["devices"].clone();
    for device in devices.as_array_mut().unwrap() {
        device["lastSeen"].take();
    }
    let contacts = ana.well("GetContactList", json!({})).await;
    json!([contacts["groups"], contacts["contacts"][0]["groups"], devices])
}

/// An answer without the id that was asked for.
fn told(outcome: &Result<Value, Refused>, params: &Value, loot: &Loot) -> String {
    let (code, mut text) = match outcome {
        Ok(data) => (0, data.to_string()),
        Err(refused) => (refused.code, format!("{} {:?}", refused.inner, refused.kind)),
    };
    for id in params.as_object().unwrap().values().filter_map(Value::as_str) {
        text = text.replace(id, "ID");
    }
    text = format!("{code} {text}");
    for clock in ["timestamp", "serverTime"] {
        if let Ok(data) = outcome
            && let Some(at) = data.get(clock)
        {
            text = text.replace(&at.to_string(), "TIME");
        }
    }
    assert!(!text.contains(CANARY), "a leak: {text}");
    assert!(!text.contains(&loot.session), "a leak: {text}");
    text
}

#[tokio::test]
async fn what_is_not_yours_is_not_there_on_every_method() {
    let house = House::open().await;
    let (mut ana, mut bo, loot) = scene(&house).await;
    let before = possessions(&mut ana).await;
    let pass = house.pass("mallory", "mallory-1").await;
    for &method in Method::ALL {
        let mut mallory = Device::signed_in(&pass).await;
        match trial(method, &loot) {
            Trial::Harmless(params) => {
                let outcome = mallory.ask(method.name(), params.clone()).await;
                told(&outcome, &params, &loot);
            }
            Trial::Foreign(foreign, missing) => {
                let one = mallory.ask(method.name(), foreign.clone()).await;
                let other = mallory.ask(method.name(), missing.clone()).await;
                let (one, other) = (told(&one, &foreign, &loot), told(&other, &missing, &loot));
                assert_eq!(one, other, "{}", method.name());
            }
            Trial::Stolen(params) => {
                let refused = mallory.ask(method.name(), params.clone()).await.unwrap_err();
                assert_eq!(refused.code, 1012, "{}: {refused:?}", method.name());
                assert!(!refused.inner.contains("ana"), "{refused:?}");
            }
            Trial::Missing => {
                let mine = json!({"roomId": loot.chat, "fileId": loot.chat, "requestId": loot.invitation});
                mallory.refused(1026, method.name(), mine).await;
            }
        }
        for frame in mallory.take_all() {
            assert!(!frame.text.contains(CANARY), "a leak: {}", frame.text);
        }
    }
    assert_eq!(possessions(&mut ana).await, before, "nothing has changed");
    ana.well("AcceptChat", json!({"requestId": loot.invitation})).await;
    bo.say(&sip("ana"), "later", "still talking").await;
    assert_eq!(ana.message("still talking").await.data()["method"], "MessageReceived");
    let last = -1;
    let mut ana = ana.resumed(last).await;
    ana.message(&format!("for ana {CANARY}")).await;
}

#[tokio::test]
async fn what_is_not_yours_is_not_there_on_every_route() {
    let house = House::open().await;
    let (_ana, _bo, loot) = scene(&house).await;
    let mallory = house.pass("mallory", "mallory-1").await;
    drop(Device::signed_in(&mallory).await);
    let address = house.relay.listeners().http.clone().unwrap();
    let document =
        exchange(&address, format!("GET /v1/openapi.json HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
            .await;
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let mut routes: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    routes
        .extend(["/GaslampService/ws", "/GaslampService", "/GaslampService/notify", "/"].map(str::to_owned));
    for route in routes {
        for method in ["GET", "POST"] {
            let ask = async |place: &str, session: &str, credentials: &str| {
                let body = json!({"jsonrpc": "2.0", "id": "1", "method": "GetContactList", "params": {}});
                let body = body.to_string();
                let (query, header) = match place {
                    "url" => (format!("?sessionId={session}"), String::new()),
                    "cookie" => (String::new(), format!("Cookie: sessionId={session}\r\n")),
                    _ => (String::new(), format!("sessionId: {session}\r\n")),
                };
                let request = format!(
                    "{method} {route}{query} HTTP/1.1\r\nHost: {address}\r\n{header}X-User-Agent: Android\r\n\
                     {credentials}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut answer = exchange(&address, request.as_bytes()).await;
                answer.headers.retain(|(name, _)| name != "date" && name != "x-request-id");
                assert!(!answer.body.contains(CANARY), "{method} {route}: {}", answer.body);
                answer
            };
            let own = format!(
                "X-GC-DeviceToken: {}\r\nx-good-gd-authtoken: {}\r\n",
                mallory.device_token, mallory.token
            );
            let nobody: String = loot.session.chars().rev().collect();
            for credentials in [own.as_str(), "X-GC-DeviceToken: mallory-1\r\n"] {
                for place in ["url", "cookie", "header"] {
                    let theirs = ask(place, &loot.session, credentials).await;
                    let nobodys = ask(place, &nobody, credentials).await;
                    assert_eq!(theirs, nobodys, "{method} {route} {place}");
                }
            }
        }
    }
}

#[tokio::test]
async fn another_devices_token_and_another_tokens_device_bind_nothing() {
    let house = House::open().await;
    let (ana, _bo, loot) = scene(&house).await;
    let mallory = house.pass("mallory", "mallory-1").await;
    let rows = [
        ("a stolen token on the thief's device", Some(ana.pass.token.clone()), "mallory-1"),
        ("the thief's token under the victim's device", Some(mallory.token.clone()), "ana-1"),
        ("the victim's session without a token", None, "ana-1"),
    ];
    for (what, token, device) in rows {
        let handshake = Handshake {
            auth_token: token.map(Into::into),
            extra: vec![("cookie".to_owned(), format!("sessionId={}; deviceToken=ana-1", loot.session))],
            ..Handshake::new(device)
        };
        let mut socket = Device::with(&mallory, &handshake).await;
        let cookies = socket.socket.header("set-cookie").unwrap_or_default().to_owned();
        assert!(!cookies.contains("sessionId"), "{what}: {cookies}");
        socket.refused(1017, "GetContactList", json!({})).await;
        socket.refused(1017, "Ping", json!({"reconnect": loot.session})).await;
        let refused = socket.ask("BeginSession", json!({"deviceToken": "ana-1"})).await.unwrap_err();
        assert!(matches!(refused.code, 1011 | 1012), "{what}: {refused:?}");
    }
}
