use std::path::Path;

use super::{Fault, Kind};

/// The address of one SIP endpoint (MS-SIPRE): a `sip:` URI with the parameter `gruu`.
pub(crate) struct Gruu;

impl Kind for Gruu {
    type Value = String;

    fn expected(&self) -> String {
        "a GRUU such as `sip:relay.contoso.test@contoso.test;gruu;opaque=srvr:trunkline:AbCdWAA`".into()
    }

    fn read(&self, text: &str, _: &Path) -> Result<String, Fault> {
        let scheme = text.get(..4).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("sip:") {
            return Err(Fault::new("does not begin with `sip:`"));
        }
        let strange = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '?');
        if let Some((at, c)) = text.char_indices().find(|(_, c)| strange(*c)) {
            let fault = Fault::new("holds a character that such an address cannot have");
            return Err(fault.at(at..at + c.len_utf8()));
        }
        let mut parts = text[4..].split(';');
        let address = parts.next().unwrap_or_default();
        let whole = |(user, host): (&str, &str)| !user.is_empty() && !host.is_empty() && !host.contains('@');
        if !address.split_once('@').is_some_and(whole) {
            return Err(Fault::new("has no user and host before its parameters"));
        }
        if !parts.any(|parameter| parameter.eq_ignore_ascii_case("gruu")) {
            return Err(Fault::new("has no parameter `gruu`"));
        }
        Ok(text.to_owned())
    }
}
