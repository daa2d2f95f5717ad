use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Command, Executor, Refusal, RefusalKind, Reply};

/// The socket's name in the data folder.
const NAME: &str = "admin.sock";
/// Longest command line, in bytes: a part of an import is the longest.
const COMMAND_MAX: u64 = 512 * 1024;
/// Longest reply line, in bytes: a page of the fullest accounts has about a third of it.
const REPLY_MAX: u64 = 4 * 1024 * 1024;
/// Commands carried out at the same time.
const AT_ONCE: usize = 8;
/// How long a peer may take to write its line, or to read ours.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take to be carried out.
const WORK: Duration = Duration::from_secs(30);
/// The same for one that the database may need minutes for.
const LONG_WORK: Duration = Duration::from_secs(900);
/// Longest path that fits into a Unix socket's address.
const PATH_MAX: usize = 100;

/// The running server's ear for commands: a Unix socket of mode 0600; its file goes when it is dropped.
pub(crate) struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds `admin.sock` in the data folder; a file that a dead server left is replaced. The caller holds the
    /// database's lock, so nobody else can be listening there.
    pub(crate) fn bind(data_dir: &Path) -> io::Result<Self> {
        // Bound where nobody else may look, and moved when its mode is right: it is never open to others.
        let nest = tempfile::Builder::new().prefix(".admin-").tempdir_in(data_dir)?;
        let listener = {
            let near = Near::to(nest.path())?;
            UnixListener::bind(near.path.join(NAME))?
        };
        let born = nest.path().join(NAME);
        fs::set_permissions(&born, Permissions::from_mode(0o600))?;
        let path = data_dir.join(NAME);
        fs::rename(born, &path)?;
        Ok(Self { listener, path })
    }

    /// Answers commands until `shutdown`.
    pub(crate) async fn serve(self, executor: Executor, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.map_err(io::Error::other)?;
                self.listener.accept().await.map(|(stream, _)| (stream, place))
            };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = next => accepted,
            };
            match accepted {
                Ok((stream, place)) => {
                    let executor = executor.clone();
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &executor).await {
                            debug!(%error, "an administrator's connection broke");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(%error, "the admin socket cannot take a connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!(%error, "the admin socket's file is gone already");
        }
    }
}

/// Reads one command, carries it out, writes one reply.
async fn converse(stream: UnixStream, executor: &Executor) -> io::Result<()> {
    let uid = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    let Some(line) = timeout(PATIENCE, read_line(read, COMMAND_MAX)).await?? else { return Ok(()) };
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => executor.execute(command, uid).await,
        Err(error) => Reply::Refused {
            refusal: Refusal::new(
                RefusalKind::Invalid,
                format!(
                    "the server (version {}) does not understand this command: {error}",
                    env!("CARGO_PKG_VERSION")
                ),
            ),
        },
    };
    timeout(PATIENCE, write.write_all(&line_of(&reply)?)).await??;
    write.shutdown().await
}

/// Asks the server that listens in the data folder; `None` when none does.
pub(super) async fn ask(data_dir: &Path, command: &Command) -> io::Result<Option<Reply>> {
    let Some(stream) = dial(data_dir).await? else { return Ok(None) };
    let (read, mut write) = stream.into_split();
    timeout(PATIENCE, write.write_all(&line_of(command)?)).await??;
    let limit = if command.may_take_minutes() { LONG_WORK } else { WORK };
    let line = timeout(limit, read_line(read, REPLY_MAX)).await??;
    let line = line.ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection"))?;
    Ok(Some(serde_json::from_str(&line)?))
}

/// True when a server listens in the data folder.
pub(super) async fn answers(data_dir: &Path) -> io::Result<bool> {
    Ok(dial(data_dir).await?.is_some())
}

async fn dial(data_dir: &Path) -> io::Result<Option<UnixStream>> {
    let near = match Near::to(data_dir) {
        Ok(near) => near,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match timeout(PATIENCE, UnixStream::connect(near.path.join(NAME))).await? {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One line without its end; `None` when the peer closes without a word.
async fn read_line(read: impl tokio::io::AsyncRead + Unpin, max: u64) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = BufReader::new(read.take(max)).read_line(&mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with('\n') {
        let words = if read as u64 == max { "the line is too long" } else { "the line has no end" };
        return Err(io::Error::new(ErrorKind::InvalidData, words));
    }
    Ok(Some(line))
}

fn line_of(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// A folder by a path short enough for a socket's address: a long one goes through an open handle.
struct Near {
    path: PathBuf,
    _handle: Option<File>,
}

impl Near {
    fn to(folder: &Path) -> io::Result<Self> {
        let handle = File::open(folder)?;
        if folder.as_os_str().len() + NAME.len() < PATH_MAX {
            return Ok(Self { path: folder.to_owned(), _handle: None });
        }
        let path = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        Ok(Self { path, _handle: Some(handle) })
    }
}
