use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_client::{ActivationRequest, Phone, Server, Trust, parse_fingerprint};
use trunkline_testkit::{Relay, Wire, eventually, relay::Builder};

use crate::handset::{Handset, MARK};

/// The relay's program and the people who use it.
pub(crate) struct House {
    pub(crate) relay: Relay,
}

impl House {
    /// A relay with the usual settings and these accounts.
    pub(crate) async fn open(accounts: &[&str]) -> Self {
        Self::with(Self::plan(), accounts).await
    }

    /// The relay before it starts.
    pub(crate) fn plan() -> Builder {
        Relay::of(env!("CARGO_BIN_EXE_trunkline"))
    }

    pub(crate) async fn with(plan: Builder, accounts: &[&str]) -> Self {
        let house = Self { relay: plan.start().await.unwrap() };
        for name in accounts {
            house.account(name).await;
        }
        house
    }

    pub(crate) async fn account(&self, name: &str) {
        self.relay.add_account(&address(name), name).await.unwrap();
    }

    pub(crate) fn server(&self) -> Server {
        Server::new(&self.relay.url(), &Trust::System).unwrap()
    }

    /// The port with TLS.
    pub(crate) fn secure_server(&self, url: &str) -> Server {
        let fingerprint = self.relay.listeners().fingerprint.as_deref().unwrap();
        Server::new(url, &Trust::Fingerprint(parse_fingerprint(fingerprint).unwrap())).unwrap()
    }

    /// A wire to the relay, and the server that a phone reaches through it.
    pub(crate) async fn wire(&self) -> (Wire, Server) {
        let address = self.relay.listeners().http.as_deref().unwrap();
        let wire = Wire::to(address.rsplit_once(':').unwrap().1.parse().unwrap()).await.unwrap();
        let server = Server::new(&format!("http://127.0.0.1:{}", wire.port()), &Trust::System).unwrap();
        (wire, server)
    }

    /// A token for an install of this account's.
    pub(crate) async fn activate(&self, account: &str, install: &str) -> SecretString {
        let address = address(account);
        let request = ActivationRequest {
            access_key: SecretString::from(self.relay.access_key(&address).await.unwrap()),
            address,
            device_token: install.to_owned(),
            platform: "Android".to_owned(),
            name: install.to_owned(),
            app_version: String::new(),
            locale: String::new(),
        };
        Phone::activate(&self.server(), &request).await.unwrap().token
    }

    /// An activated phone without a socket, named `account-number`.
    pub(crate) async fn handset(&self, account: &str, number: usize) -> Handset {
        let install = format!("{account}-{number}");
        let token = self.activate(account, &install).await;
        Handset::new(self.server(), &address(account), &install, token)
    }

    /// Kills the relay and starts it again.
    pub(crate) async fn power_cut(&mut self) {
        self.relay.kill().await.unwrap();
        self.relay.start().await.unwrap();
    }

    /// What `/health/ready` says.
    pub(crate) async fn readiness(&self) -> std::io::Result<String> {
        let admin = self.relay.listeners().admin.as_deref().unwrap();
        let mut socket = TcpStream::connect(admin).await?;
        let request = format!("GET /health/ready HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Waits until the relay calls itself ready, or not ready.
    pub(crate) async fn is_ready(&self, ready: bool) {
        let wanted = if ready { "HTTP/1.1 200" } else { "HTTP/1.1 503" };
        eventually(wanted, async || match self.readiness().await {
            Ok(answer) if answer.starts_with(wanted) => Ok(()),
            other => Err(other),
        })
        .await
        .unwrap();
    }

    /// Looks through the log for panics, errors and what people wrote.
    pub(crate) fn check_log(&self) {
        self.check_log_for(&["panicked", " ERROR ", MARK]);
    }

    /// The same where errors are to be expected.
    pub(crate) fn check_troubled_log(&self) {
        self.check_log_for(&["panicked", MARK]);
    }

    fn check_log_for(&self, words: &[&str]) {
        let log = self.relay.log();
        let bad = |line: &&str| words.iter().any(|word| line.contains(word));
        let found: Vec<_> = log.lines().filter(bad).collect();
        assert!(found.is_empty(), "the relay's log holds:\n{}", found.join("\n"));
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.relay.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("the relay's last words:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// The account's address as phones see it.
pub(crate) fn address(account: &str) -> String {
    format!("sip:{account}@house.test")
}
