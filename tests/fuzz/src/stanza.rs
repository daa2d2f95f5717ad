use tokio_xmpp::minidom::Element;

/// Deepest nesting that the filter lets pass.
const MAX_DEPTH: usize = 64;

/// What a filter let pass, and before which of these bytes a stanza began or ended.
type Passed = (Vec<u8>, Vec<usize>);

/// What a stranger can make an XMPP server send: `filter` gives what it lets pass of the bytes, taken in so many at a time. How
/// they are parted makes no difference, nothing grows, and what passes can be parsed and dropped without running out of stack.
pub(crate) fn stanza(bytes: &[u8], filter: impl Fn(&[u8], usize) -> Result<Passed, ()>) {
    let whole = filter(bytes, bytes.len().max(1));
    for parts in [1, 7, 1_024] {
        assert_eq!(filter(bytes, parts), whole, "{parts} at a time");
    }
    let Ok((passed, borders)) = whole else { return };
    // A name that is cut gets a number instead of its rest.
    assert!(passed.len() <= 2 * bytes.len());
    assert!(borders.is_sorted() && borders.last().is_none_or(|last| *last <= passed.len()));
    let Ok(text) = std::str::from_utf8(&passed) else { return };
    if let Ok(element) = text.parse::<Element>() {
        assert!(depth(&element) <= MAX_DEPTH + 1, "{} deep", depth(&element));
    }
}

fn depth(element: &Element) -> usize {
    1 + element.children().map(depth).max().unwrap_or(0)
}
