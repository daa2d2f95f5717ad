//! People who are found in a real LDAP server beside whom the relay knows.

use std::process::Command;

use secrecy::SecretString;
use serde_json::{Value, json};
use trunkline_client::{ActivationRequest, Phone, Profile, Server, Trust};
use trunkline_testkit::{
    Relay, eventually, patience,
    peer::{Slapd, Somebody},
};

use crate::house::plan;

/// A directory, and a relay whose accounts of its domain live on the relay itself.
struct Office {
    slapd: Slapd,
    relay: Relay,
    phone: Phone,
}

fn sip(name: &str) -> String {
    format!("sip:{name}@{}", Slapd::DOMAIN)
}

/// Local part, name to show, family name.
const PEOPLE: [[&str; 3]; 3] =
    [["mara", "Mara Özdemir", "Özdemir"], ["max", "Max (directory)", ""], ["zara", "Zara Mayer", "Mayer"]];

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0 as good as a photo";

impl Office {
    async fn open() -> Self {
        let addresses = PEOPLE.map(|[uid, ..]| sip(uid));
        let people = PEOPLE.iter().zip(&addresses).map(|([uid, name, last], sip)| Somebody {
            uid,
            name,
            last,
            sip,
            phone: "+49 (30) 555-12",
            photo: PHOTO,
            ..Somebody::default()
        });
        let people: Vec<_> = people.collect();
        let slapd = Slapd::start(&people).await.unwrap();
        let relay = plan().directory(&element(&slapd)).start().await.unwrap();
        for (name, shown) in [("ana", "Ana"), ("max", "Max Mustermann"), ("mia", "Mia Mayer")] {
            relay.add_account(&sip(name), shown).await.unwrap();
        }
        let phone = phone(&relay, &sip("ana")).await;
        Self { slapd, relay, phone }
    }

    async fn found(&self, term: &str) -> Vec<String> {
        let found = self.phone.search(term).await.unwrap();
        let mut names: Vec<_> = found.contacts.into_iter().map(|contact| contact.display_name).collect();
        names.sort();
        names
    }

    /// How often the directory was asked with this result.
    fn asked(&self, result: &str) -> u64 {
        let admin = self.relay.listeners().admin.clone().unwrap();
        let output = Command::new("curl").args(["-sS", &format!("http://{admin}/metrics")]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = format!(
            "trunkline_directory_searches_total{{domain=\"{}\",result=\"{result}\"}} ",
            Slapd::DOMAIN
        );
        let line = text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {start} in {text}")).parse().unwrap()
    }

    fn doctor(&self) -> Vec<Value> {
        let output = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["doctor", "--json", "--config"])
            .arg(self.relay.config())
            .current_dir(self.relay.folder())
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&output.stdout).contains(Slapd::PASSWORD), "no password is shown");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = report["parts"].as_array().unwrap();
        let part = parts.iter().find(|part| part["part"] == "directory contoso.test");
        part.unwrap_or_else(|| panic!("{report}"))["steps"].as_array().unwrap().clone()
    }
}

pub(crate) fn element(slapd: &Slapd) -> String {
    format!(
        r#"<directory domain="{}" url="{}" caFile="{}" bindDn="{}" passwordFile="{}" base="{}" timeoutSecs="10" />"#,
        Slapd::DOMAIN,
        slapd.url(),
        slapd.ca_file().display(),
        Slapd::READER,
        slapd.password_file().display(),
        Slapd::BASE
    )
}

async fn phone(relay: &Relay, address: &str) -> Phone {
    let server = Server::new(&relay.url(), &Trust::System).unwrap();
    let request = ActivationRequest {
        address: address.to_owned(),
        access_key: relay.access_key(address).await.unwrap().into(),
        device_token: "install-1".to_owned(),
        platform: "Android".to_owned(),
        name: "phone".to_owned(),
        app_version: String::new(),
        locale: String::new(),
    };
    let token: SecretString = Phone::activate(&server, &request).await.unwrap().token;
    let phone = Phone::connect(Profile::new(server, token, "install-1".to_owned()));
    phone.ready(patience()).await.unwrap();
    phone
}

