//! PostgreSQL across a network: TLS, and who is on the other end.

use std::sync::Arc;

use tempfile::TempDir;
use trunkline_store::{MasterKey, Store, StoreError};
use trunkline_testkit::peer::{Authority, Postgres};

use crate::fixture::{Heard, open};

async fn over_tls(server: &Postgres, options: &str) -> Result<Store, StoreError> {
    let url = format!("postgres://trunkline:sesame@127.0.0.1:{}/postgres?{options}", server.port());
    open(&url, &MasterKey::generate(), &Arc::<Heard>::default()).await
}

#[tokio::test]
async fn a_server_is_believed_that_shows_a_certificate_for_its_name_and_no_other() {
    let (ours, others) = (Authority::new().unwrap(), Authority::new().unwrap());
    let folder = TempDir::new().unwrap();
    let trust = |name: &str, authority: &Authority| {
        let path = folder.path().join(name);
        std::fs::write(&path, authority.certificate_pem()).unwrap();
        path.display().to_string()
    };
    let (good, bad) = (trust("ours.pem", &ours), trust("others.pem", &others));

    let elsewhere = Postgres::start_with_tls(&ours.identity(&["db.example.test"]).unwrap()).await.unwrap();
    let server = Postgres::start_with_tls(&ours.identity(&["127.0.0.1"]).unwrap()).await.unwrap();
    for (server, options, lacking) in [
        (&server, format!("sslmode=verify-full&sslrootcert={bad}"), "invalid peer certificate"),
        (&elsewhere, format!("sslmode=verify-full&sslrootcert={good}"), "certificate not valid for"),
    ] {
        let error = over_tls(server, &options).await.unwrap_err().to_string();
        assert!(error.contains(lacking) && !error.contains("sesame"), "{options}: {error}");
    }

    let store = over_tls(&server, &format!("sslmode=verify-full&sslrootcert={good}")).await.unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE client_addr IS NOT \
                     NULL";
    assert_eq!(server.run("postgres", encrypted).await.unwrap(), "t");
    store.close().await;
}
