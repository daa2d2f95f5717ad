use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::timeout;
use trunkline_model::Availability;

use super::{
    cast::{ALICE, BOB, CAROL, Cast, Person},
    narrator::Narrator,
    network::Network,
    phone::{Phone, Token, activate},
    stage::Stage,
};
use crate::admin::{Command, Reply};

/// How long any step may take: much longer than it does, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(30);
const GROUP: &str = "Lamp room";
const QUESTION: &str = "Bob, will the lamp burn tonight?";
const ANSWER: &str = "It burns. Come up and see!";

/// A step that did not go as it should.
#[derive(Debug)]
pub(super) struct Broken {
    /// What should have happened.
    pub(super) step: String,
    /// What happened instead.
    pub(super) trouble: String,
}

type Told<T> = Result<T, Broken>;

struct Story<'a> {
    narrator: &'a mut Narrator,
    stage: &'a Stage,
}

/// Tells the whole story; gives back the phones, Alice's tablet beside the others.
pub(super) async fn tell(narrator: &mut Narrator, stage: &Stage) -> Told<(Cast, Phone)> {
    narrator.title(
        &format!("Trunkline {}: three people, four devices, one broken network", env!("CARGO_PKG_VERSION")),
        "What you read happens now, over real sockets on this machine. Every ✔ has been checked.",
    );
    let mut story = Story { narrator, stage };
    story.opening().await?;
    let tokens = story.activation().await?;
    let mut cast = story.presence(tokens).await?;
    story.first_chat(&mut cast).await?;
    let mut tablet = story.second_device(&mut cast).await?;
    story.broken_network(&mut cast, &mut tablet).await?;
    story.end(&mut cast, &mut tablet).await?;
    Ok((cast, tablet))
}

/// What the activations gave.
struct Tokens {
    alice: Token,
    tablet: Token,
    bob: Token,
    carol: Token,
    network: Network,
}

