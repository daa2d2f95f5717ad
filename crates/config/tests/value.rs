//! What values become, and where the file is looked for.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::ExposeSecret;
use trunkline_config::{
    BackendConfig, Config, Database, Diagnostics, DirectoryField, KEYS, LogFormat, Lookup, LyncAccept,
    XmppTls, load, locate, parse,
};

/// A world of a few variables and files.
#[derive(Default)]
struct World {
    variables: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
}

impl Lookup for World {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(OsString::from)
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = path.to_str().and_then(|path| self.files.get(path));
        content.map(|content| content.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn openable(&self, path: &Path) -> io::Result<()> {
        self.file(path).map(drop)
    }
}

fn with_keys(keys: &[(&str, &str)], world: &World) -> Result<Config, Diagnostics> {
    let lines: String =
        keys.iter().map(|(key, value)| format!("<add key=\"{key}\" value=\"{value}\" />\n")).collect();
    let text = format!("<configuration><appSettings>\n{lines}</appSettings></configuration>");
    parse(&text, "test.config", Path::new("/etc/trunkline"), world).map(|(config, _)| config)
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}

#[test]
fn the_defaults_are_those_of_the_table() {
    let config = Config::default();
    assert_eq!(config.https_bind, address("0.0.0.0:8082"));
    assert_eq!(config.http_bind, address("127.0.0.1:8080"));
    assert_eq!(config.admin_bind, address("127.0.0.1:8443"));
    assert!(config.admin_token.is_none() && config.tls_certificate_file.is_none());
    assert_eq!(config.data_dir, Path::new("./data"));
    assert_eq!(config.master_key_file, Path::new("./data/master.key"));
    assert!(
        matches!(&config.db_connection, Database::Sqlite(file) if file == Path::new("./data/trunkline.db"))
    );
    assert_eq!(config.session_timeout, Duration::from_secs(86_400));
    assert_eq!(config.message_retention, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(config.line_keep, Duration::from_secs(720 * 3600));
    assert_eq!(config.send_outcome_wait, Duration::from_millis(3000));
    assert_eq!(config.log_format, LogFormat::Text);
    assert!(config.allow_websockets && !config.enable_persistent_chat && config.backends.is_empty());
}

#[test]
fn every_example_is_a_value_of_its_key() {
    let mut world = World::default();
    world.variables.insert("TRUNKLINE_ADMIN_TOKEN", "0123456789abcdef");
    world.variables.insert("TRUNKLINE_DB", "postgres://trunkline:secret@db/trunkline");
    world.files.insert("/etc/trunkline/tls/fullchain.pem", "");
    world.files.insert("/etc/trunkline/tls/privkey.pem", "");
    for key in KEYS.iter().filter(|key| key.section != "TLS") {
        let mut keys = vec![(key.name, key.example)];
        // What an example needs beside it.
        let tls = ["TLS_CERTIFICATE_FILE", "TLS_PRIVATE_KEY_FILE", "ADMIN_TOKEN", "TRUSTED_PROXIES"];
        let beside = KEYS.iter().filter(|other| tls.contains(&other.name) && other.name != key.name);
        let beside: Vec<_> = beside.map(|other| (other.name, other.example)).collect();
        let before = with_keys(&beside, &world);
        keys.extend(beside);
        if key.name == "MAX_MESSAGE_CHARS" {
            keys.push(("FRAME_MAX_BYTES", "65536"));
        }
        let (before, after) = match (before, with_keys(&keys, &world)) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(problems), _) | (_, Err(problems)) => panic!("{problems}"),
        };
        let differences = before.differences(&after);
        let list = if key.live { &differences.live } else { &differences.restart };
        assert!(list.contains(&key.name), "{}: {differences:?}", key.name);
        assert_ne!(key.example, key.default, "{}", key.name);
    }
}

