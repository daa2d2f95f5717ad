//! One connection: reaching a server, encrypting, signing in, and asking.

use std::{path::Path, sync::Arc};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, SearchOptions, StdStream};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

use crate::{
    entry::{ACCOUNT_CONTROL, Entry},
    fault::{Fault, distrust, lost, searched, signed_in},
    settings::{DirectoryServer, DirectorySettings, Encryption, Scope},
};

/// A password is not longer than this, in bytes.
const LONGEST_PASSWORD: usize = 4_096;

/// The bare connection.
pub(crate) async fn reach(server: &DirectoryServer) -> Result<TcpStream, Fault> {
    let tcp = TcpStream::connect((server.host.as_str(), server.port));
    let tcp = tcp.await.map_err(|error| Fault::Server(format!("cannot connect: {error}")))?;
    // Best effort: without it small requests are only slower.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// LDAP on it, inside TLS unless the settings say otherwise.
pub(crate) async fn encrypt(
    server: &DirectoryServer,
    tls: Arc<ClientConfig>,
    tcp: TcpStream,
) -> Result<Ldap, Fault> {
    let tcp = tcp.into_std().map_err(|error| Fault::Server(error.to_string()))?;
    let settings = LdapConnSettings::new()
        .set_std_stream(StdStream::Tcp(tcp))
        .set_starttls(server.encryption == Encryption::StartTls)
        .set_config(tls);
    let begun = LdapConnAsync::with_settings(settings, &server.to_string()).await;
    let (connection, ldap) = begun.map_err(|error| distrust(&error, &server.host))?;
    tokio::spawn(async move {
        // Whoever uses the connection learns of its end; nobody else needs to.
        if let Err(error) = connection.drive().await {
            tracing::debug!(%error, "a connection to the directory ended");
        }
    });
    Ok(ldap)
}

/// Signs in. An empty password is none: servers would let it in as a stranger (RFC 4513 5.1.2).
pub(crate) async fn bind(ldap: &mut Ldap, name: &str, password: &SecretString) -> Result<(), Fault> {
    let answer = ldap.simple_bind(name, password.expose_secret()).await;
    signed_in(&answer.map_err(|error| lost(&error))?)
}

/// The password as the file has it, without the newline at its end.
pub(crate) async fn password(file: &Path) -> Result<SecretString, Fault> {
    let fault = |reason: &str| Fault::SignIn(format!("the password in {} {reason}", file.display()));
    let content = tokio::fs::read(file).await.map_err(|error| fault(&format!("cannot be read: {error}")))?;
    if content.len() > LONGEST_PASSWORD {
        return Err(fault("is longer than 4096 bytes"));
    }
    let text = String::from_utf8(content).map_err(|_| fault("is not UTF-8"))?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(fault("is empty"));
    }
    Ok(SecretString::from(text))
}

/// What a server is asked.
pub(crate) struct Request {
    base: String,
    scope: ldap3::Scope,
    filter: String,
    attributes: Vec<String>,
    size: i32,
    seconds: i32,
}

impl Request {
    /// For people without their photos, or with them.
    pub(crate) fn new(settings: &DirectorySettings, filter: &str, size: usize, photos: bool) -> Self {
        let named = &settings.attributes;
        let mut attributes: Vec<String> =
            named.all().filter(|name| photos || !named.photo.contains(name)).cloned().collect();
        attributes.push(ACCOUNT_CONTROL.to_owned());
        attributes.sort_unstable();
        attributes.dedup();
        Self {
            base: settings.base.clone(),
            scope: match settings.scope {
                Scope::Subtree => ldap3::Scope::Subtree,
                Scope::OneLevel => ldap3::Scope::OneLevel,
            },
            filter: filter.to_owned(),
            attributes,
            size: i32::try_from(size).unwrap_or(i32::MAX),
            // Whole seconds, and 0 would be none: the server gives up before the relay does.
            seconds: i32::try_from(settings.patience.as_secs()).unwrap_or(i32::MAX).saturating_sub(1).max(1),
        }
    }
}

/// What a server answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) entries: Vec<Entry>,
    /// Whether it had more.
    pub(crate) cut: bool,
}

/// Asks on a connection that is signed in.
pub(crate) async fn ask(ldap: &mut Ldap, request: &Request) -> Result<Answer, Fault> {
    let options = SearchOptions::new().sizelimit(request.size).timelimit(request.seconds);
    let search = ldap.with_search_options(options).streaming_search(
        &request.base,
        request.scope,
        &request.filter,
        &request.attributes,
    );
    let mut stream = search.await.map_err(|error| lost(&error))?;
    let mut answer = Answer::default();
    let most = usize::try_from(request.size).unwrap_or(usize::MAX);
    while let Some(entry) = stream.next().await.map_err(|error| lost(&error))? {
        if entry.is_ref() || entry.is_intermediate() {
            continue;
        }
        if answer.entries.len() >= most {
            // It does not keep to the limit that it was given.
            return Err(Fault::Lost("the server sends more than it was asked for".into()));
        }
        answer.entries.extend(Entry::read(entry));
    }
    answer.cut = searched(&stream.finish().await)?;
    Ok(answer)
}
