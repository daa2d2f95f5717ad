use std::time::Instant;

use anyhow::Result;

use crate::{Setting, engine::House, figure::Figures, store::filled};

/// From the start of the process until it listens, with many messages in the database.
pub(crate) async fn measure(setting: &Setting, figures: &mut Figures) -> Result<()> {
    for engine in &setting.engines {
        let mut house = House::on(&setting.program, filled(setting, *engine).await?).await?;
        let case = format!("{}, {} messages", engine.name(), setting.plan.filled);
        // The first start may find the files cold, or have something to make.
        for _ in 0..setting.plan.runs.max(3) {
            house.relay.stop().await?;
            let begin = Instant::now();
            house.relay.start().await?;
            let millis = begin.elapsed().as_secs_f64() * 1_000.0;
            figures.add("start", &case, &[("ms", millis)]);
        }
    }
    Ok(())
}
