use bytes::Bytes;
use trunkline_sip::{Frame, Framer, Headers, Limits, Message, Response, check, identity};

const LIMITS: Limits = Limits { block: 2_048, body: 4_096 };

/// What a peer sends on a connection: it comes apart the same way however it is parted, what was read is written as it was,
/// every header is read or refused, and what is answered can be read again.
pub(crate) fn sip(bytes: &[u8]) {
    let whole = frames(bytes, bytes.len().max(1));
    for part in [1, 7, 1_024] {
        assert_eq!(frames(bytes, part), whole, "{part} at a time");
    }
    for frame in &whole {
        match frame {
            Frame::Message(message) => taken(message),
            Frame::Refused(refused) => {
                read(&refused.headers);
                refused.answer("t").iter().for_each(reads_again);
                assert!(!refused.error.to_string().is_empty());
            }
            Frame::Ping => {}
        }
    }
    if let Ok(message) = Message::parse(&Bytes::copy_from_slice(bytes)) {
        let written = message.to_bytes();
        assert!(bytes.windows(written.len()).any(|part| part == written), "a message was changed");
    }
}

fn frames(bytes: &[u8], part: usize) -> Vec<Frame> {
    let mut framer = Framer::new(LIMITS);
    let mut frames = Vec::new();
    for part in bytes.chunks(part) {
        framer.push(part);
        frames.extend(std::iter::from_fn(|| framer.pull()));
    }
    frames
}

fn taken(message: &Message) {
    let bytes = message.to_bytes();
    assert!(bytes.len() <= LIMITS.block + LIMITS.body);
    assert_eq!(Message::parse(&bytes).as_ref(), Ok(message), "what was written is read as something else");
    read(message);
    let checked = check(message);
    if let Message::Request(request) = message {
        if checked.is_ok() {
            let answer = Response::build(request, 200).to_tag("t").record_routes().done();
            assert_eq!(answer.vias(), request.vias());
            assert!(answer.to().is_ok_and(|to| to.tag().is_some()));
        }
        reads_again(&Response::build(request, 400).to_tag("t").body("text/plain", "x").done());
    }
}

fn reads_again(answer: &Response) {
    let written = answer.to_bytes();
    assert_eq!(
        Message::parse(&written).map(|message| message.to_bytes()),
        Ok(written),
        "an answer cannot be read"
    );
}

/// Reads each header in each way.
fn read(headers: &Headers) {
    let addresses =
        [headers.contacts(), headers.record_routes(), headers.routes(), headers.asserted_identities()];
    for address in addresses.into_iter().flatten().flatten().chain(headers.from()).chain(headers.to()) {
        assert_eq!(trunkline_sip::Address::parse(address.as_str()).as_ref(), Ok(&address));
        assert_eq!(address.uri.as_str().parse().as_ref(), Ok(&address.uri));
        assert!(address.uri.is_same(&address.uri), "{address}");
        let bare = address.uri.bare();
        assert_eq!(bare.as_str().parse().as_ref(), Ok(&bare));
        drop((address.tag(), address.epid(), address.instance(), address.gruu(), address.expires()));
        let _ = (address.uri.params().count(), address.uri.ipv6(), identity::instance_of(&address.uri));
    }
    for via in headers.vias().into_iter().flatten() {
        assert!(via.unique_branch().is_none_or(|branch| Some(branch) == via.branch()));
        drop((via.sent_by(), via.received()));
    }
    drop((
        headers.call_id(),
        headers.cseq(),
        headers.max_forwards(),
        headers.expires(),
        headers.min_expires(),
    ));
    drop((headers.event(), headers.subscription_state(), headers.content_type(), headers.session_expires()));
    drop((
        headers.min_se(),
        headers.retry_after(),
        headers.warnings(),
        headers.reasons(),
        headers.diagnostics(),
    ));
    drop((headers.keep_alive(), headers.first_message(), headers.rich_first_messages(), headers.ms_sender()));
    drop((
        headers.conversation_id(),
        headers.piggyback_cseq(),
        headers.unknown_requirements(&[]),
        headers.supports("a"),
    ));
    drop((headers.refer_to(), headers.referred_by(), headers.allows("a"), headers.tokens("EndPoints")));
}
