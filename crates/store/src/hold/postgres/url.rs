use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

/// Where a PostgreSQL database is and how to get in; neither `Debug` nor `Display` shows the password.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

impl PostgresUrl {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`; what it leaves out comes from the variables and
    /// the password file that libpq knows (PGHOST, PGPASSFILE …).
    pub fn parse(url: &SecretString) -> Result<Self, StoreError> {
        match url.expose_secret().parse::<PgConnectOptions>() {
            Ok(options) => Ok(Self(Box::new(options))),
            // Its text may quote a part of the URL.
            Err(_) => Err(StoreError::Database(
                "this is no address of a PostgreSQL database: postgres://USER:PASSWORD@HOST/DATABASE is expected, \
                 with special characters in the password written as %XX"
                    .to_owned(),
            )),
        }
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.0;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        match options.get_socket() {
            Some(socket) => write!(f, "{database} on {}", socket.display()),
            None => write!(f, "{database} on {}:{}", options.get_host(), options.get_port()),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}
