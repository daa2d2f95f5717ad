use std::path::Path;

use secrecy::ExposeSecret;
use trunkline_config::{Config, KEYS, Key};
use trunkline_http::{HttpSettings, Stop};

use super::{LogLevel, Origin, Reloader};
use crate::{assembly::Assembly, configuration};

/// What has to stand beside a key for its example to be accepted.
const BESIDE: &[(&str, &[(&str, &str)])] = &[
    ("HTTP_BIND", &[("TRUSTED_PROXIES", "127.0.0.1")]),
    ("ADMIN_BIND", &[("ADMIN_TOKEN", "0123456789abcdef"), PAIR[0], PAIR[1]]),
    ("TLS_CERTIFICATE_FILE", &[PAIR[1]]),
    ("TLS_PRIVATE_KEY_FILE", &[PAIR[0]]),
];
const PAIR: [(&str, &str); 2] =
    [("TLS_CERTIFICATE_FILE", "data/tls/cert.pem"), ("TLS_PRIVATE_KEY_FILE", "data/tls/key.pem")];

/// Values where the table's example needs the world outside.
const INSTEAD: &[(&str, &str)] = &[
    ("ADMIN_TOKEN", "0123456789abcdef"),
    ("DB_CONNECTION", "sqlite:other.db"),
    ("DATA_DIR", "elsewhere"),
    PAIR[0],
    PAIR[1],
];

/// The file that a server starts with, with these keys besides.
fn write(folder: &Path, keys: &[(&str, &str)]) {
    let usual = [
        ("HTTPS_BIND", "127.0.0.1:0"),
        ("HTTP_BIND", "127.0.0.1:0"),
        ("ADMIN_BIND", "127.0.0.1:0"),
        ("DATA_DIR", "data"),
    ];
    let usual = usual.iter().filter(|(key, _)| keys.iter().all(|(other, _)| key != other));
    let lines: String =
        usual.chain(keys).map(|(key, value)| format!("<add key=\"{key}\" value=\"{value}\" />\n")).collect();
    let text = format!("<configuration><appSettings>\n{lines}</appSettings></configuration>");
    std::fs::write(folder.join("test.config"), text).unwrap();
}

/// Everything that the parts of a server go by, as one text, apart from the addresses.
fn in_force(reloader: &Reloader) -> String {
    let doors = reloader.0.doors.settings();
    format!(
        "{:?} {} {}",
        reloader.0.relay.settings(),
        told(&doors),
        reloader.0.origin.log_level.as_ref().unwrap()
    )
}

/// The same for a server that starts with `config`.
fn fresh(config: &Config) -> String {
    let log_level = LogLevel::unused(&config.log_level);
    format!("{:?} {} {log_level}", configuration::relay(config), told(&configuration::http(config)))
}

fn told(doors: &HttpSettings) -> String {
    let HttpSettings {
        https_bind: _,
        http_bind: _,
        admin_bind: _,
        data_dir: _,
        tls_files,
        trusted_proxies,
        allowed_origins,
        allow_websockets,
        sockets_per_address,
        frame_max_bytes,
        poll_hold,
        lagging,
        lagging_bytes_per_sec,
        drain,
        admin_token,
    } = doors;
    let token = admin_token.as_ref().map(ExposeSecret::expose_secret);
    let limits = (sockets_per_address, frame_max_bytes, poll_hold, lagging, lagging_bytes_per_sec, drain);
    format!("{tls_files:?} {trusted_proxies:?} {allowed_origins:?} {allow_websockets} {limits:?} {token:?}")
}

fn example(key: &Key) -> (&'static str, &'static str) {
    let instead = INSTEAD.iter().find(|(name, _)| *name == key.name);
    instead.copied().unwrap_or((key.name, key.example))
}

