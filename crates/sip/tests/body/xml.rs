use proptest::prelude::*;
use trunkline_sip::body::{BodyCode, BodyError, Element, xml};

use crate::strategy::{text, word};

fn refused(body: &[u8]) -> BodyError {
    xml::parse(body).expect_err("refused")
}

#[test]
fn document_types_and_entities_are_refused_with_their_place() {
    assert_eq!(refused(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").code, BodyCode::Dtd);
    let error = refused(b"<a>four&b;</a>");
    assert_eq!((error.code, error.offset), (BodyCode::Entity, 7));
    assert_eq!(refused(b"<a b='&c;'/>").code, BodyCode::Entity);
    assert_eq!(refused(b"<a>&#0;</a>").code, BodyCode::Entity);
    assert_eq!(refused(b"<a>&#xD800;</a>").code, BodyCode::Entity);
}

#[test]
fn depth_count_attributes_and_size_are_bounded() {
    let deep = |depth| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(xml::parse(deep(xml::MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(refused(deep(xml::MAX_DEPTH + 1).as_bytes()).code, BodyCode::TooDeep);
    assert_eq!(refused("<a>".repeat(300_000).as_bytes()).code, BodyCode::TooDeep);
    let wide = |count| format!("<a>{}</a>", "<b/>".repeat(count));
    assert!(xml::parse(wide(xml::MAX_ELEMENTS - 1).as_bytes()).is_ok());
    assert_eq!(refused(wide(xml::MAX_ELEMENTS).as_bytes()).code, BodyCode::TooMany);
    let attributes = |count| (0..count).map(|n| format!(" a{n}='1'")).collect::<String>();
    assert_eq!(
        refused(format!("<a{}/>", attributes(xml::MAX_ATTRIBUTES + 1)).as_bytes()).code,
        BodyCode::TooMany
    );
    assert_eq!(refused(&vec![b' '; trunkline_sip::body::MAX_BODY + 1]).code, BodyCode::TooLarge);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for body in
        ["<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "x<a/>", "<a b='1' b='2'/>", "<1/>", "<a", "<a&b/>"]
    {
        assert_eq!(refused(body.as_bytes()).code, BodyCode::Malformed, "{body}");
    }
    assert_eq!(refused(b"").code, BodyCode::Missing);
    assert_eq!(refused(b"<a>\xff</a>").code, BodyCode::NotUtf8);
}

#[test]
fn an_error_names_the_place_and_never_the_text_of_people() {
    let error = refused(b"<note>the secret</nota>");
    let text = error.to_string();
    assert!(
        text.starts_with("body_malformed: ") && text.contains("at byte") && !text.contains("secret"),
        "{text}"
    );
    let shown = format!("{:?}", xml::parse(b"<note kind='secret'>secret</note>").expect("read"));
    assert!(!shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_text_survives_as_content_and_as_attribute(content in text(), value in text(), name in word()) {
        let element = Element::new(&name).with("a", &value).text(&content);
        let read = xml::parse(element.write().as_bytes()).expect("read");
        prop_assert_eq!(read.content(), content);
        prop_assert_eq!(read.attribute("a"), Some(value.as_str()));
    }

    #[test]
    fn what_xml_cannot_carry_is_left_out(content in any::<String>()) {
        let written = Element::new("a").text(&content).with("b", &content).write();
        prop_assert!(xml::parse(written.as_bytes()).is_ok(), "{}", written);
    }
}
