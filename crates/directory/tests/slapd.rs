//! Finding people in a real LDAP server.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{path::PathBuf, time::Duration};

use trunkline_core::port::{
    Directory as _, DirectoryError, Finding, Search, SearchField, SearchResult, Step,
};
use trunkline_directory::{Attributes, DirectoryServer, DirectorySettings, Encryption, LdapDirectory, Scope};
use trunkline_testkit::{
    eventually, patience,
    peer::{Slapd, Somebody},
};

const PEOPLE: &[Somebody<'static>] = &[
    Somebody {
        uid: "1",
        name: "Anna Özdemir",
        first: "Anna",
        last: "Özdemir",
        sip: "sip:Anna.Oezdemir@contoso.test",
        mail: "a.oezdemir@mail.contoso.test",
        phone: "+49 (30) 1234-56",
        photo: JPEG,
        title: "Head of \"Ünits\"",
        proxies: &["SMTP:a.oezdemir@mail.contoso.test", "smtp:boss@contoso.test"],
        ..EMPTY
    },
    Somebody {
        uid: "2",
        name: "Berg, Anna-Lena",
        first: "Anna-Lena",
        last: "Berg",
        proxies: &["SMTP:al@contoso.test", "sip:anna-lena@contoso.test"],
        mail: "al@contoso.test",
        mobile: "0151/555 07",
        ..EMPTY
    },
    Somebody { uid: "3", name: "Anna Gone", sip: "sip:gone@contoso.test", disabled: true, ..EMPTY },
    Somebody { uid: "4", name: "Anna Mailonly", mail: "anna@contoso.test", ..EMPTY },
    Somebody { uid: "5", name: "Star * (uid=*) \\ Man", sip: "sip:star@contoso.test", ..EMPTY },
];

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 as good as a photo";

const EMPTY: Somebody<'static> = Somebody {
    uid: "",
    name: "",
    first: "",
    last: "",
    sip: "",
    proxies: &[],
    mail: "",
    phone: "",
    mobile: "",
    title: "",
    department: "",
    photo: b"",
    disabled: false,
};

fn server(slapd: &Slapd, encryption: Encryption) -> DirectoryServer {
    let port = if encryption == Encryption::Tls { slapd.tls_port() } else { slapd.port() };
    DirectoryServer { host: "127.0.0.1".into(), port, encryption }
}

fn settings(slapd: &Slapd) -> DirectorySettings {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    DirectorySettings {
        domain: Slapd::DOMAIN.into(),
        servers: vec![server(slapd, Encryption::Tls)],
        bind_dn: Slapd::READER.into(),
        password_file: slapd.password_file(),
        base: Slapd::BASE.into(),
        scope: Scope::Subtree,
        filter: "(&(objectCategory=person)(objectClass=user)\
                 (!(userAccountControl:1.2.840.113556.1.4.803:=2)){search})"
            .into(),
        attributes: Attributes {
            address: list(&["msRTCSIP-PrimaryUserAddress", "proxyAddresses"]),
            name: list(&["displayName"]),
            first_name: list(&["givenName"]),
            last_name: list(&["sn"]),
            email: list(&["mail"]),
            title: list(&["title"]),
            work_phone: list(&["telephoneNumber"]),
            mobile_phone: list(&["mobile"]),
            department: list(&["department"]),
            company: list(&["company"]),
            office: list(&["physicalDeliveryOfficeName"]),
            photo: list(&["thumbnailPhoto"]),
        },
        ca_file: Some(slapd.ca_file()),
        connections: 2,
        size_limit: 200,
        patience: patience(),
    }
}

fn directory(settings: DirectorySettings) -> LdapDirectory {
    LdapDirectory::new(settings).unwrap()
}

async fn find(
    directory: &LdapDirectory,
    term: &str,
    field: SearchField,
) -> Result<SearchResult, DirectoryError> {
    directory.search(&Search { term: term.into(), field, limit: 50 }).await
}

