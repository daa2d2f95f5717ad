use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{Authority, Identity, free_port};
use crate::eventually;

const SCHEMA: &str = include_str!("slapd/contoso.schema");

/// Debian's OpenLDAP server in a temporary folder, with people in attributes of Active Directory; killed when dropped.
pub struct Slapd {
    // Before the folder: fields go in this order, and a living server writes into what is being removed.
    running: Option<Child>,
    folder: TempDir,
    authority: Authority,
    port: u16,
    tls_port: u16,
}

/// Somebody in the directory; what is empty is not there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Somebody<'a> {
    /// What the entry is called, unique.
    pub uid: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// First names.
    pub first: &'a str,
    /// Family name.
    pub last: &'a str,
    /// `msRTCSIP-PrimaryUserAddress`.
    pub sip: &'a str,
    /// `proxyAddresses`.
    pub proxies: &'a [&'a str],
    /// E-mail address.
    pub mail: &'a str,
    /// Desk phone.
    pub phone: &'a str,
    /// Mobile phone.
    pub mobile: &'a str,
    /// Job title.
    pub title: &'a str,
    /// Department.
    pub department: &'a str,
    /// `thumbnailPhoto`, the file.
    pub photo: &'a [u8],
    /// Whether the account is disabled.
    pub disabled: bool,
}

impl Slapd {
    /// The domain of the directory.
    pub const DOMAIN: &'static str = "contoso.test";
    /// The entry that everything is below.
    pub const BASE: &'static str = "dc=contoso,dc=test";
    /// Who may read it.
    pub const READER: &'static str = "cn=relay,dc=contoso,dc=test";
    /// That one's password.
    pub const PASSWORD: &'static str = "swordfish Ünlöck";

    /// A server with these people, on the loopback interface, whose certificate names its address; ready to be asked.
    pub async fn start(people: &[Somebody<'_>]) -> Result<Self> {
        ensure!(
            Path::new("/usr/sbin/slapd").exists(),
            "the test needs a real LDAP server: apt-get install slapd ldap-utils"
        );
        let folder = TempDir::with_prefix("slapd-")?;
        let authority = Authority::new()?;
        let mut slapd = Self { running: None, folder, authority, port: free_port()?, tls_port: free_port()? };
        slapd.write_files(people)?;
        slapd.certificate(&slapd.authority.identity(&["127.0.0.1", "localhost"])?)?;
        slapd.fill().await?;
        slapd.start_again().await?;
        Ok(slapd)
    }

    /// Where it speaks TLS from the first byte.
    pub fn url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// Where it speaks in the clear, or TLS after StartTLS.
    pub fn plain_url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// The port of [`Slapd::url`].
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The port of [`Slapd::plain_url`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// PEM file with the authority that signs its certificates.
    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// The file with [`Slapd::PASSWORD`].
    pub fn password_file(&self) -> PathBuf {
        self.file("password")
    }

    /// Who signs its certificates.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Gives it another certificate, from its next start on.
    pub fn certificate(&self, identity: &Identity) -> Result<()> {
        fs::write(self.file("server.pem"), &identity.certificate_pem)?;
        fs::write(self.file("server.key"), &identity.key_pem)?;
        Ok(())
    }

    /// Ends it without warning.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.running.take() {
            child.kill().await.context("cannot kill slapd")?;
        }
        Ok(())
    }

