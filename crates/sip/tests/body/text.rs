use proptest::prelude::*;
use trunkline_sip::body::{
    BodyCode, BodyError, MediaType,
    multipart::{Multipart, Part},
    text::{MAX_MESSAGE, read, read_header, split, write, write_header},
};

use crate::{sample::sample, strategy::text};

fn html(body: &str) -> String {
    read(&MediaType::new("text/html"), body.as_bytes()).expect("text")
}

fn rtf(body: &[u8]) -> Result<String, BodyError> {
    read(&MediaType::new("text/rtf"), body)
}

#[test]
fn html_of_the_dialect_becomes_its_lines() {
    let (media, body) = sample("html");
    let lines = "Tide is at six <sharp> & €5\nbring lamps (https://harbour.example/t?a=1&b=2)\n\nend";
    assert_eq!(read(&media, &body).as_deref(), Ok(lines));
    assert_eq!(html("<DIV>a</DIV><DIV>b</DIV>"), "a\nb");
    assert_eq!(html("<div>a<br></div>\r\n<div><br></div>\r\n<div> b </div>"), "a\n\nb");
    assert_eq!(html("a \r\n\r\n b"), "a b");
    assert_eq!(html("<a href='http://x.example/'>http://x.example</a>"), "http://x.example");
    assert_eq!(html("<pre>a\n  b</pre>c"), "a\n  b\nc");
}

#[test]
fn html_that_is_damaged_still_gives_its_text() {
    assert_eq!(html("1 < 2 & AT&T &nope; &#0; &amp &#x41;"), "1 < 2 & AT&T &nope; &#0; & A");
    assert_eq!(html("a<!-- b"), "a");
    assert_eq!(html("a<script>b"), "a");
    assert_eq!(html("a<b title='>'>c"), "ac");
    assert_eq!(html("<don't>stop"), "stop");
    assert_eq!(html("&#128;&#x1F600;&#xD800;"), "€😀&#xD800;");
    assert_eq!(html("<span"), "");
}

#[test]
fn rtf_speaks_the_code_pages_of_its_fonts() {
    let (media, body) = sample("rtf");
    assert_eq!(read(&media, &body).as_deref(), Ok("žužák привет\n{x} ☺😀\tbold\nsecond"));
    assert_eq!(rtf(br"{\rtf1\ansi caf\'e9 \'80}").as_deref(), Ok("café €"));
    assert_eq!(rtf(br"{\rtf1\ansicpg1251 \'cf\'d0}").as_deref(), Ok("ПР"));
    assert_eq!(rtf(br"{\rtf1\ansi{\fonttbl{\f3\fcharset128 MS;}}\f3 \'82\'a0}").as_deref(), Ok("あ"));
}

#[test]
fn rtf_hides_what_is_not_text_and_counts_stand_ins() {
    assert_eq!(rtf(br"{\rtf1\uc2\u233 ab c{\uc0\u233 d}\u233 xye}").as_deref(), Ok("é cédée"));
    assert_eq!(rtf(br"{\rtf1 a{\*\unknown b{c}}d{\info{\title t}}\v e\v0 f}").as_deref(), Ok("adf"));
    assert_eq!(
        rtf(br"{\rtf1 {\field{\*\fldinst HYPERLINK x}{\fldrslt link}}\bin3 }}{!}").as_deref(),
        Ok("link!")
    );
    assert_eq!(rtf(b"{\\rtf1 a\\\r\nb\\~c\\_d}x").as_deref(), Ok("a\nb c-d"));
    assert_eq!(rtf(br"{\rtf1 \u-10179?x}").as_deref(), Ok("\u{fffd}x"));
}

