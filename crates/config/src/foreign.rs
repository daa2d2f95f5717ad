//! What a configuration file of the product that Trunkline replaces, or of .NET, may hold.

/// Whether .NET, or a library that is common with it, reads this section of `<configuration>`.
pub(crate) fn is_dotnet_section(name: &str) -> bool {
    const SECTIONS: &[&str] = &[
        "applicationSettings",
        "assemblyBinding",
        "configBuilders",
        "configProtectedData",
        "configSections",
        "connectionStrings",
        "entityFramework",
        "location",
        "log4net",
        "mscorlib",
        "nlog",
        "runtime",
        "satelliteassemblies",
        "startup",
        "uri",
        "userSettings",
        "windows",
    ];
    SECTIONS.contains(&name) || ["system.", "microsoft."].iter().any(|prefix| name.starts_with(prefix))
}

/// What replaces a key of the vendor that this product has under another name, as a sentence.
pub(crate) fn replacement(key: &str) -> Option<&'static str> {
    const RENAMED: &[(&str, &str)] = &[
        ("SESSION_TIMEOUT", "`SESSION_TIMEOUT_SECS` replaces it, in seconds"),
        ("DB_CONNECTION_STRING", DATABASE),
        ("DB_CONNECTIONSTRING", DATABASE),
    ];
    RENAMED.iter().find(|(name, _)| *name == key).map(|(_, sentence)| *sentence)
}

const SKYPE: &str = "a `<backend kind=\"lync\" … />` in `<backends>` replaces it";
const LOOKUP: &str =
    "people are looked up in the IM systems, not in Active Directory; there is nothing to set";
const EXCHANGE: &str = "nothing is written to Exchange; there is nothing to set";
const XMPP: &str = "a `<backend kind=\"xmpp\" … />` in `<backends>` replaces it";
const PROXY: &str = "devices are activated by Trunkline itself, without that proxy; there is nothing to set";
const CERTIFICATE: &str = "`TLS_CERTIFICATE_FILE` and `TLS_PRIVATE_KEY_FILE` replace it";
const DATABASE: &str = "`DB_CONNECTION` replaces it: `sqlite:FILE` or `postgres://…`";
const LISTENERS: &str = "`HTTPS_BIND` and `HTTP_BIND` set address and port of the listeners";
const LOGGING: &str = "`LOG_LEVEL` and `LOG_FORMAT` set what is logged, on stderr";

/// What there is instead of a key that has no counterpart by name.
///
/// The vendor documents hardly any of its keys, so this knows subjects by the words in a key's name.
pub(crate) fn subject(key: &str) -> Option<&'static str> {
    let upper = key.to_ascii_uppercase();
    upper.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| match word {
        "UCMA" | "LYNC" | "OCS" | "SIP" | "SFB" => Some(SKYPE),
        "ACTIVE" | "AD" | "LDAP" => Some(LOOKUP),
        "EWS" | "EXCHANGE" => Some(EXCHANGE),
        "JABBER" | "CISCO" | "XMPP" => Some(XMPP),
        "GD" | "GC" | "GP" => Some(PROXY),
        "CERT" | "CERTIFICATE" | "SSL" => Some(CERTIFICATE),
        "WEBSOCKET" | "WEBSOCKETS" => Some("`ALLOW_WEBSOCKETS` replaces it"),
        "DATABASE" | "SQL" | "DB" => Some(DATABASE),
        "PORT" => Some(LISTENERS),
        "LOG" | "LOGGING" => Some(LOGGING),
        _ => None,
    })
}
