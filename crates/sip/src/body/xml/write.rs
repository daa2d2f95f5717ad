use super::{Element, Node, is_xml};

impl Element {
    /// The element as text, without an XML declaration and without line breaks of its own.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        write(self, &mut text);
        text
    }
}

fn write(element: &Element, text: &mut String) {
    text.push('<');
    text.push_str(&element.name);
    for (key, value) in &element.attributes {
        text.push(' ');
        text.push_str(key);
        text.push_str("=\"");
        value.chars().for_each(|c| attribute(c, text));
        text.push('"');
    }
    if element.nodes.is_empty() {
        text.push_str("/>");
        return;
    }
    text.push('>');
    for node in &element.nodes {
        match node {
            Node::Element(child) => write(child, text),
            Node::Text(content) => content.chars().for_each(|c| character(c, text)),
        }
    }
    text.push_str("</");
    text.push_str(&element.name);
    text.push('>');
}

fn attribute(c: char, text: &mut String) {
    match c {
        '"' => text.push_str("&quot;"),
        // A reader makes spaces of these, but not of references to them.
        '\t' => text.push_str("&#9;"),
        '\n' => text.push_str("&#10;"),
        _ => character(c, text),
    }
}

fn character(c: char, text: &mut String) {
    match c {
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '&' => text.push_str("&amp;"),
        '\r' => text.push_str("&#13;"),
        c if is_xml(c) => text.push(c),
        _ => {}
    }
}
