use futures_util::SinkExt;
use sasl::{
    client::{
        Mechanism, MechanismError,
        mechanisms::{Plain, Scram},
    },
    common::{
        ChannelBinding, Credentials,
        scram::{Sha1, Sha256},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio_xmpp::{
    parsers::{
        sasl::{Auth, Mechanism as Name, Nonza, Response},
        stream_features::StreamFeatures,
    },
    xmlstream::XmppStreamElement,
};

use crate::{
    connect::{Stream, next},
    fault::LoginFault,
};

/// Most rounds of PBKDF2 that a server may ask for; common are 4,096 to 100,000.
const MAX_ITERATIONS: u32 = 2_000_000;
/// Fewest: below, whoever listens could find the password by trying.
const MIN_ITERATIONS: u32 = 1_000;

type Exchange = Box<dyn Mechanism + Send>;

/// Signs in on an encrypted stream, with the best of SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN; one attempt, never two.
pub(crate) async fn sign_in(
    stream: &mut Stream,
    features: &StreamFeatures,
    user: &str,
    password: &SecretString,
) -> Result<(), LoginFault> {
    let (name, mut exchange) = choose(features, user, password)?;
    let data = exchange.initial();
    let nonce = nonce(&data);
    send(stream, Nonza::Auth(Auth { mechanism: name, data })).await?;
    loop {
        match next(stream).await? {
            XmppStreamElement::Sasl(Nonza::Challenge(challenge)) => {
                check(&challenge.data, nonce.as_deref())?;
                let (data, back) = respond(exchange, challenge.data).await?;
                exchange = back;
                send(stream, Nonza::Response(Response { data })).await?;
            }
            // The server proves here that it knows the password too.
            XmppStreamElement::Sasl(Nonza::Success(success)) => {
                return exchange.success(&success.data).map_err(unproven);
            }
            XmppStreamElement::Sasl(Nonza::Failure(failure)) => return Err(failure.into()),
            XmppStreamElement::StreamError(error) => {
                return Err(LoginFault::Passing(format!(
                    "the server ended the stream: {}",
                    error.0.condition
                )));
            }
            _ => return Err(LoginFault::Passing("the server broke the rules of signing in".into())),
        }
    }
}

async fn send(stream: &mut Stream, nonza: Nonza) -> Result<(), LoginFault> {
    Ok(stream.send(&XmppStreamElement::Sasl(nonza)).await?)
}

fn choose(
    features: &StreamFeatures,
    user: &str,
    password: &SecretString,
) -> Result<(Name, Exchange), LoginFault> {
    let offered = |name: &str| features.sasl_mechanisms.contains(name);
    // RFC 5802 section 5.1: these two characters are written as codes in SCRAM, and as they are in PLAIN.
    let escaped = user.replace('=', "=3D").replace(',', "=2C");
    let made = if offered("SCRAM-SHA-256") {
        Scram::<Sha256>::from_credentials(credentials(&escaped, password))
            .map(|scram| (Name::ScramSha256, Box::new(scram) as Exchange))
    } else if offered("SCRAM-SHA-1") {
        Scram::<Sha1>::from_credentials(credentials(&escaped, password))
            .map(|scram| (Name::ScramSha1, Box::new(scram) as Exchange))
    } else if offered("PLAIN") {
        Plain::from_credentials(credentials(user, password))
            .map(|plain| (Name::Plain, Box::new(plain) as Exchange))
    } else {
        return Err(LoginFault::Refused(
            "the server offers none of SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN".into(),
        ));
    };
    made.map_err(|error| LoginFault::Passing(format!("cannot begin to sign in: {error}")))
}

/// Without channel binding: ejabberd 23.01 gets it wrong over TLS 1.3.
fn credentials(user: &str, password: &SecretString) -> Credentials {
    Credentials::default()
        .with_username(user)
        .with_password(password.expose_secret())
        .with_channel_binding(ChannelBinding::None)
}

/// Answers a challenge off the async threads: key stretching takes milliseconds.
async fn respond(mut exchange: Exchange, challenge: Vec<u8>) -> Result<(Vec<u8>, Exchange), LoginFault> {
    let work =
        tokio::task::spawn_blocking(move || exchange.response(&challenge).map(|data| (data, exchange)));
    let done = work.await.map_err(|_| LoginFault::Passing("the relay is shutting down".into()))?;
    done.map_err(|error| LoginFault::Passing(format!("the server's challenge makes no sense: {error}")))
}

/// Our half of the nonce, out of the first message of SCRAM; other mechanisms have none.
fn nonce(initial: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(initial).ok()?.strip_prefix("n,,")?;
    sole(text, "r=").map(str::to_owned)
}

/// Refuses a SCRAM challenge (RFC 5802 section 7) that is not for us, is ambiguous, or asks for unreasonable work.
fn check(challenge: &[u8], nonce: Option<&str>) -> Result<(), LoginFault> {
    let Some(nonce) = nonce else { return Ok(()) };
    let untrusted = |why: &str| LoginFault::Untrusted(format!("the server's challenge {why}"));
    let text = std::str::from_utf8(challenge).map_err(|_| untrusted("is no text"))?;
    if !sole(text, "r=").is_some_and(|theirs| theirs.len() > nonce.len() && theirs.starts_with(nonce)) {
        return Err(untrusted("is not an answer to ours"));
    }
    let asked = sole(text, "i=").ok_or_else(|| untrusted("does not say once how often to hash"))?;
    // What is no number, or too large for one, is out of range.
    let asked = asked.parse().unwrap_or(u32::MAX);
    if (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&asked) {
        return Ok(());
    }
    Err(LoginFault::Refused(format!(
        "the server asks for a number of rounds of hashing outside {MIN_ITERATIONS} to {MAX_ITERATIONS}"
    )))
}

/// The value of an attribute that is there exactly once.
fn sole<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let mut values = text.split(',').filter_map(|part| part.strip_prefix(prefix));
    values.next().filter(|_| values.next().is_none())
}

fn unproven(error: MechanismError) -> LoginFault {
    LoginFault::Untrusted(format!("the server did not prove that it knows the password: {error}"))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio_xmpp::parsers::{sasl::Mechanism as Name, stream_features::StreamFeatures};

    use super::{check, choose, nonce};
    use crate::fault::LoginFault;

    fn chosen(offered: &[&str]) -> Result<Name, LoginFault> {
        let features = StreamFeatures {
            sasl_mechanisms: offered.iter().map(|name| (*name).to_owned()).collect(),
            ..StreamFeatures::default()
        };
        choose(&features, "a=b", &SecretString::from("pw")).map(|(name, _)| name)
    }

    #[test]
    fn the_best_mechanism_without_channel_binding_is_taken() {
        assert_eq!(
            chosen(&["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]),
            Ok(Name::ScramSha256)
        );
        assert_eq!(chosen(&["PLAIN", "SCRAM-SHA-1", "X-OTHER"]), Ok(Name::ScramSha1));
        assert_eq!(chosen(&["PLAIN", "CISCO-VTG-TOKEN"]), Ok(Name::Plain));
        assert!(matches!(chosen(&["DIGEST-MD5", "ANONYMOUS"]), Err(LoginFault::Refused(_))));
    }

    #[test]
    fn only_a_fair_challenge_is_answered() {
        let features = StreamFeatures {
            sasl_mechanisms: ["SCRAM-SHA-1".to_owned()].into(),
            ..StreamFeatures::default()
        };
        let (_, mut exchange) = choose(&features, "alice", &SecretString::from("pw")).unwrap();
        let ours = nonce(&exchange.initial()).unwrap();
        let checked = |challenge: &str| check(challenge.replace("OURS", &ours).as_bytes(), Some(&ours));
        assert_eq!(checked("r=OURStheirs,s=c2FsdA==,i=4096"), Ok(()));
        for rounds in ["4000000000", "99999999999999", "999", "1", "-5", ""] {
            let challenge = format!("r=OURStheirs,s=c2FsdA==,i={rounds}");
            assert!(matches!(checked(&challenge), Err(LoginFault::Refused(_))), "{rounds}");
        }
        for unfair in [
            "r=OURStheirs,s=c2FsdA==,i=4096,i=4000000000",
            "r=OURStheirs,s=c2FsdA==",
            "r=OURS,s=c2FsdA==,i=4096",
            "r=theirs,s=c2FsdA==,i=4096",
            "r=OURStheirs,r=theirs,s=c2FsdA==,i=4096",
        ] {
            assert!(matches!(checked(unfair), Err(LoginFault::Untrusted(_))), "{unfair}");
        }
        assert_eq!(nonce(b"\0alice\0pw,r=x"), None, "PLAIN has none");
    }
}
