use std::path::Path;

use super::{Fault, HostName, Kind, list};

/// A list of web origins, in the form in which browsers send them.
pub(crate) struct Origins;

impl Kind for Origins {
    type Value = Vec<String>;

    fn expected(&self) -> String {
        "web origins separated by commas, such as https://chat.corp.test".into()
    }

    fn read(&self, text: &str, folder: &Path) -> Result<Self::Value, Fault> {
        list(text).map(|part| origin(&text[part.clone()], folder).map_err(|fault| fault.at(part))).collect()
    }
}

fn origin(text: &str, folder: &Path) -> Result<String, Fault> {
    if text == "*" {
        return Err(Fault::new("would let every web site in").help("name each origin"));
    }
    let lower = text.to_lowercase();
    let Some((scheme, rest)) =
        lower.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))
    else {
        return Err(Fault::new("has a part that does not begin with https:// or http://"));
    };
    if rest.contains(['/', '?', '#', '@']) {
        return Err(Fault::new("has a part with more than scheme, host and port").help("leave out the path"));
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let default_port = if scheme == "https" { 443 } else { 80 };
    let port = match port.map(str::parse::<u16>) {
        None => default_port,
        Some(Ok(port)) => port,
        Some(Err(_)) => return Err(Fault::new("has a part whose port is not a number from 0 to 65535")),
    };
    HostName.read(host, folder).map_err(|_| Fault::new("has a part without a host name"))?;
    // Browsers leave out the port that the scheme implies.
    Ok(if port == default_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") })
}
