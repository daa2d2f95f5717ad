//! What must not be in a bundle, wherever it may turn up.

use std::{fs, path::Path};

use secrecy::ExposeSecret;
use trunkline_config::{Config, Database, System, locate};

use super::collect::read;

/// The secrets of the configuration and of the master key's file, each as it is written there.
pub(super) fn secrets(named: Option<&Path>) -> Vec<String> {
    let config = locate(named, &System).map_or_else(|| Ok(Config::default()), |file| read(&file));
    let Ok(config) = config else { return Vec::new() };
    let key = fs::read_to_string(&config.master_key_file).ok().map(|key| key.trim().to_owned());
    of_config(&config).into_iter().chain(key).collect()
}

/// The values of the keys that the table calls secret, and the passwords within them.
fn of_config(config: &Config) -> Vec<String> {
    let token = config.admin_token.as_ref().map(|token| token.expose_secret().to_owned());
    let mut secrets: Vec<_> = token.into_iter().collect();
    if let Database::Postgres(url) = &config.db_connection {
        let url = url.expose_secret();
        secrets.extend(passwords(url).into_iter().map(str::to_owned));
        secrets.push(url.to_owned());
    }
    secrets
}

/// Whatever can be meant as a password in the address of a database, also where it should have been encoded.
fn passwords(url: &str) -> Vec<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let users = [rest, authority].into_iter().filter_map(|part| part.rsplit_once('@'));
    let mut found: Vec<_> =
        users.filter_map(|(user, _)| user.split_once(':')).map(|(_, password)| password).collect();
    let (_, options) = rest.split_once('?').unwrap_or_default();
    found.extend(options.split('&').filter_map(|option| option.strip_prefix("password=")));
    found
}

#[cfg(test)]
mod tests {
    use trunkline_config::{Config, Database, KEYS};

    use super::of_config;

    #[test]
    fn every_secret_key_of_the_table_is_hidden_with_what_is_secret_in_it() {
        let names: Vec<_> = KEYS.iter().filter(|key| key.secret).map(|key| key.name).collect();
        assert_eq!(names, ["ADMIN_TOKEN", "DB_CONNECTION"], "a new one belongs into of_config");
        for (url, password) in [
            ("postgres://ann:p%40ss@db/relay", "p%40ss"),
            ("postgres://ann:p@s/s?w@db/relay", "p@s/s?w"),
            ("postgres://db/relay?user=ann&password=p%20w", "p%20w"),
        ] {
            let mut config = Config::default();
            config.admin_token = Some("a-token-of-some-length".into());
            config.db_connection = Database::Postgres(url.into());
            let secrets = of_config(&config);
            for secret in ["a-token-of-some-length", url, password] {
                assert!(secrets.iter().any(|one| one == secret), "{secret} of {url}");
            }
        }
    }
}
