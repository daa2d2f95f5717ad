//! Whatever happens on the way, in whatever order.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use trunkline_core::port::Outcome;

use super::side::{ALICE, BOB, Core, Side, address, key};
use super::way::Way;
use crate::chat::{Accept, Event, Settings};

#[derive(Clone, Copy, Debug)]
enum Step {
    Sends,
    Carries,
    Repeats,
    Loses,
    Cuts,
    Waits(u64),
    Commits(bool),
    Types,
    Accepts,
    Declines,
    Ends,
    Endpoints(Option<usize>),
}

fn step() -> impl Strategy<Value = (bool, Step)> {
    let step = prop_oneof![
        6 => Just(Step::Sends),
        30 => Just(Step::Carries),
        3 => Just(Step::Repeats),
        2 => Just(Step::Loses),
        1 => Just(Step::Cuts),
        3 => (1_u64..40_000).prop_map(Step::Waits),
        8 => prop::bool::weighted(0.8).prop_map(Step::Commits),
        1 => Just(Step::Types),
        2 => Just(Step::Accepts),
        1 => Just(Step::Declines),
        2 => Just(Step::Ends),
        1 => prop::option::of(0_usize..2).prop_map(Step::Endpoints),
    ];
    (any::<bool>(), step)
}

fn settings() -> impl Strategy<Value = Settings> {
    let accept = prop_oneof![Just(Accept::OnlyEndpoint), Just(Accept::User), Just(Accept::Always)];
    (any::<bool>(), accept).prop_map(|(embeds, accept)| Settings { embeds, accept, ..Settings::default() })
}

fn names(is_alice: bool) -> (&'static str, &'static str) {
    if is_alice { (ALICE, BOB) } else { (BOB, ALICE) }
}

fn run(way: &mut Way, is_alice: bool, step: Step, number: u128) {
    let (_, peer) = names(is_alice);
    let (side, other) =
        if is_alice { (&mut way.alice, &mut way.bob) } else { (&mut way.bob, &mut way.alice) };
    match step {
        Step::Sends => side.send(number, &number.to_string(), peer),
        Step::Carries => side.wire.pop_front().into_iter().for_each(|message| other.receive(message)),
        Step::Repeats => side.wire.front().cloned().into_iter().for_each(|message| other.receive(message)),
        Step::Loses => drop(side.wire.pop_front()),
        Step::Cuts => {
            side.lose();
            other.lose();
            side.restore();
            other.restore();
        }
        Step::Waits(millis) => {
            way.now += Duration::from_millis(millis);
            way.alice.advance(way.now);
            way.bob.advance(way.now);
        }
        Step::Commits(commits) => side.commit_now(commits),
        Step::Types => side.handle(Event::PersonTypes { peer: address(peer), composing: true }),
        Step::Accepts => side.handle(Event::PersonAccepts(address(peer))),
        Step::Declines => side.handle(Event::PersonDeclines(address(peer))),
        Step::Ends => side.handle(Event::PersonEnds(address(peer))),
        Step::Endpoints(others) => side.handle(Event::EndpointsChanged(others)),
    }
}

/// Every message has one outcome, what is confirmed is there, and nothing is there twice.
fn judge(sender: &Side, sent: &[u128], receiver: &Side) -> Result<(), TestCaseError> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    receiver.texts().into_iter().for_each(|text| *found.entry(text).or_default() += 1);
    for number in sent {
        let outcomes = sender.outcomes.get(&key(*number)).map(Vec::as_slice).unwrap_or_default();
        prop_assert_eq!(outcomes.len(), 1, "{}: {:?}", number, outcomes);
        let times = found.get(number.to_string().as_str()).copied().unwrap_or_default();
        prop_assert!(times <= 1, "{} arrived {} times: {:?}", number, times, outcomes);
        prop_assert!(outcomes != [Outcome::Confirmed] || times == 1, "{} was lost", number);
        prop_assert!(outcomes != [Outcome::NotSent] || times == 0, "{} arrived unsent", number);
    }
    prop_assert!(sender.chats.is_idle(), "{:?}", sender.chats);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_confirmed_is_lost_and_nothing_arrives_twice(
        alice in settings(),
        bob in settings(),
        steps in prop::collection::vec(step(), 1..160),
        shuts_down in any::<bool>(),
    ) {
        let mut way = Way::new(alice, bob);
        (way.alice.core, way.bob.core) = (Core::Waits, Core::Waits);
        let mut sent: (Vec<u128>, Vec<u128>) = (Vec::new(), Vec::new());
        for (number, (is_alice, step)) in (1_u128..).zip(steps) {
            if matches!(step, Step::Sends) {
                if is_alice { sent.0.push(number) } else { sent.1.push(number) }
            }
            run(&mut way, is_alice, step, number);
        }
        for side in [&mut way.alice, &mut way.bob] {
            side.core = Core::Commits;
            while !side.waiting.is_empty() {
                side.commit_now(true);
            }
        }
        if shuts_down {
            way.alice.handle(Event::Shutdown);
        }
        way.pass(Duration::from_secs(3_600));
        judge(&way.alice, &sent.0, &way.bob)?;
        judge(&way.bob, &sent.1, &way.alice)?;
    }
}
