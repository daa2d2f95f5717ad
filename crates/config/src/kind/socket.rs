use std::{net::SocketAddr, path::Path};

use super::{Fault, Kind};

/// A socket address, or nothing for off.
pub(crate) struct Bind;

impl Kind for Bind {
    type Value = Option<SocketAddr>;

    fn expected(&self) -> String {
        "an IP address and a port such as 127.0.0.1:8080 or [::1]:8080, or nothing for off".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<Self::Value, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| match text.rsplit_once(':') {
            _ if text.parse::<std::net::IpAddr>().is_ok() => Fault::new("has no port"),
            Some((_, port)) if port.parse::<u16>().is_err() => {
                Fault::new("has a port that is not a number from 0 to 65535")
            }
            Some((host, _)) if host.chars().any(char::is_alphabetic) && !host.contains('[') => {
                Fault::new("has a name where an IP address is needed").at(0..host.len())
            }
            _ => Fault::new("is not an IP address with a port"),
        })
    }
}

/// A socket address.
pub(crate) struct Socket;

impl Kind for Socket {
    type Value = SocketAddr;

    fn expected(&self) -> String {
        "an IP address and a port such as 0.0.0.0:6001 or [::]:6001".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<SocketAddr, Fault> {
        Bind.read(text, folder)?.ok_or_else(|| Fault::new("is empty"))
    }
}
