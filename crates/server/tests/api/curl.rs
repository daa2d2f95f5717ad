//! The lines of curl in docs/connect-api.md do what they say.

use std::{fs, path::PathBuf, process::Output};

use serde_json::Value;
use tokio::process::Command;

use crate::house::House;

/// The block of the page that follows these words.
fn block(after: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/connect-api.md"].iter().collect();
    let page = fs::read_to_string(path).unwrap();
    let (_, rest) = page.split_once(after).unwrap();
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Puts what is true here in the place of what the page shows; each must be there.
fn adapted(lines: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(lines.to_owned(), |lines, (shown, here)| {
        assert!(lines.contains(shown), "the page does not show {shown:?} any more");
        lines.replace(shown, here)
    })
}

async fn play(lines: &str) -> String {
    let shell = Command::new("sh").arg("-ec").arg(lines).env("no_proxy", "*").output();
    let Output { status, stdout, stderr } = shell.await.unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[tokio::test]
async fn a_phone_can_be_played_with_the_lines_of_curl_in_the_docs() {
    let house = House::open().await;
    house.account("mira").await;
    let key = house.relay.access_key("sip:mira@example.test").await.unwrap();
    let here = [("https://relay.example.test:8082", &*house.relay.url()), ("R7MKQ-4XWTB-9HNDC", &key)];
    let said = play(&adapted(&block("## 4 Activation"), &here)).await;
    assert!(said.starts_with("HTTP/1.1 201"), "{said}");
    let activated: Value = serde_json::from_str(said.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(activated["account"]["address"], "sip:mira@example.test");

    let token = activated["authToken"].as_str().unwrap();
    let here = [("http://127.0.0.1:8080", &*house.relay.url()), ("tl1.…", token)];
    let said = play(&adapted(&block("### Without WebSocket"), &here)).await;
    let (head, rest) = said.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("set-cookie: sessionid="),
        "{head}"
    );
    let mut bodies = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let (early, polled) = (bodies.next().unwrap().unwrap(), bodies.next().unwrap().unwrap());
    assert_eq!((&early["id"], &early["error"]), (&Value::from("c1"), &Value::Null), "{early}");
    assert!(polled.as_array().is_some_and(|frames| !frames.is_empty()), "{polled}");
}