impl Story<'_> {
    async fn opening(&mut self) -> Told<()> {
        self.narrator.chapter("A relay opens").await;
        let relay = self.stage.relay();
        self.step(format!("it takes phones on http://{relay}"), async {
            tokio::net::TcpStream::connect(relay).await.map(drop)
        })
        .await?;
        for person in [&ALICE, &BOB, &CAROL] {
            let command = Command::AccountAdd { address: person.address(), profile: person.profile() };
            let step = format!("{} ({}) has an account: {}", person.name, person.title, person.address());
            self.step(step, self.stage.administer(command)).await?;
        }
        Ok(())
    }

    async fn activation(&mut self) -> Told<Tokens> {
        self.narrator.chapter("Phones activate, each with a key that works once").await;
        let network = self
            .step("Alice's phone has a network of its own; remember it", Network::to(self.stage.relay()))
            .await?;
        let url = format!("http://{}", network.address());
        let (alice, key) = self.activate(&ALICE, "Alice's phone", &url).await?;
        self.step("the same key is refused the second time", async {
            match activate(&url, &ALICE.address(), &key, "A thief's phone").await {
                Ok(_) => Err("it was taken".to_owned()),
                Err(_) => Ok(()),
            }
        })
        .await?;
        let url = format!("http://{}", self.stage.relay());
        let (bob, _) = self.activate(&BOB, "Bob's phone", &url).await?;
        let (carol, _) = self.activate(&CAROL, "Carol's phone", &url).await?;
        let (tablet, _) = self.activate(&ALICE, "Alice's tablet", &url).await?;
        Ok(Tokens { alice, tablet, bob, carol, network })
    }

    async fn activate(&mut self, person: &Person, device: &str, url: &str) -> Told<(Token, String)> {
        let address = person.address();
        let issue = Command::ActivationIssue { address: address.clone(), expires_secs: 600 };
        let key = match self.quietly("an access key is issued", self.stage.administer(issue)).await? {
            Reply::Key { key } => key.access_key,
            _ => {
                return Err(Broken {
                    step: "an access key is issued".into(),
                    trouble: "something else came".into(),
                });
            }
        };
        let phone = self.step(
            format!("{device} shows the key {key} and gets a token for good"),
            activate(url, &address, &key, device),
        );
        Ok((phone.await?, key))
    }

    async fn presence(&mut self, tokens: Tokens) -> Told<Cast> {
        self.narrator.chapter("They sign in and see each other").await;
        let mut alice = self.step("Alice's phone signs in", Phone::sign_in(&tokens.alice)).await?;
        let mut bob = self.step("so does Bob's", Phone::sign_in(&tokens.bob)).await?;
        self.step(format!("Alice puts Bob and Carol into her group “{GROUP}”"), async {
            alice.gather(GROUP, &[BOB.address(), CAROL.address()]).await?;
            bob.gather(GROUP, &[ALICE.address()]).await
        })
        .await?;
        self.step("she sees that Bob is available and Carol is not there", async {
            alice.sees(&BOB.address(), Availability::Available, "").await?;
            alice.sees(&CAROL.address(), Availability::Offline, "").await
        })
        .await?;
        self.narrator
            .aside("(The relay tells of a contact at most every five seconds: batteries are short.)");
        let carol = self.step("Carol signs in, and Alice's phone shows it by itself", async {
            let carol = Phone::sign_in(&tokens.carol).await?;
            alice.sees(&CAROL.address(), Availability::Available, "").await.map(|()| carol)
        });
        let carol = carol.await?;
        let note = "Polishing the lens";
        self.step(format!("Bob is busy, “{note}”, and Alice's phone shows that, too"), async {
            bob.be(Availability::Busy, note).await?;
            alice.sees(&BOB.address(), Availability::Busy, note).await
        })
        .await?;
        Ok(Cast { alice, bob, carol, tablet: tokens.tablet, network: tokens.network })
    }

    async fn first_chat(&mut self, cast: &mut Cast) -> Told<()> {
        self.narrator.chapter("A first chat").await;
        let (alice, bob) = (ALICE.address(), BOB.address());
        let text = "Bob, will the lamp burn tonight?";
        self.narrator.line(ALICE.first(), text).await;
        let question = self.step("the relay has it on disk", cast.alice.send(&bob, text)).await?;
        let chat = self.step("Bob's phone rings: Alice invites him", cast.bob.invited(&alice, text)).await?;
        self.step("Bob accepts, and Alice's phone knows", async {
            cast.bob.accept(&chat).await?;
            cast.bob.hears(&alice, &[text]).await?;
            cast.alice.accepted(&bob).await
        })
        .await?;
        self.step(
            "two ticks on Alice's phone: her message is with Bob",
            cast.alice.delivered(&bob, &question),
        )
        .await?;
        self.step("Bob is typing …", async {
            cast.bob.types(&alice).await?;
            cast.alice.sees_typing(&bob).await
        })
        .await?;
        let text = ANSWER;
        self.narrator.line(BOB.first(), text).await;
        self.step("Alice has Bob's answer, and Bob the two ticks", async {
            let answer = cast.bob.send(&alice, text).await?;
            cast.alice.hears(&bob, &[text]).await?;
            cast.bob.delivered(&alice, &answer).await
        })
        .await
    }

    async fn second_device(&mut self, cast: &mut Cast) -> Told<Phone> {
        self.narrator.chapter("Alice takes her tablet").await;
        let (alice, bob, carol) = (ALICE.address(), BOB.address(), CAROL.address());
        let tablet = self.step("it signs in as Alice and has the chat with Bob, both sides of it", async {
            let mut tablet = Phone::sign_in(&cast.tablet).await?;
            tablet.sent_elsewhere(&bob, QUESTION).await?;
            tablet.hears(&bob, &[ANSWER]).await.map(|()| tablet)
        });
        let mut tablet = tablet.await?;
        let text = "Ship in sight, north-north-west.";
        self.narrator.line(CAROL.first(), text).await;
        self.step("it rings on both of Alice's devices; the tablet accepts, and the phone knows", async {
            cast.carol.send(&alice, text).await?;
            let chat = cast.alice.invited(&carol, text).await?;
            tablet.invited(&carol, text).await?;
            tablet.accept(&chat).await?;
            cast.alice.accepted(&carol).await?;
            cast.alice.hears(&carol, &[text]).await?;
            tablet.hears(&carol, &[text]).await
        })
        .await?;
        let text = "I see her. All hands to the lamp room!";
        self.narrator.line("Alice (tablet)", text).await;
        self.step("Carol has the answer, and Alice's phone shows what the tablet sent", async {
            tablet.send(&carol, text).await?;
            cast.carol.hears(&alice, &[text]).await?;
            cast.alice.sent_elsewhere(&carol, text).await
        })
        .await?;
        Ok(tablet)
    }

    async fn broken_network(&mut self, cast: &mut Cast, tablet: &mut Phone) -> Told<()> {
        self.narrator.chapter("The network breaks").await;
        let (alice, bob) = (ALICE.address(), BOB.address());
        self.step("the network between Alice's phone and the relay is cut", async {
            cast.network.cut();
            cast.alice.loses_the_relay().await
        })
        .await?;
        let texts = ["The storm is here.", "The lamp flickers …", "… and burns again. Do you read me?"];
        for text in texts {
            self.narrator.line(BOB.first(), text).await;
        }
        self.step("Bob gets COMPLETE for each: the relay keeps them for Alice", async {
            for text in texts {
                cast.bob.send(&alice, text).await?;
            }
            Ok::<_, String>(())
        })
        .await?;
        self.step("Alice's tablet, on another network, has all three", tablet.hears(&bob, &texts)).await?;
        let answer = "I read you. Alice, over.";
        self.narrator.line("Alice (no network)", answer).await;
        let pending = cast.alice.send_later(&bob, answer);
        self.step("the network is back: Alice's phone finds the relay by itself", async {
            cast.network.mend();
            cast.alice.finds_the_relay().await
        })
        .await?;
        self.step("it has all three messages, in order, none twice", cast.alice.hears(&bob, &texts)).await?;
        self.step("and Bob has what Alice wrote without a network, once", async {
            pending.await?;
            cast.bob.hears(&alice, &[answer]).await
        })
        .await
    }

    async fn end(&mut self, cast: &mut Cast, tablet: &mut Phone) -> Told<()> {
        self.narrator.chapter("The end").await;
        let status =
            match self.quietly("the relay tells its state", self.stage.administer(Command::Status)).await? {
                Reply::Status { status } => status,
                _ => return Ok(()),
            };
        let count =
            |what: &str| status.counts.as_ref().and_then(|counts| counts.get(what)).copied().unwrap_or(0);
        let (people, devices, messages) = (count("accounts"), count("devices"), count("messages"));
        self.step(
            format!("{people} people, {devices} devices, {messages} messages; none lost, none twice"),
            async {
                if (people, devices, messages) != (3, 4, 8) {
                    return Err("it should be 3, 4 and 8".to_owned());
                }
                let phones = [&mut cast.alice, &mut cast.bob, &mut cast.carol, tablet];
                match phones.into_iter().find_map(Phone::left_over) {
                    Some(message) => Err(format!("nobody expected {message}")),
                    None => Ok(()),
                }
            },
        )
        .await
    }

    /// Does something that must work, and says so.
    async fn step<T, E: Display>(
        &mut self,
        step: impl Into<String>,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Told<T> {
        let step = step.into();
        let result = self.quietly(&step, doing).await?;
        self.narrator.check(&step);
        Ok(result)
    }

    /// Does something that must work.
    async fn quietly<T, E: Display>(&self, step: &str, doing: impl Future<Output = Result<T, E>>) -> Told<T> {
        let trouble = match timeout(PATIENCE, doing).await {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it did not happen within {} seconds", PATIENCE.as_secs()),
        };
        Err(Broken { step: step.to_owned(), trouble })
    }
}
