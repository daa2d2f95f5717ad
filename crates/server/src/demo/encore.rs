use std::path::PathBuf;

use trunkline_model::Address;

use super::{
    cast::{ALICE, BOB, CAROL, Cast, GUEST, Person},
    narrator::Narrator,
    phone::Phone,
    stage::Stage,
};
use crate::{
    admin::{Command, Reply},
    exit::Failure,
};

/// Stays up: prints how to join in, and has the cast answer whoever does. Ends only by being dropped.
pub(super) async fn stay(
    narrator: &Narrator,
    stage: &Stage,
    (cast, tablet): (Cast, Phone),
) -> Result<(), Failure> {
    let key = invite(stage).await.map_err(Failure::failed)?;
    let (program, server, guest) = (program(), stage.relay(), GUEST.address());
    narrator.say("\nThe relay stays up until you press Ctrl-C. Join in from another terminal:\n");
    narrator.command(&format!("{program} chat --server http://{server} --user {guest}"));
    narrator.say(&format!("\nIt asks for an access key. This one works once:   {key}"));
    narrator.say("Alice, Bob and Carol answer what you write. Another key, and a look behind the scenes:\n");
    let configuration = stage.configuration();
    let configuration = configuration.display();
    narrator.command(&format!("{program} activation issue {guest} --config {configuration}"));
    narrator.command(&format!("{program} status --config {configuration}"));
    let Cast { alice, bob, carol, network: _network, .. } = cast;
    tokio::join!(
        host(alice, &ALICE, "Welcome to the lighthouse!"),
        host(bob, &BOB, "I am up in the lamp room. What do you see?"),
        host(carol, &CAROL, "Harbour master. Go ahead."),
        tablet.listen(),
    );
    std::future::pending().await
}

/// Makes the guest's account, with everybody in its roster, and gives its access key.
async fn invite(stage: &Stage) -> Result<String, String> {
    let address = GUEST.address();
    stage.administer(Command::AccountAdd { address: address.clone(), profile: GUEST.profile() }).await?;
    let hosts: Vec<Address> = [&ALICE, &BOB, &CAROL].map(Person::address).into();
    stage.befriend(&address, &hosts).await?;
    match stage.administer(Command::ActivationIssue { address, expires_secs: 24 * 60 * 60 }).await? {
        Reply::Key { key } => Ok(key.access_key),
        _ => Err("no access key came".to_owned()),
    }
}

/// Answers whoever writes, until the phone loses the relay for good.
async fn host(mut phone: Phone, person: &Person, greeting: &str) {
    let mut told = 0_u32;
    while let Some((from, text)) = phone.next_words().await {
        let start = || text.chars().take(200).collect::<String>();
        let answer = if told == 0 {
            greeting.to_owned()
        } else {
            format!("{} here. I read “{}”.", person.first(), start())
        };
        told += 1;
        if let Err(trouble) = phone.send(&from, &answer).await {
            eprintln!("{} cannot answer: {trouble}", person.first());
        }
    }
}

/// This program as it may be typed here: relative where that is shorter.
fn program() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("trunkline"));
    let here = std::env::current_dir().ok();
    let near =
        here.and_then(|here| program.strip_prefix(here).ok().map(|path| format!("./{}", path.display())));
    near.unwrap_or_else(|| program.display().to_string())
}
