use std::{
    env, fs,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};

use super::TlsError;

/// The paths of the self-signed certificate and its key; both are made when neither is there.
pub(super) fn ensure(data_dir: &Path) -> Result<(PathBuf, PathBuf), TlsError> {
    let folder = data_dir.join("tls");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let fail = |problem: String| TlsError::Make { folder: folder.clone(), problem };
    match (certificate.exists(), key.exists()) {
        (true, true) => {}
        (true, false) => return Err(fail("key.pem is missing; put it back, or remove cert.pem too".into())),
        (false, true) => return Err(fail("cert.pem is missing; put it back, or remove key.pem too".into())),
        (false, false) => {
            let (certificate_text, key_text) = make().map_err(|error| fail(error.to_string()))?;
            keep(&folder, &[(&key, &key_text), (&certificate, &certificate_text)])
                .map_err(|error| fail(error.to_string()))?;
        }
    }
    Ok((certificate, key))
}

/// Ten years from yesterday: whoever trusts it has pinned it, so that a change would only be an alarm.
fn make() -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(names())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Trunkline");
    params.distinguished_name = subject;
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let (from, until) = (today.saturating_sub(1.day()), today.saturating_add(10.years()));
    params.not_before =
        date_time_ymd(from.year().into(), from.month().unsigned_abs(), from.day().unsigned_abs());
    params.not_after =
        date_time_ymd(until.year().into(), until.month().unsigned_abs(), until.day().unsigned_abs());
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// `localhost`, the loopback addresses and, if it can be a DNS name, what this computer is called.
fn names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| env::var("HOSTNAME"))
        .or_else(|_| env::var("COMPUTERNAME"))
        .map(|name| name.trim().to_ascii_lowercase())
        .unwrap_or_default();
    let dns = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if dns && !names.contains(&host) {
        names.push(host);
    }
    names
}

/// Writes each file whole under another name first, so that a crash leaves none that is half written.
fn keep(folder: &Path, files: &[(&Path, &str)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (path, text) in files {
        let draft = path.with_extension("tmp");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
    }
    Ok(())
}