fn findings(steps: &[Value]) -> Vec<(&str, &str)> {
    steps.iter().map(|step| (step["name"].as_str().unwrap(), step["finding"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_a_phone_finds_people_of_the_directory_and_of_the_relay_at_once() {
    let office = Office::open().await;
    assert_eq!(office.found("ma").await, ["Mara Özdemir", "Max Mustermann", "Mia Mayer", "Zara Mayer"]);
    assert_eq!(office.found("öz").await, ["Mara Özdemir"]);
    assert_eq!(office.found("4930555").await.len(), 3, "by number");
    assert_eq!(office.found("*)(uid=*").await, [""; 0]);
    let raw =
        office.phone.request("DirectorySearch", json!({"keySearch": "max", "typeSearch": "name"})).await;
    let max = raw.unwrap()["contacts"][sip("max")].clone();
    assert_eq!(max["displayName"], "Max Mustermann", "{max}");
    assert!(
        max.to_string().contains("+49 (30) 555-12"),
        "the directory fills in what the relay does not know: {max}"
    );
    assert_eq!(office.asked("unreachable"), 0);
    assert_eq!(office.asked("answered"), 5);
    assert!(!office.relay.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_f11_without_the_directory_people_find_whom_the_relay_knows() {
    let mut office = Office::open().await;
    office.slapd.kill().await.unwrap();
    for _ in 0..3 {
        assert_eq!(office.found("ma").await, ["Max Mustermann", "Mia Mayer"]);
    }
    assert_eq!(office.asked("unreachable"), 3);
    let complaints = office.relay.log().matches("the directory did not answer").count();
    assert!((1..3).contains(&complaints), "told, but not each time: {complaints}");
    office.slapd.start_again().await.unwrap();
    eventually("the directory is asked again", async || {
        let found = office.found("ma").await;
        if found.len() == 4 { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await
    .unwrap();
    let log = office.relay.log();
    assert!(!log.contains("panicked") && !log.contains(Slapd::PASSWORD), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_photo_that_cannot_be_fetched_now_is_pending_and_there_later() {
    let mut office = Office::open().await;
    let photo = async |office: &Office, who: &str| {
        let asked = json!({"contactIds": [sip(who)]});
        let answer = office.phone.request("GetContactPhotos", asked).await.unwrap();
        let record = answer["contacts"][0].clone();
        (record["photoHash"].as_str().unwrap().to_owned(), record["photo"].as_str().unwrap().len())
    };
    office.slapd.kill().await.unwrap();
    assert_eq!(photo(&office, "mara").await, ("PENDING".to_owned(), 0));
    office.slapd.start_again().await.unwrap();
    eventually("the directory is asked again", async || (office.found("ma").await.len() == 4).then_some(()))
        .await
        .unwrap();
    let (hash, size) = photo(&office, "zara").await;
    assert!(hash.len() == 32 && size == PHOTO.len().div_ceil(3) * 4, "{hash} {size}");
    assert_eq!(photo(&office, "mia").await, (String::new(), 0), "the directory does not know her");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_doctor_walks_to_a_person_in_the_directory() {
    let mut office = Office::open().await;
    let steps = office.doctor();
    assert_eq!(findings(&steps), ["dns", "tcp", "tls", "bind", "search"].map(|name| (name, "good")));
    office.slapd.kill().await.unwrap();
    let steps = office.doctor();
    assert_eq!(findings(&steps)[..3], [("dns", "good"), ("tcp", "bad"), ("tls", "notTried")]);
    assert!(steps[1]["attempt"].as_str().unwrap().starts_with("nc -vz 127.0.0.1"), "{steps:?}");
}
