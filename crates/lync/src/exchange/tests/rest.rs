//! A server that lets accounts wait.

use std::time::Duration;

use trunkline_sip::{Request, Response, name};

use super::{
    bench::Bench,
    mute::{pass, requests},
    transcript::Event,
};
use crate::{
    address::Target,
    connection::CloseReason,
    exchange::{Command, link::Link},
};

const DAY: u64 = 24 * 60 * 60;

fn say(
    bench: &mut Bench,
    at: Duration,
    request: &Request,
    status: u16,
    header: (&str, &str),
) -> Vec<Request> {
    let response = Response::build(request, status).to_tag("fe").header(header.0, header.1).done();
    let mut sent = requests(&bench.step(at, &Event::Received(response.to_bytes().to_vec())));
    sent.extend(pass(bench, at));
    sent
}

#[test]
fn what_one_account_was_told_to_wait_keeps_only_that_one_from_its_server() {
    let (at, home) = (Duration::from_secs, "<sip:192.0.2.6:5061;transport=tls>");
    let mut bench = Bench::new();
    let pool = bench.with(|exchange, _| exchange.place.pool.clone());
    let front = Target { host: Some("192.0.2.6".to_owned()), ..pool.clone() };
    let opening = bench.opening();
    let first = requests(&bench.ask(at(1), Command::Open(Box::new(opening)))).remove(0);
    bench.with(|exchange, _| exchange.links.insert(front.clone(), Link::Dialling));
    assert!(say(&mut bench, at(2), &first, 301, (name::CONTACT, home)).is_empty());
    let second = requests(&bench.connect(at(3), &front)).remove(0);
    say(&mut bench, at(4), &second, 503, (name::RETRY_AFTER, &DAY.to_string()));
    assert!(!bench.is_open());
    let next = bench.with(|exchange, connection| {
        exchange.links.insert(pool.clone(), Link::Dialling);
        exchange.closed(&connection.clone(), &CloseReason::Left);
        exchange.next_dial().expect("the server is dialled again")
    });
    assert!(next > at(60) && next <= at(5 * 60), "{next:?}");
    let third = requests(&bench.connect(at(5), &pool)).remove(0);
    assert!(say(&mut bench, at(6), &third, 301, (name::CONTACT, home)).is_empty());
    assert!(requests(&bench.connect(at(100), &front)).is_empty(), "it was told to wait");
    assert!(pass(&mut bench, at(DAY)).is_empty());
    assert_eq!(pass(&mut bench, at(DAY + 5)).len(), 1);
}
