//! What must hold between keys.

use std::{io, net::SocketAddr, path::Path, time::Duration};

use crate::{
    Config, code,
    lookup::reason,
    settings::{Reading, Settings},
    source::Span,
};

/// Reports every rule that `config` breaks; rules about keys that could not be read are left out.
pub(crate) fn check(config: &Config, settings: &mut Settings<'_, '_>) {
    let mut rules = Rules { config, settings };
    rules.listeners();
    rules.loopback();
    rules.certificate();
    rules.retention();
    rules.sizes();
    rules.files();
}

struct Rules<'c, 's, 'a, 'd> {
    config: &'c Config,
    settings: &'s mut Settings<'a, 'd>,
}

impl Rules<'_, '_, '_, '_> {
    fn listeners(&mut self) {
        let config = self.config;
        if config.https_bind.is_none() && config.http_bind.is_none() {
            let message = "HTTPS_BIND and HTTP_BIND are both off";
            self.conflict(
                &["HTTPS_BIND", "HTTP_BIND"],
                message,
                "expected an address, or phones could not connect",
            );
        }
        let listeners = listeners(config, self.settings);
        for (index, (first, one)) in listeners.iter().enumerate() {
            for (second, other) in &listeners[index + 1..] {
                if clash(*one, *other) {
                    let message = format!("{first} and {second} cannot both listen on port {}", one.port());
                    self.conflict(&[second, first], message, "expected another port");
                }
            }
        }
    }

    fn loopback(&mut self) {
        let config = self.config;
        if is_public(config.http_bind) && config.trusted_proxies.is_empty() {
            let message = "HTTP_BIND is open to the network, but TRUSTED_PROXIES names no proxy";
            let label = "expected a loopback address, or TRUSTED_PROXIES";
            if let Some(problem) = self.conflict(&["HTTP_BIND", "TRUSTED_PROXIES"], message, label) {
                problem.note("note: without TLS, only a proxy that ends TLS may connect there");
            }
        }
        if !is_public(config.admin_bind) {
            return;
        }
        let missing: Vec<&str> = [
            ("TLS_CERTIFICATE_FILE", config.tls_certificate_file.is_none()),
            ("TLS_PRIVATE_KEY_FILE", config.tls_private_key_file.is_none()),
            ("ADMIN_TOKEN", config.admin_token.is_none()),
        ]
        .into_iter()
        .filter_map(|(key, missing)| missing.then_some(key))
        .collect();
        if !missing.is_empty() {
            let keys = ["ADMIN_BIND", "TLS_CERTIFICATE_FILE", "TLS_PRIVATE_KEY_FILE", "ADMIN_TOKEN"];
            let missing = missing.join(" and ");
            let message = format!("ADMIN_BIND is open to the network without {missing}");
            self.conflict(&keys, message, format!("expected a loopback address, or {missing}"));
        }
    }

    fn certificate(&mut self) {
        let pair = [
            ("TLS_CERTIFICATE_FILE", &self.config.tls_certificate_file),
            ("TLS_PRIVATE_KEY_FILE", &self.config.tls_private_key_file),
        ];
        for ([(given, file), (other, missing)], reason) in [
            (pair, "a certificate needs its private key"),
            ([pair[1], pair[0]], "a private key needs its certificate"),
        ] {
            if file.is_some() && missing.is_none() {
                let message = format!("{given} is set, but {other} is not");
                if let Some(problem) =
                    self.conflict(&[given, other], message, format!("expected {other} too"))
                {
                    problem.note(format!("note: {reason}"));
                }
            }
        }
    }

    fn retention(&mut self) {
        let config = self.config;
        if config.message_retention.is_some_and(|kept| kept > config.undelivered) {
            let days = |time: Duration| time.as_secs() / 86_400;
            let default = days(Config::default().undelivered);
            let message = "UNDELIVERED_DAYS is shorter than MESSAGE_RETENTION_DAYS";
            let keys = ["UNDELIVERED_DAYS", "MESSAGE_RETENTION_DAYS"];
            if let Some(problem) =
                self.conflict(&keys, message, "expected not less than MESSAGE_RETENTION_DAYS")
            {
                problem.note(format!("note: the default of UNDELIVERED_DAYS is {default}"));
            }
        }
    }

    fn sizes(&mut self) {
        let config = self.config;
        if config.request_burst < config.request_rate {
            let message = "REQUEST_BURST is less than REQUEST_RATE";
            self.conflict(
                &["REQUEST_BURST", "REQUEST_RATE"],
                message,
                "expected at least one second's requests",
            );
        }
        let keys = ["FRAME_MAX_BYTES", "MAX_MESSAGE_CHARS"];
        if config.frame_max_bytes < 4 * config.max_message_chars + 1024 && self.settings.all_read(&keys) {
            let message = "a message of MAX_MESSAGE_CHARS characters may not fit into FRAME_MAX_BYTES";
            let label = "expected at least four bytes a character and 1024 more";
            if let Some(span) = self.settings.place_of(&keys) {
                self.settings.reading.problems.warning(&code::UNWISE, span, message, label);
            }
        }
    }

    fn files(&mut self) {
        for (key, file) in [
            ("TLS_CERTIFICATE_FILE", &self.config.tls_certificate_file),
            ("TLS_PRIVATE_KEY_FILE", &self.config.tls_private_key_file),
        ] {
            if let (Some(file), Some(span), true) =
                (file, self.settings.place_of(&[key]), self.settings.all_read(&[key]))
            {
                check_file(key, file, span, &mut self.settings.reading);
            }
        }
    }

    /// Reports at the first of `keys` that the file gives, unless one of them could not be read.
    fn conflict(
        &mut self,
        keys: &[&str],
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Option<&mut crate::Diagnostic> {
        if !self.settings.all_read(keys) {
            return None;
        }
        let span = self.settings.place_of(keys)?;
        Some(self.settings.reading.problems.error(&code::CONFLICT, span, message, label))
    }
}

/// Reports when a file cannot be read; the path is not repeated, since it may have come by reference.
pub(crate) fn check_file(name: &str, file: &Path, span: Span, reading: &mut Reading<'_>) {
    let Err(error) = reading.lookup.openable(file) else {
        return;
    };
    if error.kind() == io::ErrorKind::PermissionDenied {
        let message = format!("{name} names a file that only others may read");
        let label = "the account that runs the server needs to read it";
        reading.problems.warning(&code::UNWISE, span, message, label);
    } else {
        let message = format!("{name} names a file that cannot be read: {}", reason(&error));
        reading.problems.error(&code::FILE_MISSING, span, message, "expected a file");
    }
}

fn is_public(bind: Option<SocketAddr>) -> bool {
    bind.is_some_and(|bind| !bind.ip().to_canonical().is_loopback())
}

/// The relay's own listeners whose keys could be read.
pub(crate) fn listeners(config: &Config, settings: &Settings<'_, '_>) -> Vec<(&'static str, SocketAddr)> {
    let all = [
        ("HTTPS_BIND", config.https_bind),
        ("HTTP_BIND", config.http_bind),
        ("ADMIN_BIND", config.admin_bind),
    ];
    let read = all.into_iter().filter(|(key, _)| settings.all_read(&[key]));
    read.filter_map(|(key, at)| Some((key, at?))).collect()
}

/// Whether two listeners cannot both be opened.
pub(crate) fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && covers
}