    /// Starts it again on the same ports with the same people.
    pub async fn start_again(&mut self) -> Result<()> {
        self.kill().await?;
        let child = Command::new("/usr/sbin/slapd")
            .args(["-d", "0", "-h"])
            .arg(format!("{} {}", self.url(), self.plain_url()))
            .arg("-f")
            .arg(self.file("slapd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.file("slapd.log"))?)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start slapd")?;
        self.running = Some(child);
        let ports = [self.port, self.tls_port];
        eventually("slapd listens", async || {
            for port in ports {
                TcpStream::connect(("127.0.0.1", port)).await.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        })
        .await
        .with_context(|| {
            format!("slapd's log:\n{}", fs::read_to_string(self.file("slapd.log")).unwrap_or_default())
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_files(&self, people: &[Somebody<'_>]) -> Result<()> {
        fs::create_dir(self.file("people"))?;
        fs::write(self.file("contoso.schema"), SCHEMA)?;
        fs::write(self.file("ca.pem"), self.authority.certificate_pem())?;
        fs::write(self.file("password"), format!("{}\n", Self::PASSWORD))?;
        fs::write(self.file("people.ldif"), ldif(people))?;
        fs::write(self.file("slapd.conf"), self.config())?;
        Ok(())
    }

    fn config(&self) -> String {
        let folder = self.folder.path().display();
        let base = Self::BASE;
        format!(
            "include /etc/ldap/schema/core.schema\n\
             include /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\n\
             include {folder}/contoso.schema\n\
             modulepath /usr/lib/ldap\n\
             moduleload back_mdb\n\
             pidfile {folder}/slapd.pid\n\
             TLSCACertificateFile {folder}/ca.pem\n\
             TLSCertificateFile {folder}/server.pem\n\
             TLSCertificateKeyFile {folder}/server.key\n\
             sizelimit 1000\n\
             database mdb\n\
             suffix \"{base}\"\n\
             rootdn \"cn=admin,{base}\"\n\
             directory {folder}/people\n\
             maxsize 134217728\n\
             dbnosync\n\
             index objectClass eq\n\
             index displayName,givenName,sn,mail pres,eq,sub\n\
             access to attrs=userPassword by anonymous auth by * none\n\
             access to * by dn.exact=\"{}\" read by * none\n",
            Self::READER
        )
    }

    async fn fill(&self) -> Result<()> {
        let filled = Command::new("/usr/sbin/slapadd")
            .arg("-q")
            .arg("-f")
            .arg(self.file("slapd.conf"))
            .arg("-l")
            .arg(self.file("people.ldif"))
            .output()
            .await
            .context("cannot run slapadd")?;
        ensure!(filled.status.success(), "slapadd: {}", String::from_utf8_lossy(&filled.stderr));
        Ok(())
    }
}

/// RFC 2849.
fn ldif(people: &[Somebody<'_>]) -> String {
    let mut text = String::new();
    let base = Slapd::BASE;
    line(&mut text, "dn", base);
    text += "objectClass: dcObject\nobjectClass: organization\no: Contoso\ndc: contoso\n\n";
    line(&mut text, "dn", Slapd::READER);
    text += "objectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: relay\n";
    line(&mut text, "userPassword", Slapd::PASSWORD);
    for somebody in people {
        text += "\n";
        line(&mut text, "dn", format!("uid={},{base}", somebody.uid));
        text += "objectClass: user\nobjectCategory: person\n";
        let control = if somebody.disabled { "514" } else { "512" };
        for (attribute, value) in [
            ("uid", somebody.uid),
            ("cn", either(somebody.name, somebody.uid)),
            ("sn", either(somebody.last, somebody.uid)),
            ("displayName", somebody.name),
            ("givenName", somebody.first),
            ("msRTCSIP-PrimaryUserAddress", somebody.sip),
            ("mail", somebody.mail),
            ("telephoneNumber", somebody.phone),
            ("mobile", somebody.mobile),
            ("title", somebody.title),
            ("department", somebody.department),
            ("userAccountControl", control),
        ] {
            line(&mut text, attribute, value);
        }
        line(&mut text, "thumbnailPhoto", somebody.photo);
        somebody.proxies.iter().for_each(|proxy| line(&mut text, "proxyAddresses", proxy));
    }
    text
}

fn either<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.is_empty() { other } else { one }
}

/// Base64 takes every character.
fn line(text: &mut String, attribute: &str, value: impl AsRef<[u8]>) {
    let value = value.as_ref();
    if !value.is_empty() {
        let _ = writeln!(text, "{attribute}:: {}", STANDARD.encode(value));
    }
}
