//! The terminal phone, typed at and read like a person does.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "fake/relay.rs"]
mod relay;

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use relay::{CHAT, FakeRelay, FakeSocket, PATIENCE};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};
use trunkline_client::chat::{Ask, ChatError, ChatOptions, Terminal, run_on};

/// A terminal phone at work, and its person's hands and eyes.
struct Person {
    keys: mpsc::Sender<String>,
    screen: Screen,
    program: JoinHandle<Result<(), ChatError>>,
    _dir: TempDir,
}

#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Person {
    /// Starts a phone that was activated before.
    fn start(relay: &FakeRelay) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = relay.server();
        let file = dir.path().join(format!("ana@corp.test_{}.json", server.authority().replace(':', "_")));
        fs::write(&file, r#"{"deviceToken":"device-1","token":"tl1.token"}"#).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let (keys, typed) = mpsc::channel::<String>();
        let screen = Screen::default();
        let read = move |_: Ask| typed.recv().ok();
        let terminal = Terminal::new(read, Box::new(screen.clone()), false);
        let options = ChatOptions {
            server: server.to_string(),
            user: "ana@corp.test".into(),
            state_dir: Some(dir.path().to_owned()),
            ..ChatOptions::default()
        };
        Self { keys, screen, program: tokio::spawn(run_on(options, terminal)), _dir: dir }
    }

    fn types(&self, line: &str) {
        self.keys.send(line.to_owned()).unwrap();
    }

    fn seen(&self) -> String {
        String::from_utf8(self.screen.0.lock().unwrap().clone()).unwrap()
    }

    async fn sees(&self, text: &str) {
        let patience = Instant::now() + PATIENCE;
        while !self.seen().contains(text) {
            assert!(Instant::now() < patience, "no {text:?} in:\n{}", self.seen());
            tokio::time::sleep(Duration::from_millis(5)).await; // tidy: poll
        }
    }

    async fn ended(self) -> Result<(), ChatError> {
        timeout(PATIENCE, self.program).await.expect("the phone stays on").unwrap()
    }
}

async fn says_how_to_sign_in(relay: &FakeRelay, kind: &str) {
    let mut socket = relay.accept().await;
    assert_eq!(socket.headers["x-good-gd-authtoken"], "null");
    let asked = socket.asked("GetAuthenticationInfo").await;
    socket.answer(&asked, json!({"authDataType": kind})).await;
    assert_eq!(socket.ended().await, Some(1000));
}

async fn gives_roster(socket: &mut FakeSocket) {
    let asked = socket.asked_past_acks("GetContactList").await;
    let bo = json!({"displayName": "Bo Berg", "availability": "15500", "personalMessage": "Out", "blocked": "false"});
    socket.complete(&asked, json!({"contacts": {"sip:bo@corp.test": bo}, "groups": []})).await;
}

async fn says_goodbye(mut socket: FakeSocket) {
    let asked = socket.asked_past_acks("TerminateSession").await;
    socket.complete(&asked, json!({})).await;
}

fn from_cy(method: &str, seq: i64) -> Value {
    json!({"contactId": "sip:cy@corp.test", "displayName": "Cy", "requestId": CHAT, "chatId": CHAT, "message": "Hi \u{1b}[2J",
        "messageId": "m-cy", "timestamp": 1_757_412_399_000_i64, "mailboxSeq": seq, "epoch": 1, "method": method})
}

