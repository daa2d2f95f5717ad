//! The metrics of the real program: documented one by one, and moved by what they count.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
};

use serde_json::json;
use trunkline_testkit::Relay;

use crate::{
    device::Device,
    house::{House, sip},
    plain::exchange,
};

/// A scraped page.
pub(crate) struct Page(String);

impl Page {
    pub(crate) async fn of(house: &House) -> Self {
        let admin = house.relay.listeners().admin.clone().unwrap();
        let get = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        Self(exchange(&admin, get.as_bytes()).await.body)
    }

    /// The samples of this name whose labels hold all of these, summed up.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let samples = self.0.lines().filter_map(|line| line.rsplit_once(' '));
        let fits = |key: &&str| {
            let (sample, rest) = key.split_once('{').unwrap_or((key, ""));
            sample == name && labels.iter().all(|label| rest.contains(label))
        };
        samples.filter(|(key, _)| fits(key)).map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    }

    /// Name of the metric as samples have it, and the words of its HELP, its TYPE, and its labels.
    fn described(&self) -> BTreeMap<String, (String, String, BTreeSet<String>)> {
        let mut all = BTreeMap::new();
        for line in self.0.lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
                let kind = self.0.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")));
                let kind = kind.unwrap_or_else(|| panic!("{name} has no type"));
                let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
                all.insert(name, (kind.to_owned(), help.to_owned(), BTreeSet::new()));
            }
        }
        for (sample, labels) in self.0.lines().filter_map(|line| line.split_once('{')) {
            let name = ["_bucket", ""].iter().find_map(|end| sample.strip_suffix(end)).unwrap_or(sample);
            let (_, _, known) = all.get_mut(name).unwrap_or_else(|| panic!("{sample} has no HELP"));
            let names = labels
                .split('"')
                .step_by(2)
                .filter_map(|name| name.trim_matches([',', '=']).split('=').next());
            known.extend(
                names
                    .filter(|name| !name.starts_with('}') && !name.is_empty() && *name != "le")
                    .map(str::to_owned),
            );
        }
        all
    }
}

const BACKEND: &str = r#"<backend kind="xmpp" domain="away.test" host="127.0.0.1" port="9" />"#;

/// A directory whose server is not there.
const DIRECTORY: &str = r#"<directory domain="example.test" url="ldap://127.0.0.1:9" tls="none" bindDn="cn=nobody"
    passwordFile="/dev/null" base="dc=example,dc=test" />"#;

/// A relay with a line that never comes up, and people who have done what is counted.
async fn busy() -> (House, Device, Device) {
    let relay = Relay::of(env!("CARGO_BIN_EXE_trunkline")).backend(BACKEND).set("LINE_WAIT_MS", "100");
    let relay = relay.directory(DIRECTORY).set("SEND_OUTCOME_WAIT_MS", "100").start().await.unwrap();
    let house = House::of(relay);
    let (mut ana, bo) = house.pair("ana", "bo").await;
    ana.refused(1012, "AddContact", json!({"contactId": "nobody"})).await;
    ana.well("SearchDirectory", json!({"keySearch": "bo", "typeSearch": "name"})).await;
    ana.well("GetContactPhotos", json!({"contactIds": [sip("bo")]})).await;
    house.relay.add_account("sip:cy@away.test", "Cy").await.unwrap();
    let pass = house.pass_of("sip:cy@away.test", "cy-1").await;
    let mut cy = Device::opened(&pass, -1).await;
    let params = json!({"gdAuthToken": pass.token, "deviceToken": pass.device_token, "imPassword": "x"});
    cy.well("BeginSession", params).await;
    cy.say("sip:di@away.test", "m-1", "waits").await;
    cy.socket.close(1001).await;
    let last = bo.last;
    (house, ana, bo.resumed(last).await)
}