#[test]
fn paths_start_at_the_folder_of_the_file_or_at_data_dir() {
    let keys =
        [("DATA_DIR", "./var"), ("MASTER_KEY_FILE", "keys/master"), ("DB_CONNECTION", "sqlite://x.db")];
    let config = with_keys(&keys, &World::default()).unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/trunkline/var"));
    assert_eq!(config.master_key_file, Path::new("/etc/trunkline/var/keys/master"));
    assert!(
        matches!(&config.db_connection, Database::Sqlite(f) if f == Path::new("/etc/trunkline/var/x.db"))
    );

    let config =
        with_keys(&[("MASTER_KEY_FILE", "/run/key"), ("DB_CONNECTION", "sqlite:///x.db")], &World::default());
    let config = config.unwrap();
    assert_eq!(
        (config.data_dir.as_path(), config.master_key_file.as_path()),
        (Path::new("./data"), Path::new("/run/key"))
    );
    assert!(matches!(&config.db_connection, Database::Sqlite(f) if f == Path::new("/x.db")));
}

#[test]
fn empty_values_mean_off_and_zero_days_mean_for_ever() {
    let keys =
        [("HTTP_BIND", ""), ("ADMIN_BIND", ""), ("MESSAGE_RETENTION_DAYS", "0"), ("TRUSTED_PROXIES", " , ")];
    let config = with_keys(&keys, &World::default()).unwrap();
    assert_eq!((config.http_bind, config.admin_bind, config.message_retention), (None, None, None));
    assert!(config.trusted_proxies.is_empty());
}

#[test]
fn lists_are_normalised() {
    let keys = [
        ("TRUSTED_PROXIES", "10.1.2.3/8, ::1,192.0.2.7"),
        ("ALLOWED_ORIGINS", "HTTPS://Chat.Corp.Test:443 , http://[::1]:8000"),
    ];
    let config = with_keys(&keys, &World::default()).unwrap();
    let shown: Vec<String> = config.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]);
    assert_eq!(config.allowed_origins, ["https://chat.corp.test", "http://[::1]:8000"]);
}

#[test]
fn values_from_elsewhere_are_read_and_never_shown() {
    let mut world = World::default();
    world.variables.insert("BIND", "127.0.0.1:4711");
    world.variables.insert("HOST", "hidden.corp.test");
    world.files.insert("/etc/trunkline/token", "hunter2hunter2hunter2\r\n");
    let text = r#"<configuration><appSettings>
        <add key="HTTP_BIND" value="env:BIND" />
        <add key="ADMIN_TOKEN" value="file:token" />
        <add key="DB_CONNECTION" value="postgres://u:hunter2@db/x" />
        </appSettings><backends><backend kind="xmpp" domain="corp.test" host="env:HOST" tls="direct" /></backends>
        </configuration>"#;
    let (config, _) = parse(text, "test.config", Path::new("/etc/trunkline"), &world).unwrap();
    assert_eq!(config.http_bind, address("127.0.0.1:4711"));
    assert_eq!(config.admin_token.as_ref().unwrap().expose_secret(), "hunter2hunter2hunter2");
    let [BackendConfig::Xmpp(xmpp)] = config.backends.as_slice() else { panic!("{config:?}") };
    assert_eq!((xmpp.host.as_str(), xmpp.port, xmpp.tls), ("hidden.corp.test", 5223, XmppTls::Direct));
    assert_eq!((xmpp.server_name.as_str(), xmpp.login_rate), ("corp.test", 50));
    let shown = format!("{config:?}");
    for secret in ["hunter2", "4711", "hidden"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("http_bind: <env:BIND>") && shown.contains("host: <env:HOST>"), "{shown}");
}

#[test]
fn a_value_from_elsewhere_that_is_wrong_is_not_shown_either() {
    let mut world = World::default();
    world.variables.insert("RATE", "hunter2");
    let problems = with_keys(&[("REQUEST_RATE", "env:RATE")], &world).unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    error[C032]: REQUEST_RATE is not a whole number
     --> test.config:2:32
      |
    2 | <add key="REQUEST_RATE" value="env:RATE" />
      |                                ^^^^^^^^ expected a whole number of requests from 1 to 1000000
      = note: the value itself is not shown, because it does not stand in this file

    error: test.config has 1 error
    "#);
}