#[tokio::test]
async fn every_key_is_taken_over_or_told_to_need_a_restart_as_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[]);
    let file = folder.path().join("test.config");
    let config = configuration::load(Some(&file)).unwrap().config;
    let origin = Origin { named: Some(file.clone()), log_level: Some(LogLevel::unused(&config.log_level)) };
    let stop = Stop::default();
    let assembly = Assembly::start(&config, origin, &stop).await.unwrap();
    let reloader = assembly.reloader().clone();
    let before = in_force(&reloader);
    assert_eq!(before, fresh(&config));
    for key in KEYS {
        let beside = BESIDE.iter().find(|(name, _)| *name == key.name).map_or(&[][..], |(_, beside)| *beside);
        let mut keys = vec![example(key)];
        keys.extend(beside);
        if key.name == "MAX_MESSAGE_CHARS" {
            keys[0].1 = "2001";
        }
        write(folder.path(), &keys);
        let view = reloader.reload().await.unwrap_or_else(|refusal| panic!("{}: {refusal}", key.name));
        let (yes, no) =
            if key.live { (&view.applied, &view.restart) } else { (&view.restart, &view.applied) };
        assert!(yes.iter().any(|name| name == key.name), "{}: {view:?}", key.name);
        assert!(!no.iter().any(|name| name == key.name), "{}: {view:?}", key.name);
        let wanted = configuration::load(Some(&file)).unwrap().config;
        assert_eq!(in_force(&reloader), fresh(&wanted), "{}", key.name);
        assert!(
            !key.live || in_force(&reloader) != before,
            "{} changes nothing that anybody reads",
            key.name
        );
        write(folder.path(), &[]);
        reloader.reload().await.unwrap();
        assert_eq!(in_force(&reloader), before, "{} goes back", key.name);
    }
    stop.drain.cancel();
    assembly.run(stop).await.unwrap();
}

/// Settings of every part that a reload would change.
const OTHERS: &[(&str, &str)] =
    &[("LOG_LEVEL", "debug"), ("REQUEST_BURST", "2000"), ("SOCKETS_PER_ADDRESS", "3"), ("DRAIN_SECS", "3")];

/// A server whose log is `log_level`'s and whose file says by now what is in [`OTHERS`].
async fn with_other_settings(folder: &Path, log_level: LogLevel, stop: &Stop) -> Assembly {
    write(folder, &[]);
    let file = folder.join("test.config");
    let config = configuration::load(Some(&file)).unwrap().config;
    let origin = Origin { named: Some(file), log_level: Some(log_level) };
    let assembly = Assembly::start(&config, origin, stop).await.unwrap();
    write(folder, OTHERS);
    assembly
}

/// What the relay and the doors go by, and what counts as taken over.
async fn taken_over(reloader: &Reloader) -> String {
    let (relay, doors) = (reloader.0.relay.settings(), reloader.0.doors.settings());
    format!("{relay:?} {} {:?}", told(&doors), reloader.0.applied.lock().await)
}

#[tokio::test]
async fn a_log_level_that_cannot_be_changed_leaves_everything_else_unchanged_too() {
    let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
    let assembly = with_other_settings(folder.path(), LogLevel::gone(), &stop).await;
    let reloader = assembly.reloader().clone();
    let before = taken_over(&reloader).await;
    let refused = reloader.reload().await.unwrap_err().to_string();
    assert!(refused.contains("LOG_LEVEL cannot be changed"), "{refused}");
    assert!(refused.contains("nothing was changed"), "{refused}");
    assert_eq!(taken_over(&reloader).await, before);
    stop.drain.cancel();
    assembly.run(stop).await.unwrap();
}

#[tokio::test]
async fn a_server_that_stops_takes_nothing_over() {
    let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
    let assembly = with_other_settings(folder.path(), LogLevel::unused("info"), &stop).await;
    let reloader = assembly.reloader().clone();
    let before = taken_over(&reloader).await;
    stop.drain.cancel();
    let refused = reloader.reload().await.unwrap_err().to_string();
    assert!(refused.contains("stopping") && refused.contains("nothing was changed"), "{refused}");
    assert_eq!(taken_over(&reloader).await, before);
    assert_eq!(reloader.0.origin.log_level.as_ref().unwrap().to_string(), "info");
    assembly.run(stop).await.unwrap();
}
