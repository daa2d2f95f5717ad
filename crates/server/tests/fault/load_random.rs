mod act;
mod model;
mod world;

use std::cell::{Cell, RefCell};

use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;
use trunkline_testkit::{peer::Postgres, relay::Builder};

use self::world::World;
use crate::{chance, house::House};

/// Histories; `PROPTEST_CASES` asks for more.
const CASES: u32 = 16;
const CASES_ON_POSTGRES: u32 = 6;
/// How long to look for a shorter history that fails too, in milliseconds.
const SHRINK: u32 = 60_000;

/// Whatever people, networks and power stations do, each phone is told exactly what a naive model says, in order.
#[test]
fn each_phone_is_told_exactly_what_the_model_says() {
    histories(CASES, House::plan());
}

/// The same on PostgreSQL.
#[test]
fn each_phone_is_told_exactly_what_the_model_says_on_postgres() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(Postgres::start()).unwrap();
    let url = runtime.block_on(server.database()).unwrap();
    histories(CASES_ON_POSTGRES, House::plan().database(&url));
}

fn histories(cases: u32, plan: Builder) {
    let seed = chance::seed(404);
    eprintln!("again with TRUNKLINE_FAULT_SEED={seed}");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(cases);
    let config = Config { cases, max_shrink_time: SHRINK, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, chance::rng(seed));
    let runtime = Runtime::new().unwrap();
    let house = RefCell::new(runtime.block_on(House::with(plan, &[])));
    let case = Cell::new(0);
    let histories = proptest::collection::vec(act::act(), 60..180);
    let outcome = runner.run(&histories, |acts| {
        case.set(case.get() + 1);
        let house: &mut House = &mut house.borrow_mut();
        runtime.block_on(async { World::new(house, case.get()).await.play(acts).await });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    house.borrow().check_log();
}
