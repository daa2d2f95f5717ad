//! How much fits.

use serde_json::json;
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    house::{House, sip},
};

#[tokio::test]
pub(crate) async fn a_text_has_1_to_8000_characters() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let message = |text: &str| json!({"contactId": sip("bo"), "messageId": "m-1", "message": text});
    ana.refused(1011, "SendMessage", message("")).await;
    ana.refused(1012, "SendMessage", message(&"x".repeat(8_001))).await;
    ana.refused(1012, "SendMessage", message(&"😀".repeat(8_001))).await;
    for (n, text) in
        ["x".repeat(8_000), "😀".repeat(8_000), " ".to_owned(), "\t\n\u{202e}".to_owned()].iter().enumerate()
    {
        ana.say(&sip("bo"), &format!("fits-{n}"), text).await;
        bo.message(text).await;
    }
}

#[tokio::test]
pub(crate) async fn a_frame_over_64_kib_closes_the_socket_with_1009_and_nothing_else() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let padded = |size: usize| {
        let frame = request("big", "Ping", json!({"pad": ""}));
        frame.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(size - frame.len())))
    };
    assert_eq!(padded(65_536).len(), 65_536);
    ana.send(&padded(65_536)).await;
    ana.late("big").await;
    // The relay may be gone before all of it is written.
    let _ = ana.socket.send(padded(65_537)).await;
    assert_eq!(ana.closed().await, Some(1009));
    bo.settle().await;
    let last = ana.last;
    let mut ana = ana.resumed(last).await;
    ana.settle().await;
    bo.say(&ana.address.clone(), "b-1", "all the same").await;
    ana.message("all the same").await;
}

#[tokio::test]
pub(crate) async fn deeper_than_64_levels_is_a_parse_error() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    // Two levels are the request's own.
    for (levels, fits) in [(62, true), (63, false), (20_000, false)] {
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        ana.send(&format!(
            r#"{{"jsonrpc":"2.0","id":"d{levels}","method":"Ping","params":{{"x":{nested}}}}}"#
        ))
        .await;
        if fits {
            ana.late(&format!("d{levels}")).await;
        } else {
            ana.settle().await;
            let came = ana.take_all();
            let refused = came.iter().find(|frame| frame.id().is_null());
            assert_eq!(refused.unwrap().outcome().unwrap_err().code, -32700, "{levels}");
        }
    }
}

#[tokio::test]
pub(crate) async fn a_batch_holds_1_to_1000_requests() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let ping = |n: usize| format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"Ping"}}"#);
    let batch = |size: usize| format!("[{}]", (0..size).map(ping).collect::<Vec<_>>().join(","));
    for text in ["[]".to_owned(), batch(1_001)] {
        let error = only_error(&mut ana, &text).await;
        assert_eq!(error, -32600);
    }
    let limit = std::time::Duration::from_secs(60);
    ana.send(&batch(1_000)).await;
    for _ in 0..2_000 {
        ana.socket.next_text(limit).await.unwrap();
    }
}

async fn only_error(device: &mut Device, text: &str) -> i64 {
    device.settle().await;
    device.take_all();
    device.send(text).await;
    device.settle().await;
    let came = device.take_all();
    assert_eq!(came.len(), 1, "{came:#?}");
    came[0].outcome().unwrap_err().code
}

#[tokio::test]
pub(crate) async fn speed_is_no_error() {
    let house = House::with(&[("REQUEST_RATE", "200"), ("REQUEST_BURST", "200")]).await;
    let mut ana = house.device("ana").await;
    let mut ids = Vec::new();
    for _ in 0..300 {
        ids.push(ana.post("Ping", json!({})).await);
    }
    for id in &ids {
        ana.last_word(id).await.unwrap();
    }
}
