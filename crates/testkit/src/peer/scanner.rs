use std::{
    ffi::OsStr,
    net::{Ipv4Addr, SocketAddr},
    process::{Output, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result};
use rustls::{ClientConfig, crypto::aws_lc_rs::default_provider, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    process::Command,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use trunkline_sip::{Frame, Framer, Limits, Message, Response};

use super::{Authority, Identity, python, tunnel};
use crate::patience;

/// Scanners (sipvicious) that look for servers and accounts. They speak UDP: each datagram goes over a connection with
/// TLS, a new one whenever the server has ended the last.
pub struct Scanner {
    connector: TlsConnector,
    name: ServerName<'static>,
    port: u16,
}

/// What a scan came to.
pub struct Scan {
    /// All that the tool wrote.
    pub told: String,
    /// How many requests it sent.
    pub asked: usize,
    /// What the server answered, in its order.
    pub answers: Vec<Response>,
}

/// The way of one scan.
struct Bridge<'a> {
    scanner: &'a Scanner,
    udp: UdpSocket,
    stream: Option<TlsStream<TcpStream>>,
    framer: Framer,
    client: Option<SocketAddr>,
    scan: Scan,
}

impl Scanner {
    /// One that knows nobody, or shows a certificate, to who has to be `name`, at a port of this machine.
    pub fn new(authority: &Authority, identity: Option<&Identity>, name: &str, port: u16) -> Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(tunnel::roots(authority)?);
        let config = match identity {
            Some(identity) => {
                config.with_client_auth_cert(tunnel::chain(identity)?, tunnel::key(identity)?)?
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from(name.to_owned()).context("not a server's name")?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, port })
    }

    /// Runs a tool, such as `svwar`, to its end.
    pub async fn run(&self, tool: &str, args: &[impl AsRef<OsStr>]) -> Result<Scan> {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = udp.local_addr()?.port().to_string();
        let home = tempfile::tempdir()?;
        let mut command = Command::new(python()?);
        command.args(["-m", &format!("sipvicious.{tool}"), "-p", &port]);
        command.args(["-b", "127.0.0.1", "-x", "127.0.0.1"]).args(args).arg("127.0.0.1");
        command.env("HOME", home.path()).stdin(Stdio::null()).kill_on_drop(true);
        let mut bridge = Bridge {
            scanner: self,
            udp,
            stream: None,
            framer: Framer::new(Limits::default()),
            client: None,
            scan: Scan { told: String::new(), asked: 0, answers: Vec::new() },
        };
        let ended = timeout(patience(), bridge.carry_during(command.output())).await;
        let output = ended.with_context(|| format!("{tool} does not end"))??;
        bridge.scan.told =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        Ok(bridge.scan)
    }
}

impl Bridge<'_> {
    async fn carry_during(&mut self, tool: impl Future<Output = std::io::Result<Output>>) -> Result<Output> {
        tokio::pin!(tool);
        let (mut datagram, mut bytes) = (vec![0; 65_536], vec![0; 16 * 1024]);
        loop {
            tokio::select! {
                output = &mut tool => return output.context("python cannot be started"),
                came = self.udp.recv_from(&mut datagram) => {
                    let (length, from) = came?;
                    self.client = Some(from);
                    self.scan.asked += 1;
                    self.forward(datagram.get(..length).unwrap_or_default()).await;
                }
                read = read(self.stream.as_mut(), &mut bytes) => match read {
                    Some(length) => self.answer(bytes.get(..length).unwrap_or_default()).await?,
                    None => self.stream = None,
                },
            }
        }
    }

    /// Over the connection that there is, or a new one; a server that ends both hears nothing.
    async fn forward(&mut self, request: &[u8]) {
        if let Some(stream) = &mut self.stream
            && stream.write_all(request).await.is_ok()
        {
            return;
        }
        self.framer = Framer::new(Limits::default());
        self.stream = self.connect(request).await.ok();
    }

    async fn connect(&self, request: &[u8]) -> Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, self.scanner.port)).await?;
        let mut stream = self.scanner.connector.connect(self.scanner.name.clone(), tcp).await?;
        stream.write_all(request).await?;
        Ok(stream)
    }

    async fn answer(&mut self, bytes: &[u8]) -> Result<()> {
        self.framer.push(bytes);
        while let Some(frame) = self.framer.pull() {
            if let (Frame::Message(Message::Response(response)), Some(client)) = (frame, self.client) {
                self.udp.send_to(&response.to_bytes(), client).await?;
                self.scan.answers.push(response);
            }
        }
        Ok(())
    }
}

/// `None` when the connection has ended; without one it waits for ever.
async fn read(stream: Option<&mut TlsStream<TcpStream>>, bytes: &mut [u8]) -> Option<usize> {
    match stream {
        Some(stream) => stream.read(bytes).await.ok().filter(|length| *length > 0),
        None => std::future::pending().await,
    }
}
