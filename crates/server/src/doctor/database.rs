//! The database: whoever has it open is asked, and its pages are looked through.

use std::time::Duration;

use trunkline_core::port::{Step, Trouble};
use trunkline_store::{Database, Soundness, migration_plan, soundness};

use super::server::Holder;
use crate::{
    admin::{Channel, StatusView},
    ask,
    exit::Failure,
    place::{self, Place},
};

/// How long the pages of a file are looked through.
const LOOK: Duration = Duration::from_secs(10);

/// The steps, and the way to ask more: while no server runs only with `secrets`, for which the database must be opened.
pub(super) async fn examine(place: &Place, holder: &Holder, secrets: bool) -> (Vec<Step>, Option<Channel>) {
    match holder {
        Holder::Unknown => {
            (vec![Step::not_tried("open", "whoever has the data folder open cannot be asked")], None)
        }
        Holder::Server(status) => {
            let mut steps = told(status);
            steps.extend(pages(place).await);
            (steps, Some(Channel::Server(place.clone())))
        }
        Holder::Nobody => at_rest(place, secrets).await,
    }
}

/// While no server runs.
async fn at_rest(place: &Place, secrets: bool) -> (Vec<Step>, Option<Channel>) {
    if let Some(emptied) = place.emptied() {
        return (vec![Step::bad("open", closed(place, &emptied))], None);
    }
    match place.holds_data().await {
        Ok(true) => {}
        Ok(false) => return (vec![absent(place)], None),
        Err(failure) => return (vec![Step::bad("reach", closed(place, &failure))], None),
    }
    let mut steps: Vec<_> = pages(place).await.into_iter().collect();
    if steps.iter().any(Step::failed) {
        steps.push(Step::not_tried("open", "an earlier step failed"));
        return (steps, None);
    }
    if let Err(failure) = place.leave_to_its_owner() {
        let advice = failure.advice().unwrap_or_default();
        steps.push(Step::not_tried("open", format!("{}; try: {advice}", failure.words())));
        return (steps, None);
    }
    if let Some(step) = outdated(place).await {
        steps.push(step);
        return (steps, None);
    }
    match ask::look(place).await {
        Ok(status) => steps.extend(told(&status)),
        Err(failure) => {
            steps.push(Step::bad("open", closed(place, &failure)));
            return (steps, None);
        }
    }
    // Only the store can tell a password; opening it changes the database, which nobody expects of a look otherwise.
    let channel = if secrets { Channel::open(place.clone()).await.ok() } else { None };
    (steps, channel)
}

fn absent(place: &Place) -> Step {
    if place.master_key.exists() {
        return Step::doubtful(
            "open",
            format!(
                "there is the master key {}, but no database {}: the next start makes a new, empty one",
                place.master_key.display(),
                place.database
            ),
            "where there was one before: put it back, or trunkline restore BACKUP",
        );
    }
    Step::not_tried("open", "there is no database yet; `trunkline serve` makes it")
}

/// A page that is damaged may be read by nobody for months.
async fn pages(place: &Place) -> Option<Step> {
    let Database::Sqlite(file) = &place.database else { return None };
    Some(match soundness(&place.database, LOOK).await {
        Ok(Soundness::NotLooked) => return None,
        Ok(Soundness::Sound) => Step::good("pages", "SQLite finds every page of the file sound"),
        Ok(Soundness::Unfinished) => Step::not_tried(
            "pages",
            format!(
                "the file is large: no fault in what could be looked through within {} s. For all of it: \
                 sqlite3 {} \"PRAGMA quick_check\"",
                LOOK.as_secs(),
                file.display()
            ),
        ),
        Ok(Soundness::Damaged(words)) => Step::bad(
            "pages",
            Trouble {
                expected: format!("every page of {} to be sound", file.display()),
                seen: format!("the database file is damaged: {words}"),
                likely: place::DAMAGE.into(),
                attempt: place::mend(file),
            },
        ),
        Err(error) => Step::bad("pages", closed(place, &place.store_trouble(&error))),
    })
}

/// A database that opening would change is not opened: nobody expects a change of a look.
async fn outdated(place: &Place) -> Option<Step> {
    let plan = match migration_plan(&place.database).await {
        Ok(plan) => plan,
        Err(error) => return Some(Step::bad("schema", closed(place, &place.store_trouble(&error)))),
    };
    let found = plan.found.filter(|_| !plan.steps.is_empty())?;
    Some(Step::doubtful(
        "schema",
        format!("the schema is {found}, this program's is {}; the database was not opened", plan.known),
        ask::OUTDATED,
    ))
}

fn told(status: &StatusView) -> Vec<Step> {
    if let Some(problem) = &status.database_problem {
        return vec![match &status.server {
            // It is what makes the server not ready, and told there.
            Some(_) => Step::not_tried("read", format!("the server cannot read it: {problem}")),
            None => Step::bad("read", unread(status, problem)),
        }];
    }
    let counts = status.counts.iter().flatten().map(|(what, count)| ask::counted(what, *count));
    let outbox = status.counts.as_ref().and_then(|counts| counts.get("outbox")).copied().unwrap_or_default();
    let mut steps = vec![Step::good("read", counts.collect::<Vec<_>>().join(", "))];
    if outbox > 0 {
        steps.push(Step::doubtful(
            "outbox",
            format!("{outbox} messages wait for an IM system"),
            "look at the backends below; they go out by themselves once their lines are up",
        ));
    }
    steps
}

fn unread(status: &StatusView, problem: &str) -> Trouble {
    Trouble {
        expected: "a database that can be read".into(),
        seen: problem.to_owned(),
        likely: place::DAMAGE.into(),
        attempt: status.database_advice.clone().unwrap_or_else(|| "trunkline status".to_owned()),
    }
}

fn closed(place: &Place, failure: &Failure) -> Trouble {
    Trouble {
        expected: format!("{} to open and to be read", place.held()),
        seen: failure.words().to_owned(),
        likely: failure
            .likely()
            .unwrap_or(
                "DB_CONNECTION or MASTER_KEY_FILE names something else than before, or the files belong to another user",
            )
            .into(),
        attempt: failure.advice().unwrap_or("trunkline status").to_owned(),
    }
}
