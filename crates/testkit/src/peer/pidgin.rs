mod program;

use std::{borrow::Cow, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use trunkline_sip::{Headers, Method, body::roaming};

use super::{FrontEnd, front_end::Traffic};
use crate::patience;

/// A person at pidgin-sipe, the client of Lync that Debian has: libpurple without a window, in a process of its own that
/// is killed when dropped. With `TRUNKLINE_PIDGIN_DEBUG` in the environment it tells on standard error what it does, all
/// messages included.
pub struct Pidgin {
    address: String,
    child: Child,
    orders: ChildStdin,
    events: Lines<BufReader<ChildStdout>>,
    told: Vec<Told>,
    _home: TempDir,
}

/// How a [`Pidgin`] reaches the Front End.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Tcp,
    /// With TLS, the Front End's certificate known beforehand.
    Tls,
}

/// What libpurple told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Told {
    /// The process runs.
    Ready,
    /// Signed in.
    Online,
    /// Signed out, by either side.
    Offline,
    /// The connection failed, or ended with an error.
    Error {
        /// Why, in the client's words.
        text: String,
    },
    /// A message.
    Message {
        /// `user@host` of the sender.
        from: String,
        /// The text, without markup.
        text: String,
        /// As libpurple has it.
        html: String,
    },
    /// A line that the client wrote beside the messages of a conversation.
    Notice {
        /// With whom.
        with: String,
        /// `error` or `system`.
        kind: String,
        /// What it says.
        text: String,
    },
    /// Somebody is typing.
    Typing {
        /// Who.
        from: String,
    },
    /// Somebody is typing no more.
    Typed {
        /// Who.
        from: String,
    },
    /// A contact's presence changed.
    Presence(Buddy),
    /// A contact came to the list.
    Added(Buddy),
    /// A contact, on demand.
    Buddy(Buddy),
    /// All contacts were told of.
    Listed,
    /// A contact left the list.
    Removed {
        /// Who.
        who: String,
    },
    /// Somebody new watches; consent was given.
    Watched {
        /// Who.
        from: String,
    },
    /// A window with a message.
    Alert {
        /// Its title.
        title: String,
        /// What it says first.
        text: String,
        /// What it says further.
        more: String,
    },
    /// A window with a question, which nobody answers.
    Question {
        /// Its title.
        title: String,
        /// What it says first.
        text: String,
        /// What it says further.
        more: String,
        /// About whom.
        who: String,
    },
    /// The process is about to end.
    Gone,
}

/// A contact as the client shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Buddy {
    /// `user@host`.
    pub who: String,
    /// SIPE's word: `available`, `busy`, `do-not-disturb`, `be-right-back`, `away`, `offline` and more.
    pub status: String,
    /// The note.
    pub note: String,
    /// The name that is shown.
    pub alias: String,
    /// The group.
    pub group: String,
}