#[test]
fn a_lync_backend_has_names_in_lower_case_and_defaults() {
    let mut world = World::default();
    for file in ["/etc/trunkline/relay.pem", "/etc/trunkline/key.pem", "/etc/trunkline/ca.pem"] {
        world.files.insert(file, "");
    }
    world.variables.insert("PEERS", "Pool.contoso.test FE1.Contoso.Test,fe1.contoso.test");
    let text = r#"<configuration><backends><backend kind="lync" domain="contoso.test" pool="Pool.Contoso.Test."
        localFqdn="Relay.contoso.test" listen="0.0.0.0:6001" certificateFile="relay.pem" privateKeyFile="key.pem"
        caFile="ca.pem" allowedPeers="env:PEERS" declineWith="603" /></backends></configuration>"#;
    let (config, warnings) = parse(text, "test.config", Path::new("/etc/trunkline"), &world).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let [BackendConfig::Lync(lync)] = config.backends.as_slice() else { panic!("{config:?}") };
    assert_eq!(
        (lync.pool.as_str(), lync.local_fqdn.as_str(), lync.host.as_deref(), lync.port),
        ("pool.contoso.test", "relay.contoso.test", None, 5061)
    );
    assert_eq!(lync.allowed_peers, ["pool.contoso.test", "fe1.contoso.test"]);
    assert_eq!(lync.ca_file, Path::new("/etc/trunkline/ca.pem"));
    assert_eq!(
        (lync.accept, lync.decline_with.status(), lync.login_rate),
        (LyncAccept::OnlyEndpoint, 603, 50)
    );
    assert!(!lync.legacy_tls);
    assert!(!format!("{config:?}").contains("fe1."), "what came by reference is not shown");
}

#[test]
fn a_lync_backend_whose_trust_changes_needs_no_restart() {
    let mut world = World::default();
    for file in ["/etc/trunkline/relay.pem", "/etc/trunkline/other.pem"] {
        world.files.insert(file, "");
    }
    world.variables.insert("PEERS", "pool.contoso.test");
    world.variables.insert("GRUU", "sip:relay.contoso.test@contoso.test;gruu;opaque=srvr:relay:Ab");
    let parsed = |attributes: &str| {
        let text = format!(
            r#"<configuration><backends><backend kind="lync" domain="contoso.test" pool="pool.contoso.test"
            localFqdn="relay.contoso.test" listen="0.0.0.0:6001" certificateFile="relay.pem"
            privateKeyFile="relay.pem" {attributes} /></backends></configuration>"#
        );
        parse(&text, "test.config", Path::new("/etc/trunkline"), &world).unwrap().0
    };
    let differences = |before: &str, after: &str| {
        let differences = parsed(before).differences(&parsed(after));
        (differences.live.contains(&"backends"), differences.restart.contains(&"backends"))
    };
    let usual = r#"caFile="relay.pem" allowedPeers="pool.contoso.test""#;
    let trust = r#"caFile="other.pem" allowedPeers="env:PEERS" legacyTls="true""#;
    let gruu = r#"gruu="env:GRUU""#;
    assert_eq!(differences(usual, usual), (false, false));
    assert_eq!(differences(usual, trust), (true, false));
    assert_eq!(differences(trust, usual), (true, false));
    assert_eq!(differences(&format!("{usual} {gruu}"), &format!("{trust} {gruu}")), (true, false));
    assert_eq!(differences(usual, &format!("{usual} {gruu}")), (false, true));
    assert_eq!(differences(&format!("{trust} {gruu}"), &format!("{usual} accept=\"user\"")), (true, true));
}

