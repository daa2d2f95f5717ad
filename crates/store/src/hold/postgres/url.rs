use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

/// Where a PostgreSQL database is and how to get in; neither `Debug` nor `Display` shows the password.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

/// What is wrong with an address; it quotes nothing that could be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PostgresUrlError(String);

/// What may follow the question mark; `options[NAME]` sets any parameter of the server's.
const OPTIONS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

impl PostgresUrl {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`; what it leaves out comes from the variables and
    /// the password file that libpq knows (PGHOST, PGPASSFILE …).
    pub fn parse(url: &SecretString) -> Result<Self, PostgresUrlError> {
        let url = url.expose_secret();
        let (head, options) = url.split_once('?').unwrap_or((url, ""));
        // Otherwise what follows the question mark may be the rest of a password.
        let addressed = head.contains('@') || head.ends_with('/') || head.contains("///");
        // So may what follows a password among the options.
        let quotable = addressed && !options.contains('@') && !options.contains("password=");
        for name in options.split('&').filter_map(|option| option.split('=').next()) {
            let known = name.is_empty() || OPTIONS.contains(&name) || name.starts_with("options[");
            if !known && quotable {
                let words = format!("the option {name} is not known; known are {}", OPTIONS.join(", "));
                return Err(PostgresUrlError(words));
            } else if !known {
                return Err(no_address());
            }
        }
        // Its error may quote a part of the address.
        url.parse::<PgConnectOptions>().map(|options| Self(Box::new(options))).map_err(|_| no_address())
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.0
    }
}

fn no_address() -> PostgresUrlError {
    PostgresUrlError(
        "this is no address of a PostgreSQL database: postgres://USER:PASSWORD@HOST/DATABASE is expected, with \
         special characters in the password written as %XX"
            .to_owned(),
    )
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

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::PostgresUrl;

    #[test]
    fn an_address_shows_no_password() {
        let url = PostgresUrl::parse(&SecretString::from("postgres://ann:s%40same@db:5433/relay")).unwrap();
        assert_eq!(format!("{url} {url:?}"), "relay on db:5433 PostgresUrl(relay on db:5433)");
        let url = "postgres:///relay?host=/var/run/postgresql&user=ann&password=s%40same";
        let url = PostgresUrl::parse(&SecretString::from(url)).unwrap();
        assert_eq!(url.to_string(), "relay on /var/run/postgresql");
        let url = "postgres://ann:se@cr?et=x@db/relay";
        let error = PostgresUrl::parse(&SecretString::from(url)).unwrap_err().to_string();
        assert!(!error.contains("et="), "{error}");
        assert!(!error.contains("option et"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (wrong, words) in [
            ("postgres://ann:se#same@db/relay", "written as %XX"),
            ("postgres://ann:sesame@db/relay?sslmode=perhaps", "no address"),
            ("postgres://ann:se?same@db/relay", "written as %XX"),
            ("postgres:///relay?host=/x&user=ann&password=se&cretsame=1", "written as %XX"),
            ("postgres://ann@db/relay?pasword=sesame", "the option pasword is not known"),
        ] {
            let told = PostgresUrl::parse(&SecretString::from(wrong)).unwrap_err().to_string();
            assert!(told.contains(words) && !told.contains("same"), "{told}");
        }
    }
}