async fn found(directory: &LdapDirectory, term: &str, field: SearchField) -> Vec<String> {
    let result = find(directory, term, field).await.unwrap();
    result.contacts.iter().map(|contact| contact.address.local().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_one_person_is_looked_up_by_address_with_the_photo() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let directory = directory(settings(&slapd));
    let person = async |address: &str| directory.person(&address.parse().unwrap()).await.unwrap();
    let anna = person("anna.oezdemir@contoso.test").await.unwrap();
    assert_eq!(anna.profile.display_name, "Anna Özdemir");
    assert_eq!(anna.photo.unwrap().bytes(), JPEG);
    let lena = person("anna-lena@contoso.test").await.unwrap();
    assert!(lena.profile.display_name == "Berg, Anna-Lena" && lena.photo.is_none());
    for nobody in
        ["gone@contoso.test", "anna@contoso.test", "*@contoso.test", "boss@contoso.test", "x@else.test"]
    {
        assert_eq!(person(nobody).await, None, "{nobody}");
    }
}

/// Another password than that of the directory, in a file of its own.
fn wrong_password(slapd: &Slapd) -> PathBuf {
    let file = slapd.password_file().with_file_name("wrong");
    std::fs::write(&file, "not this one\n").unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_people_are_found_by_name_mail_and_phone() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let directory = directory(settings(&slapd));
    use SearchField::{Any, Email, Name, Phone};
    let table: &[(&str, SearchField, &[&str])] = &[
        ("anna", Name, &["anna.oezdemir", "anna-lena"]),
        ("ÖZ", Name, &["anna.oezdemir"]),
        ("o\u{308}zdemir anna", Name, &["anna.oezdemir"]),
        ("anna-lena berg", Name, &["anna-lena"]),
        ("nna", Name, &[]),
        ("a.oez", Email, &["anna.oezdemir"]),
        ("boss@", Email, &["anna.oezdemir"]),
        ("sip:anna-l", Email, &["anna-lena"]),
        ("anna", Phone, &[]),
        ("49301234", Phone, &["anna.oezdemir"]),
        ("030 1234", Phone, &["anna.oezdemir"]),
        ("+49 30 1234", Any, &["anna.oezdemir"]),
        ("0151555", Any, &["anna-lena"]),
        ("2345", Phone, &[]),
        ("*)(uid=*", Any, &[]),
        ("**", Any, &[]),
        ("star * (uid=*) \\", Name, &["star"]),
        ("\\2a", Name, &[]),
        ("no\0body", Any, &[]),
    ];
    for (term, field, expected) in table {
        assert_eq!(found(&directory, term, *field).await, *expected, "{term:?} in {field:?}");
    }
    let anna = find(&directory, "özdemir", Name).await.unwrap().contacts.remove(0);
    assert_eq!(anna.profile.display_name, "Anna Özdemir");
    assert_eq!(anna.profile.title, "Head of \"Ünits\"");
    assert_eq!(anna.profile.work_phone, "+49 (30) 1234-56");
    assert_eq!(anna.profile.email, "a.oezdemir@mail.contoso.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_of_5000_people_the_best_are_returned_and_that_there_are_more() {
    let texts: Vec<[String; 3]> = (0..5_000)
        .map(|n| [format!("p{n}"), format!("Common Person {n:04}"), format!("sip:p{n}@contoso.test")])
        .collect();
    let people: Vec<_> = texts
        .iter()
        .map(|[uid, name, sip]| Somebody { uid, name, sip, phone: "+49 30 100", ..EMPTY })
        .collect();
    let slapd = Slapd::start(&people).await.unwrap();
    let directory = directory(settings(&slapd));
    let common = find(&directory, "common", SearchField::Name).await.unwrap();
    assert_eq!((common.contacts.len(), common.more), (50, true));
    let one = find(&directory, "common person 4711", SearchField::Any).await.unwrap();
    assert_eq!((one.contacts.len(), one.more), (1, false));
    let number = find(&directory, "4930100", SearchField::Phone).await.unwrap();
    assert_eq!((number.contacts.len(), number.more), (50, true), "more than the server tells at once");
    let exactly = Search { term: "common person 47".into(), field: SearchField::Name, limit: 100 };
    let exactly = directory.search(&exactly).await.unwrap();
    assert_eq!((exactly.contacts.len(), exactly.more), (100, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_start_tls_begins_with_a_server_that_is_trusted_and_with_no_other() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let with = |encryption| {
        directory(DirectorySettings { servers: vec![server(&slapd, encryption)], ..settings(&slapd) })
    };
    assert_eq!(found(&with(Encryption::StartTls), "özdemir", SearchField::Name).await, ["anna.oezdemir"]);
    assert_eq!(found(&with(Encryption::Plain), "özdemir", SearchField::Name).await, ["anna.oezdemir"]);
    let stranger = trunkline_testkit::peer::Authority::new().unwrap();
    std::fs::write(slapd.ca_file().with_file_name("other.pem"), stranger.certificate_pem()).unwrap();
    let other = DirectorySettings {
        servers: vec![server(&slapd, Encryption::StartTls)],
        ca_file: Some(slapd.ca_file().with_file_name("other.pem")),
        ..settings(&slapd)
    };
    let error = find(&directory(other), "anna", SearchField::Name).await.unwrap_err();
    assert!(error.to_string().contains("see caFile"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_a_wrong_password_is_not_tried_again_and_a_new_one_needs_no_restart() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let file = wrong_password(&slapd);
    let directory = directory(DirectorySettings { password_file: file.clone(), ..settings(&slapd) });
    for _ in 0..2 {
        let error = find(&directory, "anna", SearchField::Name).await.unwrap_err();
        assert_eq!(error, DirectoryError::SignInRefused("bindDn or the password is wrong".into()));
    }
    std::fs::write(&file, "").unwrap();
    let error = find(&directory, "anna", SearchField::Name).await.unwrap_err();
    assert!(error.to_string().contains("is empty"), "nobody signs in as a stranger: {error}");
    std::fs::write(&file, Slapd::PASSWORD).unwrap();
    assert_eq!(found(&directory, "özdemir", SearchField::Name).await, ["anna.oezdemir"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_a_server_that_is_gone_is_told_and_found_again_when_it_is_back() {
    let mut slapd = Slapd::start(PEOPLE).await.unwrap();
    let directory = directory(settings(&slapd));
    assert_eq!(found(&directory, "özdemir", SearchField::Name).await, ["anna.oezdemir"]);
    slapd.kill().await.unwrap();
    for _ in 0..2 {
        let error = find(&directory, "anna", SearchField::Name).await.unwrap_err();
        assert!(matches!(&error, DirectoryError::Unreachable(why) if why.contains("127.0.0.1")), "{error}");
    }
    slapd.start_again().await.unwrap();
    eventually("the directory is asked again", async || {
        find(&directory, "özdemir", SearchField::Name).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_the_second_server_is_asked_while_the_first_is_gone() {
    let (mut first, second) = (Slapd::start(PEOPLE).await.unwrap(), Slapd::start(PEOPLE).await.unwrap());
    let both = first.ca_file().with_file_name("both.pem");
    let text = [&first, &second].map(|slapd| slapd.authority().certificate_pem().to_owned()).concat();
    std::fs::write(&both, text).unwrap();
    let servers = vec![server(&first, Encryption::Tls), server(&second, Encryption::Tls)];
    let directory = directory(DirectorySettings { servers, ca_file: Some(both), ..settings(&first) });
    assert_eq!(found(&directory, "özdemir", SearchField::Name).await.len(), 1);
    first.kill().await.unwrap();
    for _ in 0..3 {
        assert_eq!(found(&directory, "özdemir", SearchField::Name).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_f11_a_certificate_that_expired_or_names_another_is_refused_until_it_is_replaced() {
    let mut slapd = Slapd::start(PEOPLE).await.unwrap();
    let directory = directory(settings(&slapd));
    let expired = slapd.authority().identity_within(&["127.0.0.1"], 1_600_000_000, 1_700_000_000).unwrap();
    let another = slapd.authority().identity(&["dc1.contoso.test"]).unwrap();
    let good = slapd.authority().identity(&["127.0.0.1"]).unwrap();
    for (certificate, word) in [(&expired, "it has expired"), (&another, "dc1.contoso.test")] {
        slapd.certificate(certificate).unwrap();
        slapd.start_again().await.unwrap();
        eventually("the certificate is refused", async || {
            match find(&directory, "anna", SearchField::Name).await {
                Err(DirectoryError::Unreachable(why)) if why.contains(word) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
    }
    slapd.certificate(&good).unwrap();
    slapd.start_again().await.unwrap();
    eventually("the new certificate is trusted", async || {
        find(&directory, "anna", SearchField::Name).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_a_base_that_is_not_there_is_said() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let directory = directory(DirectorySettings { base: "dc=nowhere,dc=test".into(), ..settings(&slapd) });
    let error = find(&directory, "anna", SearchField::Name).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_a_server_that_says_nothing_costs_no_more_than_the_time_given() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mute = DirectoryServer { host: "127.0.0.1".into(), port, encryption: Encryption::Tls };
    let short = DirectorySettings { patience: Duration::from_millis(300), ..settings(&slapd) };
    let error = find(
        &directory(DirectorySettings { servers: vec![mute.clone()], ..short }),
        "anna",
        SearchField::Name,
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    let servers = vec![mute, server(&slapd, Encryption::Tls)];
    let patience = Duration::from_secs(8);
    let directory = directory(DirectorySettings { servers, patience, ..settings(&slapd) });
    assert_eq!(found(&directory, "özdemir", SearchField::Name).await.len(), 1, "the next has time left");
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_doctor_walks_to_a_person_or_says_which_step_fails() {
    let slapd = Slapd::start(PEOPLE).await.unwrap();
    let findings = |steps: &[Step]| -> Vec<(String, bool)> {
        let good = |step: &Step| matches!(step.finding, Finding::Good { .. });
        steps.iter().map(|step| (step.name.to_string(), good(step))).collect()
    };
    let steps = directory(settings(&slapd)).examine().await;
    assert_eq!(
        findings(&steps),
        ["dns", "tcp", "tls", "bind", "search"].map(|name| (name.to_owned(), true)),
        "{steps:?}"
    );
    let wrong = directory(DirectorySettings { password_file: wrong_password(&slapd), ..settings(&slapd) });
    let steps = wrong.examine().await;
    assert!(steps[3].failed() && steps[4].name == "search", "{steps:?}");
    assert!(!format!("{steps:?}").contains("not this one"));
    let nobody = DirectorySettings { filter: "(&(objectClass=device){search})".into(), ..settings(&slapd) };
    let steps = directory(nobody).examine().await;
    assert!(steps[4].failed(), "{steps:?}");
}