#[tokio::test]
async fn a_conversation() {
    let relay = FakeRelay::start().await;
    let ana = Person::start(&relay);
    says_how_to_sign_in(&relay, "None").await;
    let mut socket = relay.signed_in("s-1").await;
    gives_roster(&mut socket).await;
    ana.sees("Bo Berg <bo@corp.test> away “Out”").await;

    ana.types("/to berg");
    ana.sees("now talking to Bo Berg").await;
    ana.types("Door code?");
    let asked = socket.asked("SendMessage").await;
    assert_eq!(
        (&asked.params["contactId"], &asked.params["message"]),
        (&json!("sip:bo@corp.test"), &json!("Door code?"))
    );
    socket.sent(&asked, false).await;
    ana.sees(" ✓ to Bo Berg: Door code?").await;
    let id = &asked.params["messageId"];
    let receipt = json!({"messageId": id, "contactId": "sip:bo@corp.test", "chatId": CHAT, "status": "delivered", "method": "MessageAck"});
    socket.event(receipt).await.unwrap();
    ana.sees(" ✓✓ to Bo Berg: Door code?").await;
    socket
        .event(json!({"contactId": "sip:bo@corp.test", "chatId": CHAT, "method": "StartTyping"}))
        .await
        .unwrap();
    ana.sees("Bo Berg is typing").await;
    socket.message(3, "4711").await.unwrap();
    ana.sees(" Bo: 4711").await;

    ana.types("/quit");
    says_goodbye(socket).await;
    ana.ended().await.unwrap();
}

#[tokio::test]
async fn an_invitation_is_shown_once_and_accepted() {
    let relay = FakeRelay::start().await;
    let ana = Person::start(&relay);
    says_how_to_sign_in(&relay, "None").await;
    let mut socket = relay.signed_in("s-1").await;
    gives_roster(&mut socket).await;
    socket.event(from_cy("InvitationReceived", 1)).await.unwrap();
    ana.sees("Cy: Hi \u{fffd}[2J").await;
    ana.types("/accept");
    let asked = socket.asked_past_acks("AcceptChat").await;
    assert_eq!(asked.params["requestId"], CHAT);
    socket.complete(&asked, json!({"chatId": CHAT})).await;
    socket.event(from_cy("MessageReceived", 2)).await.unwrap();
    socket.message(3, "after").await.unwrap();
    ana.sees("after").await;
    assert_eq!(ana.seen().matches("Hi ").count(), 1, "{}", ana.seen());
    let taken = json!({"requestId": CHAT, "chatId": CHAT, "contactId": "sip:cy@corp.test", "status": "AnsweredElsewhere",
        "mailboxSeq": 4, "epoch": 1, "method": "InvitationUpdate"});
    socket.event(taken).await.unwrap();
    ana.sees("invitation cy@corp.test: answered on another client").await;
    // The end of the input is the end of the program too.
    let Person { keys, program, .. } = ana;
    drop(keys);
    says_goodbye(socket).await;
    timeout(PATIENCE, program).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn it_shows_the_loss_of_the_network_and_sends_when_it_is_back() {
    let relay = FakeRelay::start().await;
    let ana = Person::start(&relay);
    says_how_to_sign_in(&relay, "None").await;
    let mut socket = relay.signed_in("s-1").await;
    gives_roster(&mut socket).await;
    socket.cut();
    ana.sees("!! disconnected: ").await;
    ana.types("/to bo@corp.test");
    ana.types("still there?");
    let mut socket = relay.signed_in("s-1").await;
    ana.sees("connected again").await;
    let asked = socket.asked_past_acks("SendMessage").await;
    socket.refuse(&asked, 1012, "nobody there").await;
    ana.sees("!! not sent to").await;
    socket.close(4001, "replaced").await;
    assert!(matches!(ana.ended().await, Err(ChatError::Stopped(_))));
}

#[tokio::test]
async fn a_wrong_password_is_asked_for_again() {
    let relay = FakeRelay::start().await;
    let ana = Person::start(&relay);
    says_how_to_sign_in(&relay, "Password").await;
    ana.types("wrong");
    let mut socket = relay.accept().await;
    let asked = socket.asked("BeginSession").await;
    assert_eq!(asked.params["imPassword"], "wrong");
    socket.refuse(&asked, 1018, "im-password-refused: the server says no").await;
    ana.sees("does not accept this password").await;
    ana.types("right");
    let mut socket = relay.accept().await;
    let asked = socket.asked("BeginSession").await;
    assert_eq!(asked.params["imPassword"], "right");
    socket
        .complete(&asked, json!({"sessionId": "s-1", "userId": "sip:ana@corp.test", "displayName": "Ana"}))
        .await;
    ana.sees("Signed in as Ana <ana@corp.test>").await;
    assert!(!ana.seen().contains("right"));
}
