//! Texts that upset programs go through unchanged, byte for byte, on every way that a text can take.

use serde_json::{Value, json};

use crate::{
    device::Device,
    house::{House, sip},
};

/// One of each kind of trouble; much of it after the Big List of Naughty Strings.
const NAUGHTY: &[&str] = &[
    "undefined",
    "null",
    "NaN",
    "true",
    "0",
    "-1",
    "1e309",
    "0x7fffffff",
    "9007199254740993",
    "１２３",
    "' OR 1=1 --",
    "\"; DROP TABLE messages; --",
    "<script>alert(1)</script>",
    "<![CDATA[x]]>",
    "&lt;&amp;&#0;",
    "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>&b;",
    "${jndi:ldap://x/y}",
    "{{7*7}}",
    "%s%n%x%d",
    "%00",
    "\\u0000",
    "\\ud800",
    "$(touch /tmp/x)",
    "`id`",
    "../../../../etc/passwd",
    "C:\\CON",
    "\\\\?\\",
    "a\\\"b\\\\c",
    "\"",
    "\\",
    "{\"jsonrpc\":\"2.0\"}",
    "]}",
    "poison:",
    "tl1.abc",
    "line\nline",
    "line\r\nline",
    "tab\tbell\u{7}",
    "\u{1}\u{8}\u{b}\u{c}\u{e}\u{1b}[31mred\u{7f}\u{85}",
    "\u{2028}\u{2029}",
    "\u{feff}bom",
    "\u{fffe}\u{ffff}\u{1fffe}\u{10ffff}",
    "\u{fdd0}",
    "\u{fffd}",
    "\u{202e}txet desrever\u{202c}",
    "\u{2066}isolate\u{2069}\u{200f}\u{200e}\u{61c}",
    "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e",
    "\u{ad}soft",
    "раураl",
    "ｐａｙｐａｌ",
    "Ⓤⓝⓘⓒⓞⓓⓔ",
    "𝕿𝖍𝖊 𝖖𝖚𝖎𝖈𝖐",
    "ﬃ ß ẞ İ ı ſ",
    "å å Å",
    "한국 한국",
    "👩‍👩‍👧‍👦👨🏿‍⚕️🏴󠁧󠁢󠁥󠁮󠁧󠁿🇨🇭",
    "☠︎☠️",
    "Z̷̡̮͓a̶͝l̸g̵o̶",
    "مرحبا بالعالم",
    "עִבְרִית",
    "ทดสอบ",
    "नमस्ते",
    "田中さん",
    "﷽",
    "𒐫",
    "꧅",
    "\u{e000}\u{f8ff}\u{100000}",
    " leading",
    "trailing ",
    " ",
    "\t",
    "\n",
    "\u{a0}",
    "\u{3000}",
    "\u{180e}",
];

fn naughty() -> Vec<String> {
    let mut all: Vec<String> = NAUGHTY.iter().map(|text| (*text).to_owned()).collect();
    all.push(format!("a{}", "\u{301}".repeat(7_999)));
    all.push("\u{202e}".repeat(8_000));
    all.push("😀".repeat(8_000));
    all.push("\\".repeat(8_000));
    all.push("\"".repeat(8_000));
    all
}

#[tokio::test]
async fn naughty_strings_arrive_as_they_were_sent_live_replayed_and_read_again() {
    let house = House::open().await;
    let (mut ana, bo) = house.pair("ana", "bo").await;
    let mut pad = house.another("ana", 2).await;
    let all = naughty();
    let (pass, last) = (bo.pass.clone(), bo.last);
    bo.socket.cut();
    for (n, text) in all.iter().enumerate() {
        ana.say(&sip("bo"), &format!("m-{n}"), text).await;
    }
    let mut bo = Device::opened(&pass, last).await;
    for text in &all {
        assert_eq!(bo.message(text).await.data()["method"], "MessageReceived");
        assert_eq!(pad.message(text).await.data()["method"], "MessageSent");
    }
    let mut read = Vec::new();
    let (mut since, mut more) = (0, true);
    while more {
        let page = bo.well("mailbox.Sync", json!({"epoch": 1, "since": since, "limit": 50})).await;
        let texts = page["entries"].as_array().unwrap().iter().filter_map(|entry| entry["message"].as_str());
        read.extend(texts.filter(|text| *text != "hello").map(str::to_owned));
        (since, more) = (page["next"].as_i64().unwrap(), page["more"] == true);
    }
    assert_eq!(read, all);
}

#[tokio::test]
async fn naughty_names_and_notes_are_told_as_they_were_given() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.well("AddContact", json!({"contactId": sip("ana")})).await;
    for (n, text) in naughty().iter().enumerate() {
        let note: String = text.chars().take(1_000).collect();
        ana.well("SetPersonalMessage", json!({"personalMessage": note})).await;
        let seen = bo.well("GetContactDetail", json!({"contactId": sip("ana")})).await;
        assert_eq!(find(&seen, "personalMessage"), Some(note.as_str()), "{note:?}");
        let name: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        if name.trim().is_empty() {
            continue;
        }
        let added = ana.well("AddGroup", json!({"groupName": format!("{n} {name}")})).await;
        let list = ana.well("GetContactList", json!({})).await;
        let groups = list["groups"].as_array().unwrap().clone();
        let wanted = format!("{n} {name}");
        assert!(groups.iter().any(|group| group["name"] == wanted), "{wanted:?}: {added} {groups:?}");
        if let Some(id) = added["groupId"].as_str() {
            ana.well("RemoveGroup", json!({"groupId": id})).await;
        }
    }
}

/// The first member of this name, wherever it is.
fn find<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    match value {
        Value::Object(map) => {
            map.get(name).and_then(Value::as_str).or_else(|| map.values().find_map(|value| find(value, name)))
        }
        Value::Array(all) => all.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}

#[tokio::test]
async fn looks_alike_is_not_the_same_person() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let _bo = house.device("bo").await;
    for other in
        ["sip:bо@example.test", "sip:bo\u{200b}@example.test", "sip:ｂｏ@example.test", "sip:bo@exаmple.test"]
    {
        let params = json!({"contactId": other, "messageId": "m", "message": "for bo alone"});
        ana.refused(1012, "SendMessage", params).await;
    }
}
