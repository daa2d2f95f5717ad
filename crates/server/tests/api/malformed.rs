//! Frames that are none: they end neither the relay nor anybody else's session, and their own only when the
//! WebSocket itself can't go on.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_client::Incoming;
use trunkline_testkit::patience;

use crate::{device::Device, house::House};

#[tokio::test]
async fn texts_that_are_no_requests_get_an_error_and_the_session_goes_on() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let table = [
        (-32700, ""),
        (-32700, " "),
        (-32700, "{"),
        (-32700, "nonsense"),
        (-32700, "\u{feff}{}"),
        (-32700, r#"{"jsonrpc":"2.0","id":"c1","method":"Ping","params":{}"#),
        (-32700, r#"{"jsonrpc":"2.0","id":"c1","method":"Ping","params":{},}"#),
        (-32700, r#"{"jsonrpc":"2.0" "id":"c1"}"#),
        (-32700, r#"{"jsonrpc":"2.0","id":"c1","method":"Ping"}{}"#),
        (-32700, r#"{"jsonrpc":"2.0","id":"c1","method":"\ud83d"}"#),
        (-32700, r#"{"jsonrpc":"2.0","id":"c1","method":"Ping","params":{"x":"\ude00"}}"#),
        (-32700, r#"{'jsonrpc':'2.0'}"#),
        (-32700, "[1,2"),
        (-32700, "\u{0}"),
        (-32700, "NaN"),
        (-32700, r#"{"a":01}"#),
        (-32600, "[]"),
        (-32600, "7"),
        (-32600, "null"),
        (-32600, "true"),
        (-32600, r#""Ping""#),
        (-32600, "{}"),
        (-32600, r#"{"jsonrpc":"2.0","method":"Ping"}"#),
    ];
    for (code, text) in table {
        ana.settle().await;
        ana.take_all();
        ana.send(text).await;
        ana.settle().await;
        let came = ana.take_all();
        assert_eq!(came.len(), 1, "{text}: {came:#?}");
        assert!(came[0].id().is_null(), "{text}: {came:#?}");
        assert_eq!(came[0].outcome().unwrap_err().code, code, "{text}");
    }
    for request in [
        r#"{"jsonrpc":"1.0","id":"v1","method":"Ping"}"#,
        r#"{"id":"v1","method":"Ping"}"#,
        r#"{"jsonrpc":2.0,"id":"v1","method":"Ping"}"#,
        r#"{"jsonrpc":"2.0","id":"v1"}"#,
        r#"{"jsonrpc":"2.0","id":"v1","method":7}"#,
        r#"{"jsonrpc":"2.0","id":"v1","method":null}"#,
    ] {
        ana.send(request).await;
        let error = ana.early("v1").await.outcome().unwrap_err();
        assert_eq!(error.code, -32600, "{request}: {error:?}");
    }
    bo.say(&ana.address.clone(), "b-1", "still there?").await;
    ana.message("still there?").await;
}

/// A client's frame: masked with zeros, so that the payload stays readable.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// What is wrong, the bytes, and the close codes that fit.
type Case = (&'static str, Vec<u8>, &'static [u16]);

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":"w1","method":"Ping","params":{}}"#;

#[tokio::test]
async fn broken_websocket_frames_close_their_own_socket_only() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let unmasked = [&[0x81, 2][..], b"{}"].concat();
    let endless = [&[0x81, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let huge = [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let huge_binary = [&[0x82, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    let long_ping = [&[0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0][..], &[b'x'; 126]].concat();
    let pieces = |n: usize| [frame(0x01, b"["), vec![frame(0x00, &[b' '; 16_000]); n].concat()].concat();
    let table: [Case; 21] = [
        ("an unmasked frame", unmasked, &[1002]),
        ("a reserved bit (compression)", frame(0xc1, PING), &[1002]),
        ("another reserved bit", frame(0x91, PING), &[1002]),
        ("an opcode that does not exist", frame(0x83, PING), &[1002]),
        ("a control opcode that does not exist", frame(0x8b, b""), &[1002]),
        ("a ping of 126 bytes", long_ping, &[1002]),
        ("a ping in pieces", frame(0x09, b"x"), &[1002]),
        ("a continuation of nothing", frame(0x80, PING), &[1002]),
        ("a text inside a text", [frame(0x01, b"["), frame(0x81, PING)].concat(), &[1002]),
        ("a text that is not UTF-8", frame(0x81, b"\"\xff\xfe\""), &[1007]),
        ("half a character at the end", frame(0x81, b"\"\xf0\x9f\x98"), &[1007]),
        ("a length of 2^64-1", endless, &[1009, 1002]),
        ("a text of a terabyte", huge, &[1009]),
        ("a binary frame of a terabyte", huge_binary, &[1009]),
        ("a text in pieces that grows too long", pieces(5), &[1009]),
        ("a close of one byte", frame(0x88, b"x"), &[1002]),
        ("a close with a code that does not exist", frame(0x88, &999_u16.to_be_bytes()), &[1002]),
        ("a close with a code that nobody may send", frame(0x88, &1006_u16.to_be_bytes()), &[1002]),
        ("a close with words that are not UTF-8", frame(0x88, b"\x03\xe8\xff"), &[1002, 1007]),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[1002]),
        ("zeros", vec![0; 512], &[1002]),
    ];
    for (what, bytes, codes) in table {
        let pass = ana.pass.clone();
        ana.socket.socket().send_bytes(&bytes).await.unwrap();
        let code = ana.closed().await;
        assert!(code.is_some_and(|code| codes.contains(&code)), "{what}: {code:?}");
        bo.settle().await;
        ana = Device::opened(&pass, ana.last).await;
        ana.settle().await;
    }
    bo.say(&ana.address.clone(), "b-1", "unharmed").await;
    ana.message("unharmed").await;
}

#[tokio::test]
async fn odd_but_lawful_frames_are_understood() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let (one, two) = PING.split_at(20);
    ana.socket.socket().send_binary(b"\x00\xffanything".to_vec()).await.unwrap();
    ana.socket.socket().send_binary(PING.to_vec()).await.unwrap();
    let pieces = [frame(0x01, one), frame(0x89, b"between"), frame(0x00, b""), frame(0x80, two)].concat();
    for byte in pieces {
        ana.socket.socket().send_bytes(&[byte]).await.unwrap();
    }
    assert_eq!(ana.late("w1").await.data()["method"], "Ping", "in pieces, byte by byte, with a ping between");
    ana.settle().await;
    let answers = ana.take_all().iter().filter(|frame| frame.answers("w1")).count();
    assert_eq!(answers, 1, "phase 1 of the text; the binary frame is not answered");
    ana.socket.socket().send_bytes(&frame(0x8a, b"a pong nobody asked for")).await.unwrap();
    ana.settle().await;
    ana.socket.socket().ping(b"p-1".to_vec()).await.unwrap();
    let pong = loop {
        match ana.socket.next(patience()).await {
            Some(Incoming::Pong(payload)) => break payload,
            Some(Incoming::Text(_) | Incoming::Ping(_)) => {}
            other => panic!("no pong: {other:?}"),
        }
    };
    assert_eq!(pong, b"p-1");
    ana.socket.socket().send_bytes(&frame(0x88, b"")).await.unwrap();
    assert!(matches!(ana.closed().await, None | Some(1000 | 1005)), "a close without a code is answered");
}

#[tokio::test]
async fn connections_cut_at_any_byte_leave_nothing_behind() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let message = json!({"contactId": bo.address, "messageId": "half", "message": "half"});
    let whole = frame(0x81, trunkline_wire::phone::request("h1", "SendMessage", message).as_bytes());
    for length in 0..whole.len() {
        let pass = ana.pass.clone();
        ana.socket.socket().send_bytes(&whole[..length]).await.unwrap();
        ana.socket.cut();
        ana = Device::opened(&pass, ana.last).await;
    }
    ana.settle().await;
    bo.settle().await;
    ana.say(&bo.address.clone(), "whole", "whole").await;
    bo.message("whole").await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty(), "no half frame was taken for a message");
    let status = house.relay.admin(&json!({"do": "status"})).await.unwrap();
    assert_eq!(status["reply"], "status");
}

#[tokio::test]
async fn rubbish_on_the_phones_port_harms_nobody() {
    let house = House::open().await;
    let mut bo = house.device("bo").await;
    let address = house.relay.listeners().http.clone().unwrap();
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let heads = [
        "\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}",
        "GET /GaslampService/ws HTTP/1.1\r\n\r\n",
        "GET /GaslampService/ws HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "GET /GaslampService/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
        "GET /GaslampService/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "POST /v1/activation HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n{\"a\":",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
    ];
    for head in heads {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // Some are refused before they end.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(patience(), stream.read_to_end(&mut answer)).await.unwrap();
        let status = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        assert!(status.is_empty() || status.contains(" 4"), "{head:.60}: {status}");
        bo.settle().await;
    }
}
