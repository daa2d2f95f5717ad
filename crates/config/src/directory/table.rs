use super::{
    BASE, BIND_DN, CA_FILE, CONNECTIONS, DOMAIN, FILTER, MAP, PASSWORD_FILE, SCHEMA, SCOPE, SIZE_LIMIT,
    TIMEOUT, TLS, URL,
};
use crate::{
    backend::Attribute,
    kind::{FLAG, Kind},
};

pub(crate) const EXAMPLE: &str = r#"<directory domain="contoso.test" url="ldaps://dc1.contoso.test ldaps://dc2.contoso.test"
               bindDn="relay@contoso.test" passwordFile="directory-password" base="DC=contoso,DC=test" />"#;

pub(crate) const INTRODUCTION: &str = "People search for others by name, e-mail or phone number. Their IM system finds \
whom it knows, which often is only their own contacts; a directory of their domain (Active Directory, or any other LDAP \
server) is asked at the same time, and both answers become one. Without an answer from the directory people find whom \
their IM system knows. Disabled accounts of Active Directory are left out. `trunkline doctor` tries each step.";

pub(crate) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        name: "domain",
        default: None,
        meaning: "The accounts of this domain search in this directory. Each domain has one at most.",
        expected: || DOMAIN.expected(),
    },
    Attribute {
        name: "url",
        default: None,
        meaning: "The servers, all of the same content. The first that can be used is asked. The certificate \
            must bear the name that stands here. `ldap://` begins TLS by StartTLS. A global catalog of Active \
            Directory is `ldaps://HOST:3269`.",
        expected: || URL.expected(),
    },
    Attribute {
        name: "tls",
        default: Some("`starttls`"),
        meaning: "How servers of `ldap://` are spoken to. `none` is for servers on this computer.",
        expected: || TLS.expected(),
    },
    Attribute {
        name: "insecure",
        default: Some("`false`"),
        meaning: "Whether `tls=\"none\"` may send the password over a network.",
        expected: || FLAG.expected(),
    },
    Attribute {
        name: "caFile",
        default: Some("the certificates that the operating system trusts"),
        meaning: "Certificates in PEM that are trusted instead; read anew at each connection. A relative path \
            starts at the folder of this file.",
        expected: || CA_FILE.expected(),
    },
    Attribute {
        name: "bindDn",
        default: None,
        meaning: "The account as which the relay signs in. It needs to read people, and nothing else.",
        expected: || BIND_DN.expected(),
    },
    Attribute {
        name: "passwordFile",
        default: None,
        meaning: "The file that holds its password; read anew at each sign-in. A password that was refused is \
            tried again after five minutes, so that the account is not locked. A relative path starts at the \
            folder of this file.",
        expected: || PASSWORD_FILE.expected(),
    },
    Attribute {
        name: "base",
        default: None,
        meaning: "Below this entry are the people.",
        expected: || BASE.expected(),
    },
    Attribute {
        name: "scope",
        default: Some("`subtree`"),
        meaning: "Whether at any depth or directly below it.",
        expected: || SCOPE.expected(),
    },
    Attribute {
        name: "schema",
        default: Some("`active-directory`"),
        meaning: "What people look like there: the defaults of `filter` and `attributes`, see below.",
        expected: || SCHEMA.expected(),
    },
    Attribute {
        name: "filter",
        default: Some("what `schema` says"),
        meaning: "Who is found at all. With an `&` in it, write `&amp;`.",
        expected: || FILTER.expected(),
    },
    Attribute {
        name: "attributes",
        default: Some("what `schema` says"),
        meaning: "Which attributes hold what, for the fields that differ from `schema`; of several, the first \
            that a person has counts. An `address` with `sip:` before it counts as it is, one without only in \
            the directory's domain, and one with anything else before it (`smtp:`) not at all.",
        expected: || MAP.expected(),
    },
    Attribute {
        name: "connections",
        default: Some("4"),
        meaning: "How many searches are under way at once.",
        expected: || CONNECTIONS.expected(),
    },
    Attribute {
        name: "sizeLimit",
        default: Some("200"),
        meaning: "How many entries a search asks for; the best 50 go to the phone. For a phone number it is \
            always 1000, because servers compare numbers with their blanks and brackets.",
        expected: || SIZE_LIMIT.expected(),
    },
    Attribute {
        name: "timeoutSecs",
        default: Some("4"),
        meaning: "How long a search waits for the directory.",
        expected: || TIMEOUT.expected(),
    },
];
