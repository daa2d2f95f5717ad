//! Two user agents over a link that delays, repeats and breaks, in any order that chance makes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use crate::agent::{Agent, Fate};

/// One thing that happens; a side is 0 or 1.
#[derive(Clone, Copy, Debug)]
enum Step {
    Say(usize),
    Write(usize),
    Deliver(usize),
    /// The next message to that side comes a second time, after all that is on its way.
    Repeat(usize),
    Wait(u8),
    Break,
    Accept(usize),
    Refuse(usize),
    Cancel(usize),
    HangUp(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let side = || 0..2_usize;
    prop_oneof![
        3 => side().prop_map(Step::Say),
        10 => side().prop_map(Step::Write),
        10 => side().prop_map(Step::Deliver),
        2 => side().prop_map(Step::Repeat),
        2 => (0..70_u8).prop_map(Step::Wait),
        1 => Just(Step::Break),
        3 => side().prop_map(Step::Accept),
        1 => side().prop_map(Step::Refuse),
        1 => side().prop_map(Step::Cancel),
        1 => side().prop_map(Step::HangUp),
    ]
}

struct World {
    now: Duration,
    agents: [Agent; 2],
    /// What is on its way to each side.
    ways: [VecDeque<Bytes>; 2],
}

impl World {
    fn new(salt: u32) -> Self {
        let salt = u64::from(salt);
        let agents = [Agent::new("alice", "bob", salt), Agent::new("bob", "alice", salt + 500)];
        Self { now: Duration::ZERO, agents, ways: Default::default() }
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Say(side) => self.agents[side].say(),
            Step::Write(side) => drop(self.write(side)),
            Step::Deliver(side) => drop(self.deliver(side)),
            Step::Repeat(side) => {
                let next = self.ways[side].front().cloned();
                self.ways[side].extend(next);
            }
            Step::Wait(seconds) => self.now += Duration::from_secs(u64::from(seconds)),
            Step::Break => {
                self.ways.iter_mut().for_each(VecDeque::clear);
                self.agents.iter_mut().for_each(|agent| agent.lost(now));
            }
            Step::Accept(side) => self.agents[side].accept(now),
            Step::Refuse(side) => self.agents[side].refuse(now, 603),
            Step::Cancel(side) => self.agents[side].cancel(now),
            Step::HangUp(side) => self.agents[side].hang_up(now),
        }
        self.tick();
    }

    fn tick(&mut self) {
        for agent in &mut self.agents {
            agent.tick(self.now);
            agent.pump(self.now);
        }
    }

    fn write(&mut self, side: usize) -> bool {
        let written = self.agents[side].write(self.now);
        let wrote = written.is_some();
        self.ways[1 - side].extend(written);
        wrote
    }

    fn deliver(&mut self, side: usize) -> bool {
        let next = self.ways[side].pop_front();
        next.iter().for_each(|next| self.agents[side].take(self.now, next));
        next.is_some()
    }

    /// Lets everything come to its end: messages first, then what people leave open, then time.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            let moved = [0, 1].map(|side| self.write(side) | self.deliver(side)).contains(&true);
            self.tick();
            if moved {
                continue;
            }
            let now = self.now;
            if let Some(agent) = self.agents.iter_mut().find(|agent| agent.is_invited()) {
                agent.accept(now);
                continue;
            }
            match self.agents.iter().filter_map(Agent::next_deadline).min() {
                Some(at) => self.now = self.now.max(at),
                None => return,
            }
        }
        panic!("it never comes to an end");
    }

    fn check(&self) {
        for (agent, peer) in [(&self.agents[0], &self.agents[1]), (&self.agents[1], &self.agents[0])] {
            assert!(agent.table.is_empty(), "transactions never end: {:?}", agent.table.len());
            assert!(agent.dialogs.len() <= 1, "{} dialogs are kept", agent.dialogs.len());
            assert_eq!(agent.current.iter().count(), agent.dialogs.len());
            for (text, fate, _) in &agent.texts {
                let times = peer.heard.iter().filter(|heard| *heard == text).count();
                let right = match fate {
                    Fate::Delivered => times == 1,
                    Fate::Refused => times == 0,
                    Fate::Unknown => times <= 1,
                    Fate::Waiting | Fate::Underway => false,
                };
                assert!(right, "{text} was heard {times} times and is {fate:?}");
            }
        }
    }
}

fn run(salt: u32, steps: &[Step]) -> World {
    let mut world = World::new(salt);
    steps.iter().for_each(|step| world.step(*step));
    world.settle();
    world.check();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_both_refused_and_heard_and_everything_ends(salt in any::<u32>(), steps in vec(step(), 0..120)) {
        run(salt, &steps);
    }
}

#[test]
fn two_who_begin_at_once_keep_one_dialog_and_lose_no_text() {
    let rings =
        [Step::Say(0), Step::Say(1), Step::Write(0), Step::Write(1), Step::Deliver(0), Step::Deliver(1)];
    let at_once = [&rings[..], &[Step::Accept(0), Step::Accept(1)]].concat();
    for (salt, steps) in (0..20).flat_map(|salt| [(salt, &rings[..]), (salt, &at_once[..])]) {
        let world = run(salt, steps);
        let [alice, bob] = &world.agents;
        assert_eq!(
            (&alice.heard[..], &bob.heard[..]),
            (&["bob0".to_owned()][..], &["alice0".to_owned()][..])
        );
        let (one, other) = (alice.current.as_ref().unwrap(), bob.current.as_ref().unwrap());
        assert_eq!(one.call_id, other.call_id);
        assert_eq!((alice.invites.len(), bob.invites.len()), (1, 1), "no INVITE was in vain");
    }
}

#[test]
fn a_text_that_comes_again_much_later_is_heard_once() {
    let mut world = World::new(1);
    world.step(Step::Say(0));
    world.settle();
    let late =
        [Step::Say(0), Step::Write(0), Step::Repeat(1), Step::Deliver(1), Step::Wait(60), Step::Deliver(1)];
    late.into_iter().for_each(|step| world.step(step));
    world.settle();
    world.check();
    assert_eq!(world.agents[1].heard, ["alice0", "alice1"]);
}
