/// A kind of problem, with the code that stays the same over releases.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) id: &'static str,
    pub(crate) meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $id:literal, $meaning:literal;)+) => {
        $(pub(crate) const $name: Code = Code { id: $id, meaning: $meaning };)+

        /// Every code, for the reference.
        pub(crate) const ALL: &[Code] = &[$($name),+];
    };
}

codes! {
    UNREADABLE = "C001", "The file cannot be read, or is larger than 1 MiB.";
    NOT_UTF8 = "C002", "The file is not UTF-8.";
    MALFORMED = "C010", "The file is not well-formed XML.";
    ENTITY = "C011", "A document type or an entity other than the five of XML itself (`&amp;` `&lt;` \
        `&gt;` `&quot;` `&apos;`).";
    TOO_DEEP = "C012", "Elements are nested more than 32 levels deep.";
    UNKNOWN_ELEMENT = "C020", "An element that has no meaning where it stands.";
    UNKNOWN_ATTRIBUTE = "C021", "An attribute that has no meaning where it stands.";
    MISSING_ATTRIBUTE = "C022", "A required attribute is missing.";
    STRAY_TEXT = "C023", "Text where only elements have a meaning.";
    UNKNOWN_KEY = "C030", "A key that does not exist.";
    DUPLICATE = "C031", "A key, an attribute or the domain of a backend or directory is given twice.";
    INVALID_VALUE = "C032", "A value that is not of its key's type or not in its range.";
    UNRESOLVED = "C033", "`env:NAME` or `file:PATH` names a variable or file that cannot be read.";
    CONFLICT = "C040", "Keys that are right one by one do not fit together.";
    FILE_MISSING = "C041", "A file that a key names cannot be read.";
    IGNORED = "W001", "A section of .NET, which means nothing here.";
    UNWISE = "W002", "The configuration works, but hardly as intended.";
}
