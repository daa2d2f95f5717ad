//! Nothing in a file makes the parser panic, and nothing makes it show a secret.

use std::{ffi::OsString, io, path::Path};

use proptest::{collection::vec, prelude::*};
use trunkline_config::{Diagnostics, Lookup, example_file, parse};

/// A world without variables, and with nothing in its files.
struct Nothing;

impl Lookup for Nothing {
    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }

    fn file(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn openable(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

const SECRET: &str = "hunter2hunter2hunter2";

const GOOD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <startup><supportedRuntime version="v4.0" sku=".NETFramework" /></startup>
  <connectionStrings><add name="Connect" connectionString="Password=hunter2hunter2hunter2" /></connectionStrings>
  <appSettings>
    <!-- <add key="ADMIN_TOKEN" value="hunter2hunter2hunter2" /> --><add key="HTTP_BIND" value="127.0.0.1:8080" />
    <add key="ADMIN_TOKEN" value="hunter2hunter2hunter2" /> <add key="DRAIN_SECS" value="5" />
    <add
      value='postgres://trunkline:hunter2hunter2hunter2@db/trunkline'
      key='DB_CONNECTION' />
    <add key="TRUSTED_PROXIES" value="10.0.0.0/8,&#x20;::1" />
  </appSettings>
  <backends>
    <backend kind="xmpp" domain="corp.test" host="im.corp.test" port="5222" tls="starttls" serverName="corp.test" />
    <backend kind="lync" domain="contoso.test" pool="pool.contoso.test" localFqdn="relay.contoso.test" listen="[::]:6001"
      certificateFile="a.pem" privateKeyFile="b.pem" caFile="c.pem" allowedPeers="pool.contoso.test, fe1.contoso.test"
      gruu="sip:relay.contoso.test@contoso.test;gruu;opaque=srvr:trunkline:AbCd" accept="user" declineWith="603" />
  </backends>
  <directories>
    <directory domain="contoso.test" url="ldaps://dc1.contoso.test ldap://dc2.contoso.test:3268/" tls="starttls"
      bindDn="relay@contoso.test" passwordFile="password" base="DC=contoso,DC=test" scope="onelevel" caFile="ca.pem"
      schema="inetorgperson" filter="(&amp;(objectClass=person){search})" attributes="address=mail,imAddress title="
      connections="2" sizeLimit="100" timeoutSecs="5" />
  </directories>
</configuration>
"#;

fn shown(text: &str) -> String {
    match parse(text, "test.config", Path::new(""), &Nothing) {
        Ok((config, warnings)) => {
            format!(
                "{config:?}\n{}",
                warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>()
            )
        }
        Err(problems) => {
            assert!(problems.error_count() > 0);
            complete(&problems);
            format!("{problems}\n{problems:?}")
        }
    }
}

/// Every problem says where it is, on a line that exists.
fn complete(problems: &Diagnostics) {
    for problem in problems.iter() {
        let (line, column) = problem.position().expect("a problem of a text has a place");
        assert!(line >= 1 && column >= 1 && !problem.message().is_empty());
    }
}

#[derive(Debug, Clone)]
enum Change {
    Delete(usize, usize),
    Insert(usize, &'static str),
    Copy(usize, usize, usize),
}

fn change(longest: usize) -> impl Strategy<Value = Change> {
    let pieces = prop::sample::select(vec![
        "<",
        ">",
        "\"",
        "'",
        "=",
        "/",
        "&",
        ";",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "?>",
        "<!DOCTYPE",
        "\n",
        " ",
        "<add",
        "</",
        "/>",
        "key=",
        "value=",
        "env:",
        "file:",
        "\u{0}",
        "ü",
        "&#0;",
        "<a>",
        "</appSettings>",
    ]);
    prop_oneof![
        (any::<usize>(), 1..=longest).prop_map(|(at, len)| Change::Delete(at, len)),
        (any::<usize>(), pieces).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<usize>(), any::<usize>(), 1..=longest).prop_map(|(from, to, len)| Change::Copy(from, to, len)),
    ]
}

/// Applies a change unless it would touch a part of the secret: a half of it is not recognised as one.
fn apply(text: &str, change: &Change) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |n: usize| n % (chars.len() + 1);
    let join = |parts: &[&[char]]| parts.concat().into_iter().collect::<String>();
    let changed = match *change {
        Change::Delete(from, len) => join(&[&chars[..at(from)], &chars[(at(from) + len).min(chars.len())..]]),
        Change::Insert(to, piece) => {
            join(&[&chars[..at(to)], &piece.chars().collect::<Vec<_>>(), &chars[at(to)..]])
        }
        Change::Copy(from, to, len) => {
            let copied = &chars[at(from)..(at(from) + len).min(chars.len())];
            join(&[&chars[..at(to)], copied, &chars[at(to)..]])
        }
    };
    if changed.matches("hunter2").count() % 3 == 0
        && changed.matches(SECRET).count() == text.matches(SECRET).count()
    {
        changed
    } else {
        text.to_owned()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_text_never_panics(bytes in vec(any::<u8>(), 0..400)) {
        shown(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_good_file_with_many_changes_never_panics(changes in vec(change(40), 1..12)) {
        shown(&changes.iter().fold(GOOD.to_owned(), |text, change| apply(&text, change)));
    }

    #[test]
    fn the_example_file_with_changes_never_panics(changes in vec(change(200), 1..6)) {
        shown(&changes.iter().fold(example_file(), |text, change| apply(&text, change)));
    }

    #[test]
    fn a_slip_of_the_hand_never_shows_a_secret(change in change(3)) {
        let text = apply(GOOD, &change);
        // Whoever writes `env:` before a secret says that it is a name.
        let named = |word: &str| text.contains(&format!("env:{word}")) || text.contains(&format!("file:{word}"));
        prop_assume!(!named("hunter2") && !named("postgres"));
        let shown = shown(&text);
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }
}

#[test]
fn the_unchanged_file_is_good_and_shows_no_secret() {
    assert!(parse(GOOD, "test.config", Path::new(""), &Nothing).is_ok());
    assert!(!shown(GOOD).contains("hunter2"));
}

#[test]
fn hostile_files_end_quickly() {
    let deep = "<a>".repeat(100_000);
    let quotes = "<a b=\"".repeat(100_000);
    let attributes = format!("<configuration {}/>", "a=\"1\" ".repeat(100_000));
    let unknown = format!("<configuration>{}</configuration>", "<b/>".repeat(100_000));
    let laughs =
        "<!DOCTYPE a [<!ENTITY b \"&c;&c;\">]><configuration><appSettings>&b;</appSettings></configuration>";
    for (text, code) in [
        (deep.as_str(), "C012"),
        (&quotes, "C010"),
        (&attributes, "C010"),
        (&unknown, "C020"),
        (laughs, "C011"),
    ] {
        let problems = parse(text, "test.config", Path::new(""), &Nothing).unwrap_err();
        assert!(problems.iter().any(|problem| problem.code() == code), "{problems}");
        assert!(problems.iter().count() <= 100);
    }
}
