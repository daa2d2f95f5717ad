use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use secrecy::SecretString;
use serde_json::{Value, json};
use trunkline_client::{ActivationRequest, Handshake, Phone, RawSocket, Server, Trust};
use trunkline_testkit::Relay;
use trunkline_wire::phone::{ServerFrame, read, request};

/// How many phones are made or opened side by side.
const WIDTH: usize = 64;
/// How long a phone waits for an answer before the measurement counts as failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Where everybody is.
pub(crate) const DOMAIN: &str = "bench.test";

/// What people write to each other here: 56 characters.
pub(crate) const TEXT: &str = "The quick brown fox jumps over the lazy dog, every time.";

/// An activated phone without a socket.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) address: String,
    device_token: String,
    token: SecretString,
}

/// Accounts `u0` … with one activated phone each.
pub(crate) async fn recruit(relay: &Relay, count: usize) -> Result<Vec<Member>> {
    let server = Server::new(&relay.url(), &Trust::System)?;
    let recruits = stream::iter(0..count).map(|number| recruit_one(relay, &server, number));
    recruits.buffered(WIDTH).try_collect().await
}

async fn recruit_one(relay: &Relay, server: &Server, number: usize) -> Result<Member> {
    let address = format!("sip:u{number}@{DOMAIN}");
    relay.add_account(&address, &format!("User {number}")).await?;
    let device_token = format!("bench-{number:08}");
    let request = ActivationRequest {
        address: address.clone(),
        access_key: SecretString::from(relay.access_key(&address).await?),
        device_token: device_token.clone(),
        platform: "Android".to_owned(),
        name: String::new(),
        app_version: String::new(),
        locale: String::new(),
    };
    let activated = Phone::activate(server, &request).await?;
    Ok(Member { address, device_token, token: activated.token })
}

/// A socket for each, with its session begun; in the order of `members`.
pub(crate) async fn connect(server: &Server, members: &[Member]) -> Result<Vec<RawSocket>> {
    stream::iter(members).map(|member| connect_one(server, member)).buffered(WIDTH).try_collect().await
}

impl Member {
    /// The headers of its upgrade.
    pub(crate) fn handshake(&self) -> Handshake {
        Handshake { auth_token: Some(self.token.clone()), ..Handshake::new(self.device_token.clone()) }
    }
}

async fn connect_one(server: &Server, member: &Member) -> Result<RawSocket> {
    let mut socket = RawSocket::connect(server, &member.handshake()).await?;
    socket.send(request("begin", "BeginSession", json!({}))).await?;
    answered(&mut socket, "begin").await?;
    Ok(socket)
}

/// Acknowledges everything, receipts too, else the next run would begin with all of them once more.
pub(crate) async fn acknowledge_all(socket: &mut RawSocket) -> Result<()> {
    let everything = json!({"since": 1_i64 << 50, "limit": 1});
    socket.send(request("sync", "mailbox.Sync", everything)).await?;
    answered(socket, "sync").await.map(|_| ())
}

/// Reads until the request with this id has its final answer.
pub(crate) async fn answered(socket: &mut RawSocket, wanted: &str) -> Result<Value> {
    loop {
        let text = match socket.next_text(LIMIT).await {
            Ok(text) => text,
            Err(end) => bail!("the socket ended: {end:?}"),
        };
        match read(&text)? {
            ServerFrame::Early { id, result: Err(error), .. } if id == wanted => bail!("{error}"),
            ServerFrame::Early { id, result: Ok(data), complete: true, .. } if id == wanted => {
                return Ok(data);
            }
            ServerFrame::Late { id, result, .. } if id == wanted => {
                return result.context("the request failed");
            }
            _ => {}
        }
    }
}