impl Pidgin {
    /// Starts a client for a user on a machine of that name, and does not sign in: the same user with the same name of
    /// the machine is the same device.
    pub async fn start(front: &FrontEnd, user: &str, machine: &str, transport: Transport) -> Result<Self> {
        let program = program::path()?;
        let home = tempfile::Builder::new().prefix("pidgin-").tempdir()?;
        program::know_certificate(home.path(), front.certificate_pem())?;
        let address = front.address(user);
        let (port, transport) = match transport {
            Transport::Tcp => (front.tcp_port(), "tcp"),
            Transport::Tls => (front.tls_port(), "tls"),
        };
        let mut child = Command::new(&program)
            .arg(home.path())
            .args([&address, &format!("localhost:{port}"), transport, machine])
            .env("HOME", home.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("TRUNKLINE_PIDGIN_DEBUG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let orders = child.stdin.take().context("no standard input")?;
        let events = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut client = Self { address, child, orders, events, told: Vec::new(), _home: home };
        client.until("starts", |told| (*told == Told::Ready).then_some(())).await?;
        Ok(client)
    }

    /// Starts a client over TCP, signs in and waits until it is settled.
    pub async fn sign_in(front: &FrontEnd, user: &str) -> Result<Self> {
        let mut client = Self::start(front, user, "desk", Transport::Tcp).await?;
        client.connect(front).await?;
        Ok(client)
    }

    /// Signs in and waits until the client is settled: it is online before it has its list, and throws out contacts that
    /// were added in between.
    pub async fn connect(&mut self, front: &FrontEnd) -> Result<()> {
        let (mark, passed) = (self.mark(), front.mark());
        self.begin_to_connect().await?;
        self.until_after(mark, "signs in", |told| (*told == Told::Online).then_some(())).await?;
        let own = self.address.clone();
        let epid = move |headers: &Headers| {
            let from = headers.from().ok().filter(|from| from.uri.address().as_ref() == Some(&own))?;
            from.epid().map(Cow::into_owned)
        };
        let registered = |traffic: &Traffic| {
            let request = traffic.request().filter(|request| *request.method() == Method::REGISTER)?;
            epid(request)
        };
        let device = front.until_after(passed, "a registration", registered).await?;
        let published = |traffic: &Traffic| {
            let response = traffic.sent_response().filter(|response| response.is_success())?;
            let published = response.content_type().ok()??.is(roaming::TYPE)
                && response.cseq().ok()?.method == Method::SERVICE;
            epid(response).filter(|epid| published && *epid == device).map(drop)
        };
        front.until_after(passed, "a client's first publication", published).await
    }

    /// Begins to sign in.
    pub async fn begin_to_connect(&mut self) -> Result<()> {
        self.order(json!({ "do": "sign_in" })).await
    }

    /// `user@host`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a message; lines are parted by `\n`.
    pub async fn send(&mut self, to: &str, text: &str) -> Result<()> {
        self.order(json!({ "do": "send", "who": to, "text": text })).await
    }

    /// Closes the conversation's window, which ends its dialog.
    pub async fn close(&mut self, with: &str) -> Result<()> {
        self.order(json!({ "do": "close", "who": with })).await
    }

    /// Says that the user types, or does so no more; there has to be a dialog.
    pub async fn typing(&mut self, to: &str, on: bool) -> Result<()> {
        self.order(json!({ "do": if on { "type" } else { "stop_typing" }, "who": to })).await
    }

    /// Shows a presence by SIPE's word, with a note.
    pub async fn show(&mut self, status: &str, note: &str) -> Result<()> {
        self.order(json!({ "do": "status", "status": status, "note": note })).await
    }

    /// Adds a contact to a group.
    pub async fn add(&mut self, who: &str, group: &str) -> Result<()> {
        self.order(json!({ "do": "add", "who": who, "group": group })).await
    }

    /// Removes a contact.
    pub async fn remove(&mut self, who: &str) -> Result<()> {
        self.order(json!({ "do": "remove", "who": who })).await
    }

    /// All contacts as the client shows them now.
    pub async fn buddies(&mut self) -> Result<Vec<Buddy>> {
        let mark = self.mark();
        self.order(json!({ "do": "list" })).await?;
        self.until_after(mark, "lists", |told| (*told == Told::Listed).then_some(())).await?;
        let buddy = |told: &Told| if let Told::Buddy(buddy) = told { Some(buddy.clone()) } else { None };
        Ok(self.told.iter().skip(mark).filter_map(buddy).collect())
    }

    /// Signs out and waits until the client says so.
    pub async fn sign_out(&mut self) -> Result<()> {
        let mark = self.mark();
        self.order(json!({ "do": "sign_out" })).await?;
        self.until_after(mark, "signs out", |told| (*told == Told::Offline).then_some(())).await
    }

    /// Signs out and waits until the process has ended.
    pub async fn quit(mut self) -> Result<()> {
        self.order(json!({ "do": "quit" })).await?;
        if timeout(patience(), self.child.wait()).await.is_err() {
            bail!("{} did not end", self.address);
        }
        Ok(())
    }

    /// How much was told so far: where [`Pidgin::until_after`] begins.
    pub fn mark(&self) -> usize {
        self.told.len()
    }

    /// Everything that was told and waited for so far.
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// Texts of the messages that somebody sent, as far as they were waited for.
    pub fn messages(&self, sender: &str) -> Vec<&str> {
        let texts = self.told.iter().filter_map(|told| match told {
            Told::Message { from, text, .. } if from == sender => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Waits for something to be told; what was told before counts too, and nothing is used up.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&Told) -> Option<T>) -> Result<T> {
        self.until_after(0, what, pick).await
    }

    /// Waits for something to be told after a mark.
    pub async fn until_after<T>(
        &mut self,
        mark: usize,
        what: &str,
        pick: impl Fn(&Told) -> Option<T>,
    ) -> Result<T> {
        if let Some(found) = self.told.iter().skip(mark).find_map(&pick) {
            return Ok(found);
        }
        let waiting = async {
            loop {
                let line = self.events.next_line().await?.context("the client has ended")?;
                let told: Told =
                    serde_json::from_str(&line).with_context(|| format!("not an event: {line}"))?;
                let found = pick(&told);
                self.told.push(told);
                if let Some(found) = found {
                    return anyhow::Ok(found);
                }
            }
        };
        let found = timeout(patience(), waiting).await.context("not in time").and_then(|found| found);
        found.with_context(|| format!("{} {what}; told so far: {:?}", self.address, self.told))
    }

    /// Waits for a message with this text.
    pub async fn message(&mut self, text: &str) -> Result<()> {
        self.until(&format!("receives {text:?}"), |told| match told {
            Told::Message { text: heard, .. } if heard == text => Some(()),
            _ => None,
        })
        .await
    }

    /// Waits until the client shows a contact at a status (SIPE's word).
    pub async fn sees(&mut self, who: &str, status: &str) -> Result<()> {
        let shown = |told: &Told| match told {
            Told::Presence(buddy) => Some(buddy.clone()),
            _ => None,
        };
        let last = self.told.iter().rev().filter_map(shown).find(|buddy| buddy.who == who);
        if last.is_some_and(|buddy| buddy.status == status) {
            return Ok(());
        }
        let mark = self.mark();
        let what = format!("sees {who} {status}");
        self.until_after(mark, &what, |told| {
            shown(told).filter(|buddy| buddy.who == who && buddy.status == status)
        })
        .await
        .map(drop)
    }

    async fn order(&mut self, order: Value) -> Result<()> {
        let line = format!("{order}\n");
        self.orders.write_all(line.as_bytes()).await.with_context(|| format!("{} has ended", self.address))
    }
}
