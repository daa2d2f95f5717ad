//! A second opinion: what this crate reads from messages, another one (ezk-sip-types) reads too.

use std::path::Path;

use bytes::Bytes;
use ezk_sip_types::header::typed::{CSeq, CallID, Contact, FromTo, Via};
use ezk_sip_types::msg::{Line, MessageLine, PullParser};
use ezk_sip_types::parse::Parse;
use ezk_sip_types::uri::NameAddr;
use ezk_sip_types::{Headers, Name};
use trunkline_sip::{Address, Message};

/// Torture messages that the other crate does not read as the RFC asks: it unescapes a branch, and knows neither URIs of
/// other schemes nor a backslash before a backslash.
const APART: [&str; 3] = ["intmeth", "unksm2", "wsinv"];

fn messages(folder: &str) -> Vec<(String, Message, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let bytes = Bytes::from(std::fs::read(file).expect("a message"));
        let message = Message::parse(&bytes).ok().filter(|message| trunkline_sip::check(message).is_ok())?;
        Some((file.file_stem().expect("a name").to_string_lossy().into_owned(), message, bytes))
    };
    files.iter().filter_map(read).collect()
}

/// What the other crate makes of a message's head.
fn theirs(bytes: &Bytes) -> Result<(MessageLine, Headers), String> {
    let mut lines = PullParser::new(bytes, 0);
    let first = lines.next().ok_or("no line")?.map_err(|_| "cut off")?;
    let first = std::str::from_utf8(first).map_err(|error| error.to_string())?;
    let start = MessageLine::parse_str(first).map_err(|error| error.to_string())?;
    let mut headers = Headers::new();
    for line in lines {
        let line = std::str::from_utf8(line.map_err(|_| "cut off")?).map_err(|error| error.to_string())?;
        let (_, line) = Line::parse(bytes, line).map_err(|error| error.to_string())?;
        headers.insert(line.name, line.value);
    }
    Ok((start, headers))
}

fn compare(ours: &Message, bytes: &Bytes) -> Result<(), String> {
    let (start, headers) = theirs(bytes)?;
    match (ours, start) {
        (Message::Request(ours), MessageLine::Request(theirs)) => {
            same("method", ours.method().as_str(), &theirs.method.to_string())?;
        }
        (Message::Response(ours), MessageLine::Response(theirs)) => {
            same("status", &ours.status().to_string(), &theirs.code.into_u16().to_string())?;
        }
        _ => return Err("a request or a response".to_owned()),
    }
    let error = |error: ezk_sip_types::header::HeaderError| error.to_string();
    let cseq = headers.get_named::<CSeq>().map_err(error)?;
    same("CSeq", &ours.cseq().expect("it was checked").number.to_string(), &cseq.cseq.to_string())?;
    same(
        "Call-ID",
        &ours.call_id().expect("it was checked"),
        &text(&headers.get_named::<CallID>().map_err(error)?.0),
    )?;
    for (name, ours) in
        [(Name::FROM, ours.from().expect("it was checked")), (Name::TO, ours.to().expect("it was checked"))]
    {
        let theirs: FromTo = headers.get(name).map_err(error)?;
        address(&ours, &theirs.uri)?;
        same("tag", ours.tag().unwrap_or_default(), &theirs.tag.map(text).unwrap_or_default())?;
    }
    let hops: Vec<Via> = headers.get(Name::VIA).map_err(error)?;
    same("hops", &ours.vias().expect("it was checked").len().to_string(), &hops.len().to_string())?;
    for (ours, theirs) in ours.vias().expect("it was checked").iter().zip(&hops) {
        same("transport", &ours.transport, &text(&theirs.transport))?;
        same("host", &ours.host.to_ascii_lowercase(), &theirs.sent_by.host.to_string().to_ascii_lowercase())?;
        same("port", &port(ours.port), &port(theirs.sent_by.port))?;
        let branch = theirs.params.get_val("branch").map(text).unwrap_or_default();
        same("branch", ours.branch().unwrap_or_default(), &branch)?;
    }
    let contacts: Vec<Contact> = match headers.try_get(Name::CONTACT) {
        Some(contacts) => contacts.map_err(error)?,
        None => Vec::new(),
    };
    same(
        "contacts",
        &ours.contacts().expect("it was checked").len().to_string(),
        &contacts.len().to_string(),
    )?;
    ours.contacts()
        .expect("it was checked")
        .iter()
        .zip(&contacts)
        .try_for_each(|(ours, theirs)| address(ours, &theirs.uri))
}

fn address(ours: &Address, theirs: &NameAddr) -> Result<(), String> {
    same("host", ours.uri.host(), &theirs.uri.host_port.host.to_string())?;
    same("port", &port(ours.uri.port()), &port(theirs.uri.host_port.port))?;
    let opaque = theirs.uri.uri_params.get_val("opaque").map(text).unwrap_or_default();
    same("opaque", ours.uri.opaque().unwrap_or_default(), &opaque)
}

fn port(port: Option<u16>) -> String {
    port.map(|port| port.to_string()).unwrap_or_default()
}

/// Any of the other crate's strings.
fn text(string: impl AsRef<str>) -> String {
    string.as_ref().to_owned()
}

fn same(what: &str, ours: &str, theirs: &str) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?} here, {theirs:?} there")) }
}

#[test]
fn another_reader_reads_the_same() {
    let mut seeds = messages("../../tests/fuzz/seeds/sip");
    seeds.retain(|(name, _, _)| name != "stream");
    let torture = messages("tests/data/rfc4475");
    assert!(seeds.len() >= 8 && torture.len() >= 20, "{} and {}", seeds.len(), torture.len());
    let compared = seeds.iter().chain(&torture).filter_map(|(name, ours, bytes)| {
        let objection = compare(ours, bytes).err()?;
        Some((name.as_str(), objection))
    });
    let apart: Vec<_> = compared.collect();
    let names: Vec<_> = apart.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, APART, "{apart:#?}");
}
