//! A Front End as a process of its own, so that its memory and its processor time are not those of what is measured.
//!
//! It puts its authority's certificate (`ca.pem`) and those of the application (`relay.pem`, `key.pem`) into a folder,
//! prints its TLS port as a line of JSON, and answers each line of its input (`stop`, `resume`, `state`; `dial`: it
//! reaches the application by connections of its own, and `deaf`: not even so) with another.
//! It ends with its input.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use trunkline_sip::body::contact::{Contact, ContactList, Group, OTHER_CONTACTS};
use trunkline_testkit::peer::FrontEnd;

/// Runs a Front End for users u0, u1, …
#[derive(Debug, Parser)]
struct Arguments {
    /// The domain of all users
    #[arg(long)]
    domain: String,
    /// How many there are
    #[arg(long)]
    users: usize,
    /// How many of the users that come after him each has on his list
    #[arg(long, default_value_t = 5)]
    contacts: usize,
    /// The application that may sign all of them in
    #[arg(long)]
    trust: String,
    /// The name in the application's certificate, if it is to be another one
    #[arg(long)]
    certify: Option<String>,
    /// Where to put the certificates
    #[arg(long)]
    folder: PathBuf,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut front = open(&arguments).await?;
    println!("{}", json!({"port": front.tls_port()}));
    let mut orders = BufReader::new(stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        println!("{}", obey(&mut front, &order).await?);
    }
    Ok(())
}

async fn open(arguments: &Arguments) -> Result<FrontEnd> {
    let names: Vec<_> = (0..arguments.users).map(name).collect();
    let users: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let front = FrontEnd::start(&arguments.domain, &users).await?;
    front.keep_traffic(false);
    front.trust(&arguments.trust);
    for number in 0..arguments.users {
        front.set_contacts(&name(number), list(arguments, number));
    }
    certify(&front, arguments.certify.as_ref().unwrap_or(&arguments.trust), &arguments.folder)?;
    Ok(front)
}

async fn obey(front: &mut FrontEnd, order: &str) -> Result<Value> {
    match order.trim() {
        "stop" => front.stop().await,
        "resume" => front.resume().await?,
        "dial" => front.dial_back(true),
        "deaf" => front.drop_dials(true),
        "state" => {}
        other => bail!("{other:?} is none of stop, resume, dial, deaf and state"),
    }
    Ok(json!({"signedIn": front.signed_in(), "complaints": front.complaints_so_far()}))
}

fn name(number: usize) -> String {
    format!("u{number}")
}

fn list(arguments: &Arguments, number: usize) -> ContactList {
    let contact = |after: usize| Contact {
        uri: format!("sip:{}@{}", name((number + after) % arguments.users), arguments.domain),
        groups: vec![1],
        subscribed: Some(true),
        ..Contact::default()
    };
    let contacts = (1..=arguments.contacts.min(arguments.users.saturating_sub(1))).map(contact).collect();
    let group = Group { id: 1, name: OTHER_CONTACTS.to_owned(), external: None };
    ContactList { delta: 1, store: None, groups: vec![group], contacts }
}

fn certify(front: &FrontEnd, application: &str, folder: &Path) -> Result<()> {
    let identity = front.authority().identity(&[application])?;
    let files = [
        ("ca.pem", front.authority().certificate_pem()),
        ("relay.pem", &identity.certificate_pem),
        ("key.pem", &identity.key_pem),
    ];
    for (file, text) in files {
        let path = folder.join(file);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}