#[tokio::test]
async fn every_metric_moves_with_what_it_counts() {
    let (house, mut ana, mut bo) = busy().await;
    ana.say(&sip("bo"), "m-2", "live").await;
    bo.message("live").await;
    bo.settle().await;
    let page = Page::of(&house).await;
    let local = ["backend=\"local\"", "domain=\"\""];
    let away = ["backend=\"xmpp\"", "domain=\"away.test\""];
    let waits = ["backend=\"xmpp\"", "state=\"stored\""];
    let confirmed = ["backend=\"local\"", "outcome=\"confirmed\""];
    let exactly: &[(&str, &[&str], f64)] = &[
        ("trunkline_sessions", &[], 3.0),
        ("trunkline_sockets", &[], 2.0),
        ("trunkline_http_sockets_open", &[], 2.0),
        ("trunkline_lines", &["backend=\"local\"", "state=\"connected\""], 2.0),
        ("trunkline_lines", &["domain=\"away.test\"", "state=\"connecting\""], 1.0),
        ("trunkline_messages_stored_total", &local, 2.0),
        ("trunkline_messages_settled_total", &confirmed, 2.0),
        ("trunkline_messages_stored_total", &away, 1.0),
        ("trunkline_messages_settled_total", &away, 0.0),
        ("trunkline_outbox_messages", &waits, 1.0),
        ("trunkline_outbox_messages", &["state=\"submitted\""], 0.0),
        ("trunkline_request_errors_total", &["code=\"1012\""], 1.0),
        ("trunkline_activations_total", &["result=\"done\""], 3.0),
        ("trunkline_http_requests_total", &["route=\"activation\"", "status=\"201\""], 3.0),
        ("trunkline_session_resumes_total", &[], 1.0),
        (
            "trunkline_directory_searches_total",
            &["domain=\"example.test\"", "result=\"sign_in_refused\""],
            1.0,
        ),
        ("trunkline_database_up", &[], 1.0),
        ("trunkline_build_info", &[], 1.0),
    ];
    for (name, labels, value) in exactly {
        #[allow(clippy::float_cmp, reason = "whole numbers")]
        let same = page.sum(name, labels) == *value;
        assert!(same, "{name} {labels:?} is not {value}\n{}", page.0);
    }
    let risen = [
        ("trunkline_outbox_oldest_seconds", &["domain=\"away.test\""][..]),
        ("trunkline_directory_lookups_total", &["result=\"sign_in_refused\""]),
        ("trunkline_delivery_seconds_count", &[]),
        ("trunkline_store_commit_seconds_count", &[]),
        ("trunkline_store_commit_commands_sum", &[]),
        ("trunkline_database_bytes", &["engine=\"sqlite\""]),
        ("trunkline_database_free_bytes", &[]),
        ("trunkline_certificate_not_after_seconds", &[]),
        ("process_cpu_seconds_total", &[]),
        ("process_resident_memory_bytes", &[]),
        ("process_open_fds", &[]),
        ("process_max_fds", &[]),
        ("process_threads", &[]),
        ("process_start_time_seconds", &[]),
    ];
    for (name, labels) in risen {
        assert!(page.sum(name, labels) > 0.0, "{name} {labels:?}\n{}", page.0);
    }
    let known: BTreeSet<&str> =
        exactly.iter().map(|(name, ..)| *name).chain(risen.iter().map(|(name, _)| *name)).collect();
    let known: BTreeSet<&str> =
        known.iter().map(|name| name.trim_end_matches("_count").trim_end_matches("_sum")).collect();
    for name in page.described().keys().filter(|name| !known.contains(name.as_str())) {
        assert!(ELSEWHERE.contains(&name.as_str()), "{name}: no test makes it move");
    }
}