#[test]
fn rtf_that_is_damaged_is_survived() {
    for body in [
        &br"{\rtf1 a"[..],
        br"{\rtf1 a\",
        br"{\rtf1 a\'",
        br"{\rtf1 a\'g",
        br"{\rtf1 a\u",
        br"{\rtf1 a\bin99999999999",
    ] {
        assert!(rtf(body).is_ok_and(|text| text.starts_with('a')), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(rtf(b"plain").map_err(|error| error.code), Err(BodyCode::Malformed));
    let deep = [b"{\\rtf1 ".to_vec(), b"{".repeat(100_000)].concat();
    assert_eq!(rtf(&deep).map_err(|error| error.code), Err(BodyCode::TooDeep));
}

#[test]
fn the_plainest_alternative_is_taken() {
    let (media, body) = sample("alternative");
    assert_eq!(read(&media, &body).as_deref(), Ok("pläin text"));
    let pictures = Multipart { parts: vec![Part::new(MediaType::new("image/gif"), *b"GIF")] };
    let media = MediaType::new("multipart/alternative").with("boundary", "b");
    assert_eq!(
        read(&media, &pictures.write("b", false)).map_err(|error| error.code),
        Err(BodyCode::WrongType)
    );
    assert_eq!(read(&MediaType::new("image/gif"), b"").map_err(|error| error.code), Err(BodyCode::WrongType));
}

#[test]
fn plain_text_comes_in_its_charset_and_with_one_kind_of_line_break() {
    let latin = MediaType::read("Text/Plain; charset=\"iso-8859-1\"; msgr=WAA");
    assert_eq!(read(&latin, b"caf\xe9\r\nb\rc\x07\x00").as_deref(), Ok("café\nb\nc"));
    assert_eq!(read(&MediaType::new("text/plain"), b"a\xffb").as_deref(), Ok("a\u{fffd}b"));
    assert_eq!(write("a\nb\r\nc"), "a\r\nb\r\nc");
}

#[test]
fn the_text_in_a_header_is_read_and_written() {
    assert_eq!(read_header("text/plain; charset=UTF-8; ms-body=SGVsbG8=").as_deref(), Ok("Hello"));
    assert_eq!(read_header(&write_header("zwei\nZeilen")).as_deref(), Ok("zwei\nZeilen"));
    assert_eq!(read_header("text/plain").map_err(|error| error.code), Err(BodyCode::Missing));
    assert_eq!(read_header("text/plain;ms-body=%").map_err(|error| error.code), Err(BodyCode::BadValue));
}

#[test]
fn a_part_says_what_it_is_over_several_lines_and_beside_odd_ones() {
    let media = MediaType::new("multipart/related").with("boundary", "b");
    let body = b"--b\r\nno header\r\nX: \xff\r\nContent-Type: application/pidf+xml;\r\n\tcharset=UTF-8\r\n\
        Content-ID:\r\n <1@h>\r\n\r\n <x/>\r\n--b--";
    let part = &Multipart::read(&media, body).expect("read").parts[0];
    assert_eq!(
        (part.media.kind.as_str(), part.media.param("charset")),
        ("application/pidf+xml", Some("UTF-8"))
    );
    assert_eq!((part.id.as_deref(), part.body.as_slice()), (Some("1@h"), b" <x/>".as_slice()));
    let many = [b"--b\r\n\r\nx\r\n".repeat(1_100), b"--b--".to_vec()].concat();
    assert_eq!(Multipart::read(&media, &many).expect("read").parts.len(), 1_100);
}

#[test]
fn multiparts_keep_to_their_boundaries() {
    let media = MediaType::new("multipart/mixed").with("boundary", "b");
    let refused = |body: &[u8]| Multipart::read(&media, body).expect_err("refused").code;
    assert_eq!(refused(b"--b\r\n\r\nno end"), BodyCode::Multipart);
    assert_eq!(refused(b"--b\r\nContent-Transfer-Encoding: x-zip\r\n\r\nx\r\n--b--"), BodyCode::WrongType);
    assert_eq!(refused(&[b"--b\r\n\r\nx\r\n".repeat(2_100), b"--b--".to_vec()].concat()), BodyCode::TooMany);
    let none = Multipart::read(&MediaType::new("multipart/mixed"), b"--b--").expect_err("no boundary");
    assert_eq!(none.code, BodyCode::Multipart);
    let inner = b"preamble\r\n--b \r\n\r\n--bc\r\nx--b\r\n--b--\r\nepilogue";
    let read = Multipart::read(&media, inner).expect("read");
    assert_eq!(read.parts[0].body, b"--bc\r\nx--b");
    let encoded = b"--b\nContent-Transfer-Encoding: base64\nContent-ID: <i@x>\n\naGV5\n--b--";
    let read = Multipart::read(&media, encoded).expect("read");
    assert_eq!(read.by_id("cid:i@x").map(|part| &part.body[..]), Some(&b"hey"[..]));
}

#[test]
fn a_message_is_parted_after_lines_and_words() {
    let words = "word ".repeat(3_000);
    let pieces = split(&words, MAX_MESSAGE);
    assert!(pieces.len() == 2 && pieces[0].ends_with(' '), "{}", pieces.len());
    let lines = format!("{}\n{}", "a".repeat(7_000), "b".repeat(1_000));
    assert!(split(&lines, MAX_MESSAGE)[0].ends_with('\n'));
    let family = "👩\u{200d}👩\u{200d}👧";
    let families = family.repeat(10);
    let pieces = split(&families, 30);
    assert!(pieces.iter().all(|piece| *piece == family), "{pieces:?}");
    let tall = format!("a{}", "\u{301}".repeat(50));
    assert!(split(&tall, 20).iter().all(|piece| piece.len() <= 20));
    assert_eq!(split("", 10), [""]);
}

proptest! {
    #[test]
    fn pieces_fit_and_join_to_the_text(text in "(\\PC|\n|\r\n| ){0,400}", max in 8_usize..200) {
        let pieces = split(&text, max);
        prop_assert_eq!(&pieces.concat(), &text);
        prop_assert!(pieces.iter().all(|piece| write(piece).len() <= max), "{:?}", pieces);
    }

    #[test]
    fn escaped_html_gives_the_text_back(lines in prop::collection::vec(text(), 1..4)) {
        let tidy = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = lines.iter().map(tidy).collect();
        let escape = |line: &String| line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let body: String = lines.iter().map(|line| format!("<DIV>{}</DIV>\r\n", escape(line))).collect();
        prop_assert_eq!(html(&body), lines.join("\n"));
    }

    #[test]
    fn units_of_rtf_give_the_text_back(text in "\\PC{0,40}") {
        let body: String = text.encode_utf16().map(|unit| format!("\\u{}?", unit.cast_signed())).collect();
        prop_assert_eq!(rtf(format!("{{\\rtf1 {body}}}").as_bytes()), Ok(text));
    }

    #[test]
    fn multiparts_read_as_they_were_written(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let parts = bodies.into_iter().map(|body| Part::new(MediaType::new("application/x"), body)).collect();
        let multipart = Multipart { parts };
        let boundary = multipart.boundary("b");
        let media = MediaType::new("multipart/mixed").with("boundary", &boundary);
        let media = MediaType::read(&media.to_string());
        prop_assert_eq!(Multipart::read(&media, &multipart.write(&boundary, false)), Ok(multipart));
    }

    #[test]
    fn media_types_read_as_they_were_written(kind in "[a-z]{1,6}/[a-z]{1,6}", name in "[a-z]{1,6}", value in "\\PC{0,12}") {
        let media = MediaType::new(&kind).with(&name, &value).with("z", "1");
        prop_assert_eq!(MediaType::read(&media.to_string()), media);
    }
}
