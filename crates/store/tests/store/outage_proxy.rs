//! A stretch of wire before a PostgreSQL server that can be cut exactly at a COMMIT.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};
use trunkline_testkit::peer::Postgres;

/// Where the wire is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never hears of the COMMIT.
    BeforeCommit,
    /// The server has committed; its answer is lost.
    AfterCommit,
}

pub(crate) struct Proxy {
    folder: TempDir,
    next: Arc<Mutex<Option<Cut>>>,
    shut: Arc<AtomicBool>,
}

/// COMMIT as a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl Proxy {
    pub(crate) async fn before(server: &Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let next = Arc::new(Mutex::new(None));
        let shut = Arc::new(AtomicBool::new(false));
        let (socket, cut, closed) = (server.socket(), Arc::clone(&next), Arc::clone(&shut));
        tokio::spawn(async move {
            while let Ok((phone, _)) = listener.accept().await {
                if closed.load(Ordering::Relaxed) {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(pass(phone, server, Arc::clone(&cut)));
            }
        });
        Self { folder, next, shut }
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://trunkline@localhost/{database}?host={}", self.folder.path().display())
    }

    pub(crate) fn cut_next(&self, cut: Cut) {
        *self.next.lock().unwrap() = Some(cut);
    }

    /// Whether new connections are refused.
    pub(crate) fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::Relaxed);
    }

    pub(crate) fn has_cut(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

async fn pass(mut client: UnixStream, mut server: UnixStream, next: Arc<Mutex<Option<Cut>>>) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(read @ 1..) = read else { return };
                let commits = up[..read].ends_with(COMMIT);
                let cut = if commits { next.lock().unwrap().take() } else { None };
                if cut == Some(Cut::BeforeCommit) || server.write_all(&up[..read]).await.is_err() {
                    return;
                }
                if cut == Some(Cut::AfterCommit) {
                    // Its answer to the COMMIT, which goes nowhere.
                    assert!(server.read(&mut down).await.unwrap() > 0);
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&down[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
