use trunkline_wire::{
    Early, ErrorCode, Frame, Limits, Parsed, Reply, complete, failure_now, parse, phone, processing,
};

/// A text frame of a phone's: it is read, and every answer to it is a frame that a phone can read, with the id that it gave.
pub(crate) fn frame(bytes: &[u8]) {
    // What is no UTF-8 ends a socket before anybody parses.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let all = match parse(text, Limits { max_message_chars: 8_000 }) {
        Frame::Single(one) => vec![one],
        Frame::Batch(all) => {
            assert!((1..=1_000).contains(&all.len()));
            all
        }
    };
    all.iter().for_each(answer);
    // The other way: whatever the text is, a phone survives it.
    let _ = phone::read(text);
}

fn answer(parsed: &Parsed) {
    match parsed {
        Ok(request) => {
            assert!(request.id.key().len() <= 255);
            let answers = [
                processing(&request.id, &request.name, Early::Nothing, false),
                complete(&request.id, &request.name, &Reply::Plain, 1),
            ];
            for answer in answers {
                assert!(phone::read(&answer).is_ok(), "{answer}");
                assert!(answer.contains(request.id.raw()), "{answer}");
            }
            let shown = format!("{request:?} {:?}", request.call);
            assert!(shown.len() < 8_192, "a request is shown at length");
        }
        Err(bad) => {
            let answer = failure_now(bad.id.as_ref(), bad.name.as_deref(), &bad.error, true);
            assert!(phone::read(&answer).is_ok(), "{answer}");
            let early = [
                ErrorCode::ParseError,
                ErrorCode::InvalidRequest,
                ErrorCode::MethodNotFound,
                ErrorCode::InvalidParams,
            ];
            assert!(early.contains(&bad.error.code), "{:?}", bad.error);
        }
    }
}
