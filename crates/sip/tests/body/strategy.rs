use proptest::{collection::vec, option, prelude::*};

/// What people write, without white space around it.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let tricky = prop::sample::select(vec![
        "<b>&\"'",
        "]]>",
        "a\r\nb",
        "a\tb",
        "&amp;",
        "שלום",
        "😀\u{200d}👩",
        "--x",
        "<!--",
    ]);
    let any = "\\PC{1,24}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("something", |text| !text.is_empty());
    prop_oneof![3 => any, 1 => tricky.prop_map(str::to_owned)]
}

/// A name of an element, a token.
pub(crate) fn word() -> impl Strategy<Value = String> + Clone {
    "[a-z][a-zA-Z0-9]{0,8}"
}

/// A user.
pub(crate) fn uri() -> impl Strategy<Value = String> + Clone {
    "sip:[a-z]{1,6}@[a-z]{1,6}\\.example"
}

/// A few of them.
pub(crate) fn few<S: Strategy>(what: S) -> impl Strategy<Value = Vec<S::Value>> {
    vec(what, 0..4)
}

/// A moment of this century.
pub(crate) fn moment() -> impl Strategy<Value = jiff::Timestamp> {
    (0_i64..4_000_000_000_000).prop_map(|ms| jiff::Timestamp::from_millisecond(ms).expect("in range"))
}

/// Perhaps.
pub(crate) fn maybe<S: Strategy>(what: S) -> impl Strategy<Value = Option<S::Value>> {
    option::of(what)
}