/// What moves in tests of its own: with faults, slow phones, strangers, and IM systems that answer.
const ELSEWHERE: [&str; 19] = [
    "trunkline_backend_certificate_not_after_seconds",
    "trunkline_entries_reread_total",
    "trunkline_http_connections_open",
    "trunkline_http_handshakes_failed_total",
    "trunkline_http_socket_closes_total",
    "trunkline_messages_blocked_total",
    "trunkline_messages_put_back_total",
    "trunkline_messages_received_total",
    "trunkline_messages_resettled_total",
    "trunkline_panics_total",
    "trunkline_polls",
    "trunkline_refusals_total",
    "trunkline_sessions_lagging",
    "trunkline_sessions_waiting_bytes",
    "trunkline_sessions_waiting_bytes_max",
    "trunkline_sockets_lagging_total",
    "trunkline_store_commands_failed_total",
    "trunkline_store_damaged",
    "trunkline_store_queue_commands",
];

#[tokio::test]
async fn what_waits_is_read_back_and_closes_are_counted() {
    let house = House::open().await;
    let (mut ana, bo) = house.pair("ana", "bo").await;
    let (pass, last) = (bo.pass.clone(), bo.last);
    bo.socket.close(1000).await;
    for n in 0..3 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("missed {n}")).await;
    }
    let before = Page::of(&house).await.sum("trunkline_entries_reread_total", &[]);
    let mut bo = Device::opened(&pass, last).await;
    bo.message("missed 2").await;
    let page = Page::of(&house).await;
    assert!(page.sum("trunkline_entries_reread_total", &[]) >= before + 3.0);
    assert_eq!(page.sum("trunkline_http_socket_closes_total", &["code=\"1000\""]), 1.0);
}

#[tokio::test]
async fn a_deleted_database_is_told_in_plain_words_before_anybody_sends() {
    let house = House::open().await;
    let admin = house.relay.listeners().admin.clone().unwrap();
    let get = format!("GET /health/ready HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(&admin, get.as_bytes()).await.status, 200);
    let file = fs::read_dir(house.relay.data_dir()).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|end| end == "db").then_some(path)
    });
    fs::remove_file(file.unwrap()).unwrap();
    let answer = exchange(&admin, get.as_bytes()).await;
    assert_eq!(answer.status, 503);
    let page: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let problem = page["database"]["problem"].as_str().unwrap();
    assert!(problem.contains("deleted or moved"), "{problem}");
}

#[tokio::test]
async fn the_metrics_in_the_docs_are_those_of_the_program() {
    let (house, ana, bo) = busy().await;
    bo.socket.close(1000).await;
    drop(ana);
    // Each family has then been used, and shows its labels.
    exchange(house.relay.listeners().https.as_deref().unwrap(), b"GET / HTTP/1.1\r\n\r\n").await;
    let page = Page::of(&house).await;
    let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for (name, (kind, help, labels)) in page.described() {
        assert!(!help.is_empty(), "{name} has no help");
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let help = help.trim_end_matches('.');
        table += &format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", "));
    }
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/metrics.md"].iter().collect();
    let kept = fs::read_to_string(&path).unwrap();
    let head = kept.split_once("-->\n").unwrap().0;
    let made = format!("{head}-->\n\n{table}");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    for (kept, made) in kept.lines().zip(made.lines()) {
        assert_eq!(kept, made, "docs/metrics.md is old: run `cargo xtask gen`");
    }
    assert_eq!(kept.lines().count(), made.lines().count());
}

#[test]
fn the_rules_for_alerts_name_metrics_that_exist() {
    let file =
        |path: &str| fs::read_to_string(format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (rules, docs) = (file("deploy/alerts.yml"), file("docs/metrics.md"));
    let words = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics: BTreeSet<&str> =
        words.filter(|word| word.starts_with("trunkline_") || word.starts_with("process_")).collect();
    assert!(metrics.len() > 10, "{metrics:?}");
    for metric in metrics {
        let name = metric.trim_end_matches("_bucket");
        assert!(
            docs.contains(&format!("| `{name}` |")),
            "alerts.yml names {metric}, which docs/metrics.md does not"
        );
    }
}
