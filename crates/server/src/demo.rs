//! `trunkline demo`: a relay in a temporary folder and phones that talk through it over real sockets, told as a story.

mod cast;
mod encore;
mod narrator;
mod network;
mod phone;
mod stage;
mod story;

use narrator::Narrator;
use stage::Stage;

use crate::{exit::Failure, shutdown};

/// Tells the story, every step checked; unless `once`, then stays up so that others can join in.
pub(crate) async fn demo(once: bool) -> Result<(), Failure> {
    let stop = shutdown::on_signal()?;
    let mut narrator = Narrator::new();
    let stage = Stage::set(&stop).await?;
    let ended = tokio::select! {
        ended = play(&mut narrator, &stage, once) => ended,
        () = stop.drain.cancelled() => interrupted(once),
    };
    stop.drain.cancel();
    stage.strike().await;
    ended
}

/// Being told to stop is how a demo ends that stays up, and no success for one that should tell its story.
fn interrupted(once: bool) -> Result<(), Failure> {
    if once { Err(Failure::failed("told to stop before the story was over")) } else { Ok(()) }
}

async fn play(narrator: &mut Narrator, stage: &Stage, once: bool) -> Result<(), Failure> {
    let cast = match story::tell(narrator, stage).await {
        Ok(cast) => cast,
        Err(broken) => {
            narrator.broken(&broken.step, &broken.trouble);
            return Err(Failure::failed(format!("the demo broke at this step: {}", broken.step)));
        }
    };
    if once { Ok(()) } else { encore::stay(narrator, stage, cast).await }
}
