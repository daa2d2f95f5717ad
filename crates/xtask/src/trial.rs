//! The trials at their full length: faults survived, load held.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{debian, peer, process};

/// Tells the tests to go on for their full length.
const FULL: &str = "TRUNKLINE_TRIAL";
/// How many seconds the tests wait for what must happen.
const PATIENCE: (&str, &str) = ("TRUNKLINE_TEST_PATIENCE", "120");

/// A trial: its name, what is tried, and the test that does it.
struct Trial {
    name: &'static str,
    what: &'static str,
    package: &'static str,
    target: &'static str,
    test: &'static str,
}

const fn trial(name: &'static str, what: &'static str, at: [&'static str; 3]) -> Trial {
    let [package, target, test] = at;
    Trial { name, what, package, target, test }
}

const SERVER: &str = "trunkline-server";
const XMPP: &str = "trunkline-xmpp";

const TRIALS: &[Trial] = &[
    trial(
        "F1",
        "the relay is killed 200 times under traffic",
        [SERVER, "fault", "load_traffic::a_power_cut_under_traffic_loses_nothing_acknowledged"],
    ),
    trial(
        "F2-network",
        "the IM system is cut off, late, half-open, silent",
        [SERVER, "peer", "trial::peer_behind_a_failing_network_loses_and_doubles_nothing"],
    ),
    trial(
        "F2-restart",
        "the IM system stops or dies 120 times",
        [XMPP, "peer", "fault::peer_restart_loses_nothing_that_was_confirmed"],
    ),
    trial(
        "F2-crowd",
        "a Front End with 1,000 accounts dies six times",
        [SERVER, "peer", "lync::crowd::peer_killed_under_a_crowd_has_everybody_back_and_loses_nothing"],
    ),
    trial(
        "F2-lync",
        "a pool dies, hangs, forgets, doubles, loses; the relay is killed",
        [SERVER, "peer", "lync::trial::peer_pool_that_fails_in_every_way_loses_and_doubles_nothing"],
    ),
    trial(
        "F3",
        "the IM system refuses a password that worked",
        [SERVER, "peer", "outage::peer_with_a_changed_password_is_not_tried_again_with_the_old_one"],
    ),
    trial(
        "F3-lync",
        "a pool refuses an account for good",
        [
            SERVER,
            "peer",
            "lync::status::peer_pool_that_refuses_an_account_for_good_is_not_asked_again_until_it_is_there_anew",
        ],
    ),
    trial(
        "F4",
        "phones on a slow network, a dead one, another one",
        [SERVER, "fault", "load_traffic::sdk::phones_on_the_move_lose_and_double_nothing"],
    ),
    trial(
        "F5-full",
        "the disk is full",
        [SERVER, "fault", "load_disk::a_full_disk_refuses_messages_until_there_is_space"],
    ),
    trial(
        "F5-read-only",
        "the disk turns read-only",
        [SERVER, "fault", "load_disk::a_disk_gone_read_only_refuses_messages_until_it_takes_them"],
    ),
    trial(
        "F5-sync",
        "the disk fails to sync",
        [SERVER, "fault", "load_disk::a_disk_that_cannot_sync_stores_nothing_that_it_was_not_asked_anew"],
    ),
    trial(
        "F5-busy",
        "another program holds the database",
        [
            SERVER,
            "fault",
            "load_disk::a_database_that_another_program_holds_refuses_messages_until_it_lets_go",
        ],
    ),
    trial(
        "F6",
        "the clock jumps by an hour, both ways",
        [SERVER, "fault", "load_clock::a_clock_that_jumps_an_hour_ends_no_session_and_loses_nothing"],
    ),
    trial(
        "polls-nginx",
        "a poll that is held for 55 s behind nginx",
        [SERVER, "deploy", "front::nginx::an_empty_poll_is_ended_by_the_relay_and_not_by_the_proxy"],
    ),
    trial(
        "polls-haproxy",
        "a poll that is held for 55 s behind HAProxy",
        [SERVER, "deploy", "front::haproxy::an_empty_poll_is_ended_by_the_relay_and_not_by_the_proxy"],
    ),
    trial(
        "B11-lync",
        "a good session with a pool, bent at any byte, 20,000 times",
        [SERVER, "peer", "lync::hostile::peer_session_with_garbage_at_any_byte_harms_nobody"],
    ),
    trial(
        "L1",
        "4,000 idle phones over TLS for half an hour",
        [SERVER, "fault", "load_soak::idle_phones_stay_connected_and_cost_no_more_with_time"],
    ),
    trial(
        "L2",
        "a hundred thousand messages among twelve phones; nothing is left behind (L8)",
        [SERVER, "fault", "load_soak::lasting_load_loses_nothing_and_leaves_nothing_behind"],
    ),
];

/// Runs the trials whose names begin with one of `names`, or all, and prints how each ended.
pub(crate) fn run(names: &[String]) -> Result<ExitCode> {
    let wanted = |trial: &&Trial| names.is_empty() || names.iter().any(|name| is_called(trial, name));
    let chosen: Vec<&Trial> = TRIALS.iter().filter(wanted).collect();
    if let Some(unknown) = names.iter().find(|name| !TRIALS.iter().any(|trial| is_called(trial, name))) {
        let known: Vec<_> = TRIALS.iter().map(|trial| trial.name).collect();
        bail!("there is no trial {unknown:?}; there are {}", known.join(", "));
    }
    debian::install_missing()?;
    let python = peer::python()?;
    let mut results = Vec::new();
    for trial in chosen {
        let begun = Instant::now();
        let mut test =
            process::cargo(["test", "--quiet", "--package", trial.package, "--test", trial.target]);
        test.args(["--", "--exact", trial.test, "--nocapture"]).env(FULL, "1").env(PATIENCE.0, PATIENCE.1);
        let held = process::run(test.env(peer::PYTHON_VARIABLE, &python)).is_ok();
        results.push((trial, held, begun.elapsed()));
    }
    println!("\n{}", table(&results));
    let held = results.iter().all(|(_, held, _)| *held);
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_called(trial: &Trial, name: &str) -> bool {
    trial.name.to_lowercase().starts_with(&name.to_lowercase())
}

fn table(results: &[(&Trial, bool, Duration)]) -> String {
    let row = |(trial, held, took): &(&Trial, bool, Duration)| {
        let (held, took) = (if *held { "held" } else { "FAILED" }, took.as_secs());
        format!("{:<14}{held:<8}{took:>6} s  {}", trial.name, trial.what)
    };
    results.iter().map(row).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::TRIALS;
    use crate::workspace;

    /// `cargo test --exact` with a name that no test has would pass.
    #[test]
    fn every_trial_has_its_test() {
        for trial in TRIALS {
            let folder = trial.package.trim_start_matches("trunkline-");
            let (module, name) = trial.test.rsplit_once("::").unwrap();
            let module = module.replace("::", "/");
            let folder = workspace::root().join(format!("crates/{folder}/tests/{}", trial.target));
            // A module that a macro makes, once for each program that is tried, stands in the file above.
            let files = [Some(module.as_str()), module.rsplit_once('/').map(|(above, _)| above)];
            let source = files
                .into_iter()
                .flatten()
                .find_map(|file| fs::read_to_string(folder.join(file).with_extension("rs")).ok());
            let source = source.unwrap_or_else(|| panic!("no file has {}", trial.test));
            assert!(source.contains(&format!("async fn {name}(")), "{} is not there", trial.test);
        }
    }
}
