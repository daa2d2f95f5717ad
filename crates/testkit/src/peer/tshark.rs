//! Wireshark's opinion of what was said: messages go through `text2pcap` into TCP streams and through `tshark`'s
//! dissectors of SIP and of the bodies within.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::front_end::{Heading, Traffic};

/// Bytes that one packet carries, so that longer messages are put together from several.
const SEGMENT: usize = 1_400;
/// `PI_WARN` of Wireshark: what is beyond it is an error.
const WARNING: u32 = 0x0060_0000;
/// Parts what one packet has several of.
const SEVERAL: char = '|';

const FIELDS: &[&str] = &[
    "frame.number",
    "sip.Request-Line",
    "sip.Status-Line",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
];

/// What it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinion {
    /// How many SIP messages it counts.
    pub messages: usize,
    /// What it holds to be malformed, and what its experts warn of, with the number of the packet.
    pub complaints: Vec<String>,
}

/// Judges what passed a Front End: every message has to be one for Wireshark too, and none malformed.
pub async fn complaints(traffic: &[Traffic]) -> Result<Vec<String>> {
    let said: Vec<_> =
        traffic.iter().map(|traffic| (traffic.heading, traffic.message.to_bytes().to_vec())).collect();
    let Opinion { messages, mut complaints } = judge(&said).await?;
    if messages != said.len() {
        complaints.push(format!("{messages} messages of {}", said.len()));
    }
    Ok(complaints)
}

/// Judges bytes that went over one connection.
pub async fn judge(said: &[(Heading, Vec<u8>)]) -> Result<Opinion> {
    let folder = tempfile::Builder::new().prefix("tshark-").tempdir().context("no temporary folder")?;
    let (text, capture) = (folder.path().join("said.txt"), folder.path().join("said.pcapng"));
    fs::write(&text, hexdump(said))?;
    let mut command = Command::new(program("text2pcap")?);
    output(command.args(["-q", "-D", "-T", "5060,5061"]).args([&text, &capture])).await?;
    let mut command = Command::new(program("tshark")?);
    // Nobody's preferences but those here.
    command.env("HOME", folder.path()).args(["-n", "-d", "tcp.port==5061,sip", "-r"]).arg(&capture);
    command.args(["-T", "fields", "-E", "separator=/t", "-E", &format!("aggregator={SEVERAL}")]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    Ok(read(&output(&mut command).await?))
}

fn program(name: &str) -> Result<String> {
    let path = format!("/usr/bin/{name}");
    ensure!(
        Path::new(&path).exists(),
        "the test needs {path} of Debian's tshark: cargo xtask test installs it"
    );
    Ok(path)
}

/// A packet a segment, as `text2pcap -D` reads it.
fn hexdump(said: &[(Heading, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (heading, bytes) in said {
        for segment in bytes.chunks(SEGMENT) {
            text.push_str(if *heading == Heading::Received { "I\n" } else { "O\n" });
            for (row, bytes) in segment.chunks(16).enumerate() {
                let _ = write!(text, "{:06x}", row * 16);
                text.extend(bytes.iter().map(|byte| format!(" {byte:02x}")));
                text.push('\n');
            }
            text.push('\n');
        }
    }
    text
}

async fn output(command: &mut Command) -> Result<String> {
    let output = command.kill_on_drop(true).output().await?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{:?}: {told}", command.as_std().get_program());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read(table: &str) -> Opinion {
    let mut opinion = Opinion::default();
    for line in table.lines() {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (number, requests, responses, malformed, severities, words) =
            (cell(), cell(), cell(), cell(), cell(), cell());
        let count = |cell: &str| cell.split(SEVERAL).filter(|each| !each.is_empty()).count();
        opinion.messages += count(requests) + count(responses);
        let mut severities = severities.split(SEVERAL).filter_map(|each| each.parse::<u32>().ok());
        if !malformed.is_empty() || severities.any(|severity| severity >= WARNING) {
            opinion.complaints.push(format!("packet {number}: {malformed} {words} ({requests}{responses})"));
        }
    }
    opinion
}