#[test]
fn a_directory_has_the_defaults_of_its_schema_where_nothing_else_is_said() {
    let mut world = World::default();
    world.files.insert("/etc/trunkline/password", "");
    world.variables.insert("READER", "cn=hidden");
    let text = r#"<configuration><directories><directory domain="Contoso.test" bindDn="env:READER"
        url=" LDAPS://DC1.contoso.test  ldap://127.0.0.1:3389/ ldaps://dc1.contoso.test:636" base="DC=contoso,DC=test"
        passwordFile="password" tls="none" attributes="address=mail,imAddress office=" /></directories></configuration>"#;
    let (config, warnings) = parse(text, "test.config", Path::new("/etc/trunkline"), &world).unwrap();
    assert!(warnings.is_empty(), "a server on this computer may be spoken to without TLS: {warnings:?}");
    let [directory] = config.directories.as_slice() else { panic!("{config:?}") };
    let servers: Vec<_> =
        directory.servers.iter().map(|server| (server.ldaps, server.host.as_str(), server.port)).collect();
    assert_eq!(servers, [(true, "dc1.contoso.test", 636), (false, "127.0.0.1", 3389)]);
    assert_eq!((directory.domain.as_str(), directory.bind_dn.as_str()), ("contoso.test", "cn=hidden"));
    assert_eq!(directory.password_file, Path::new("/etc/trunkline/password"));
    assert!(directory.filter.contains("userAccountControl") && directory.filter.contains("{search}"));
    let of = |wanted| {
        let found = directory.attributes.iter().find(|(field, _)| *field == wanted);
        found.map(|(_, names)| names.join(",")).unwrap()
    };
    assert_eq!(of(DirectoryField::Address), "mail,imAddress", "instead of those of Active Directory");
    assert_eq!((of(DirectoryField::Office).as_str(), of(DirectoryField::LastName).as_str()), ("", "sn"));
    assert_eq!((directory.size_limit, directory.connections, directory.timeout.as_secs()), (200, 4, 4));
    assert!(!format!("{config:?}").contains("hidden"), "what came by reference is not shown");
}

#[test]
fn domains_are_those_of_addresses() {
    let text = "<configuration><backends><backend kind=\"xmpp\" domain=\"Bu\u{308}ro.Test\" host=\"a\" /></backends></configuration>";
    let (config, _) = parse(text, "test.config", Path::new(""), &World::default()).unwrap();
    let address: trunkline_model::Address = "x@B\u{fc}ro.test".parse().unwrap();
    assert_eq!(config.backends[0].domain(), address.domain());
}

#[test]
fn the_file_is_looked_for_in_order() {
    let mut world = World::default();
    assert_eq!(locate(None, &world), None);
    let system = "/etc/trunkline/GoodConnectServer.exe.config";
    world.files.insert(system, "");
    assert_eq!(locate(None, &world), Some(PathBuf::from(system)));
    world.files.insert("GoodConnectServer.exe.config", "");
    assert_eq!(locate(None, &world), Some(PathBuf::from("GoodConnectServer.exe.config")));
    world.variables.insert("TRUNKLINE_CONFIG", "");
    assert_eq!(locate(None, &world), Some(PathBuf::from("GoodConnectServer.exe.config")));
    world.variables.insert("TRUNKLINE_CONFIG", "/a.config");
    assert_eq!(locate(None, &world), Some(PathBuf::from("/a.config")));
    assert_eq!(locate(Some(Path::new("b.config")), &world), Some(PathBuf::from("b.config")));
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let large = [b"<!--".as_slice(), &[b' '; 1024 * 1024], b"-->"].concat();
    for (path, code, words) in [
        (folder.path().join("none"), "C001", "it is not there"),
        (folder.path().to_owned(), "C001", "it is a folder"),
        (write("large", &large), "C001", "larger than 1 MiB"),
        (write("latin1", b"<configuration>\n<!-- B\xfcro -->\n</configuration>"), "C002", "line 2"),
        (write("empty", b""), "C010", "no configuration"),
    ] {
        let problems = load(&path).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.code(), code, "{problems}");
        assert!(problem.message().contains(words), "{problems}");
    }
    let (config, _) =
        load(&write("bom", "\u{FEFF}<?xml version=\"1.0\"?>\r\n<configuration/>".as_bytes())).unwrap();
    assert_eq!(config.data_dir, Path::new("./data"));
}
