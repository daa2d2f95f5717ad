use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::Prosody;
use crate::patience;

const SCRIPT: &str = include_str!("colleague.py");

/// A person at a desktop client (slixmpp), remote-controlled; killed when dropped.
pub struct Colleague {
    jid: String,
    child: Child,
    orders: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    heard: Vec<Heard>,
}

/// What a [`Colleague`]'s client was told by the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Heard {
    /// The client is signed in and has sent its presence.
    Online,
    /// A message with a body.
    Message {
        /// Bare address of the sender.
        from: String,
        /// The sender's resource.
        resource: String,
        /// Stanza id.
        id: String,
        /// The text.
        body: String,
        /// It asks for a receipt.
        receipt: bool,
    },
    /// A contact's presence.
    Presence {
        /// Bare address.
        from: String,
        /// `available`, `away`, `xa`, `dnd`, `chat` or `unavailable`.
        show: String,
        /// The note.
        status: String,
    },
    /// A request to see this person's presence; granted at once.
    Subscribe {
        /// Bare address.
        from: String,
    },
    /// A note of typing.
    Chatstate {
        /// Bare address.
        from: String,
        /// `active`, `composing`, `paused`, `inactive` or `gone`.
        state: String,
    },
    /// A receipt.
    Receipt {
        /// Bare address.
        from: String,
        /// Of which message.
        id: String,
    },
}

impl Colleague {
    /// Signs `user` in on the server and waits until the client is online.
    pub async fn sign_in(server: &Prosody, user: &str, password: &str) -> Result<Self> {
        let python = python()?;
        let jid = format!("{user}@{}", server.domain());
        let mut child = Command::new(&python)
            .args(["-c", SCRIPT, &jid, password, "127.0.0.1", &server.port().to_string()])
            .arg(server.ca_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", python.display()))?;
        let orders = child.stdin.take().context("no standard input")?;
        let events = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut colleague = Self { jid, child, orders, events, heard: Vec::new() };
        colleague.until("signs in", |heard| (*heard == Heard::Online).then_some(())).await?;
        Ok(colleague)
    }

    /// Bare address.
    pub fn jid(&self) -> &str {
        &self.jid
    }

    /// Sends a message that asks for a receipt.
    pub async fn send(&mut self, to: &str, id: &str, body: &str) -> Result<()> {
        self.order(json!({ "do": "send", "to": to, "id": id, "body": body })).await
    }

    /// Sends a note of typing (XEP-0085 state).
    pub async fn chat_state(&mut self, to: &str, state: &str) -> Result<()> {
        self.order(json!({ "do": "chatstate", "to": to, "state": state })).await
    }

    /// Sends raw XML on the stream.
    pub async fn raw(&mut self, xml: &str) -> Result<()> {
        self.order(json!({ "do": "raw", "xml": xml })).await
    }

    /// Shows a presence; `available` is none of the `show` values.
    pub async fn show(&mut self, show: &str, status: &str) -> Result<()> {
        self.order(json!({ "do": "presence", "show": show, "status": status })).await
    }

    /// Adds somebody to the roster and asks to see their presence.
    pub async fn subscribe(&mut self, to: &str) -> Result<()> {
        self.order(json!({ "do": "subscribe", "to": to })).await
    }

    /// Signs out and waits until the client has ended.
    pub async fn quit(mut self) -> Result<()> {
        self.order(json!({ "do": "quit" })).await?;
        if timeout(patience(), self.child.wait()).await.is_err() {
            bail!("{} did not sign out", self.jid);
        }
        Ok(())
    }

    /// Waits for something to be heard; what was heard before counts too, and nothing is used up.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&Heard) -> Option<T>) -> Result<T> {
        if let Some(found) = self.heard.iter().find_map(&pick) {
            return Ok(found);
        }
        let waiting = async {
            loop {
                let line = self.events.next_line().await?.context("the client has ended")?;
                let heard: Heard =
                    serde_json::from_str(&line).with_context(|| format!("not an event: {line}"))?;
                let found = pick(&heard);
                self.heard.push(heard);
                if let Some(found) = found {
                    return anyhow::Ok(found);
                }
            }
        };
        let found = timeout(patience(), waiting).await;
        let context = || format!("{} {what}; heard so far: {:?}", self.jid, self.heard);
        found.context("not in time").and_then(|found| found).with_context(context)
    }

    /// Waits for a message with this text and gives its stanza id.
    pub async fn message(&mut self, text: &str) -> Result<String> {
        self.until(&format!("receives {text:?}"), |heard| match heard {
            Heard::Message { id, body, .. } if body == text => Some(id.clone()),
            _ => None,
        })
        .await
    }

    /// How often a message with this text was heard so far.
    pub fn message_count(&self, text: &str) -> usize {
        self.heard.iter().filter(|heard| matches!(heard, Heard::Message { body, .. } if body == text)).count()
    }

    /// Everything heard so far.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    async fn order(&mut self, order: Value) -> Result<()> {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.with_context(|| format!("{} has ended", self.jid))
    }
}

/// The Python that has the libraries of the peers (slixmpp, schemathesis).
pub fn python() -> Result<PathBuf> {
    let named = std::env::var_os("TRUNKLINE_PEER_PYTHON").map(PathBuf::from);
    let usual = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers/venv/bin/python"));
    let python = named.unwrap_or(usual);
    ensure!(
        python.exists(),
        "the test needs a Python with slixmpp, schemathesis and sipvicious at {} (TRUNKLINE_PEER_PYTHON names another): \
         cargo xtask test makes one",
        python.display()
    );
    Ok(python)
}
