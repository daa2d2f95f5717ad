use std::sync::Arc;

use trunkline_config::LogFormat;
use trunkline_store::{CommitListener, Committed, MigrationPlan, StoreError, migration_plan};

use crate::{
    admin::server_answers,
    cli::Migrate,
    exit::Failure,
    place::{Opened, Place},
    print, telemetry,
};

/// `trunkline migrate`: the server does the same when it starts; here it can be seen beforehand, and done apart.
pub(crate) async fn migrate(place: Place, args: Migrate) -> Result<(), Failure> {
    let plan = migration_plan(&place.database).await.map_err(|error| place.store_trouble(&error))?;
    if let Some(found) = plan.found.filter(|found| *found > plan.known) {
        return Err(place.store_trouble(&StoreError::TooNew { found, known: plan.known }));
    }
    if !args.dry_run && !plan.steps.is_empty() {
        carry_out(&place).await?;
    }
    if args.output.json {
        return print::json(&serde_json::json!({ "done": !args.dry_run, "plan": plan }));
    }
    print::text(&told(&plan, args.dry_run))
}

async fn carry_out(place: &Place) -> Result<(), Failure> {
    if server_answers(place).await? {
        return Err(Failure::failed("a server of an earlier version runs, and uses the schema as it is")
            .advise("trunkline backup FOLDER, then stop the server and do the same again"));
    }
    place.leave_to_its_owner()?;
    telemetry::start("info", LogFormat::Text)?;
    match place.open_store(Arc::new(Deaf)).await? {
        Opened::Here(store) => {
            store.close().await;
            Ok(())
        }
        Opened::Elsewhere(who) => Err(Failure::failed(who)),
    }
}

fn told(plan: &MigrationPlan, dry_run: bool) -> String {
    let MigrationPlan { found, known, steps } = plan;
    let Some(found) = found.filter(|_| !steps.is_empty()) else {
        return match (found, dry_run) {
            (Some(found), _) => format!("The schema is up to date: {found}.\n"),
            (None, true) => format!("There is no database yet; a new one gets the schema {known}.\n"),
            (None, false) => format!("A new database is made, with the schema {known}.\n"),
        };
    };
    let mut text = if dry_run {
        format!("The schema is {found}, this program's is {known}. Missing:\n")
    } else {
        format!("The schema was {found} and is {known} now. Taken:\n")
    };
    for step in steps {
        text += &format!("  {} {}\n", step.version, step.name);
        for touched in &step.touches {
            text +=
                &format!("      {}: {} rows, {} KiB\n", touched.table, touched.rows, touched.bytes / 1024);
        }
    }
    text + if dry_run { "Nothing was changed. Back up before: trunkline backup FOLDER\n" } else { "" }
}

/// Nobody listens to a change of the schema.
#[derive(Debug)]
struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _entries: &[Committed]) {}
}
