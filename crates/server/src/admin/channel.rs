use std::{
    io::{self, ErrorKind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep};
use trunkline_store::{CommitListener, Committed};

use super::{Command, Executor, Refusal, Reply, own_uid, socket};
use crate::{
    exit::Failure,
    place::{Opened, Place},
};

/// How long to wait for a server that is starting, or for another command at work on the database.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The way to whoever carries out commands.
pub(crate) enum Channel {
    /// The running server, over the socket in its data folder.
    Server(Place),
    /// This process, with the database opened under its lock.
    Here(Box<Executor>),
}

impl Channel {
    /// Finds the running server, else opens the database.
    pub(crate) async fn open(place: Place) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if server_answers(&place).await? {
                return Ok(Self::Server(place));
            }
            place.leave_to_its_owner()?;
            let who = match place.open_store(Arc::new(Deaf)).await? {
                Opened::Here(store) => return Ok(Self::Here(Box::new(Executor::new(store, None, place)))),
                Opened::Elsewhere(who) => who,
            };
            if Instant::now() >= deadline {
                return Err(silent(&place, &who));
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    /// Finds the running server; `None` when nobody has the database open, as far as that can be seen without opening it.
    pub(crate) async fn to_server(place: &Place) -> Result<Option<Self>, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if server_answers(place).await? {
                return Ok(Some(Self::Server(place.clone())));
            }
            let Some(who) = place.locked() else { return Ok(None) };
            if Instant::now() >= deadline {
                return Err(silent(place, &who));
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    /// Has one command carried out.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, Failure> {
        let reply = match self {
            Self::Server(place) => {
                let answer = socket::ask(&place.data_dir, &command).await;
                let answer = answer.map_err(|error| no_answer(place, &error))?;
                answer.ok_or_else(|| unreachable(place, &"it has just stopped"))?
            }
            Self::Here(executor) => executor.execute(command, own_uid()).await,
        };
        match reply {
            Reply::Refused { refusal: Refusal { words, .. } } => Err(Failure::failed(words)),
            reply => Ok(reply),
        }
    }

    /// Closes the database, if it was opened here.
    pub(crate) async fn close(self) {
        if let Self::Here(executor) = self {
            executor.store().close().await;
        }
    }
}

/// Tells the running server something; there must be one.
pub(crate) async fn tell_server(place: &Place, command: Command) -> Result<Reply, Failure> {
    Channel::Server(place.clone()).ask(command).await
}

/// What the server in this data folder answers; `None` when none does.
pub(crate) async fn ask_in(data_dir: &Path, command: Command) -> Option<Reply> {
    socket::ask(data_dir, &command).await.ok().flatten()
}

/// True when a server listens in the data folder.
pub(crate) async fn server_answers(place: &Place) -> Result<bool, Failure> {
    socket::answers(&place.data_dir).await.map_err(|error| no_answer(place, &error))
}

/// Why the socket could not be used. That it is somebody else's says nothing of the server.
fn no_answer(place: &Place, error: &io::Error) -> Failure {
    if error.kind() != ErrorKind::PermissionDenied {
        return unreachable(place, error);
    }
    let folder = place.data_dir.display();
    let owner = place.owner().unwrap_or_else(|| "the user that it belongs to".to_owned());
    Failure::failed(format!("this user may not look into {folder}, and so cannot ask the server: {error}"))
        .because("the command runs as another user than the server")
        .advise(format!("the same with sudo, or as {owner}"))
}

/// Somebody has the data folder open, and no server listens there.
pub(crate) fn silent(place: &Place, who: &str) -> Failure {
    unreachable(place, &format_args!("its admin socket does not answer; {who}"))
}

fn unreachable(place: &Place, why: &dyn std::fmt::Display) -> Failure {
    let words = format!("the process that holds {} cannot be asked: {why}", place.held());
    Failure::unreachable(words)
        .because("the server hangs, or another command is at work")
        .advise("look whether `trunkline serve` hangs; then restart it")
}

/// Nobody listens to the commits of a command.
#[derive(Debug)]
struct Deaf;

impl CommitListener for Deaf {
    fn committed(&self, _entries: &[Committed]) {}
}
