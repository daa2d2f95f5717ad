//! The inputs of JSONTestSuite (RFC 8259; `y_` must be read, `n_` must not, `i_` may or may not) as frames and inside of them.

use trunkline_wire::{ErrorCode, Frame, Limits, parse};

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

/// By the suite's names, without what is no UTF-8: that ends a socket with 1007 before anybody parses.
const GOOD: &[(&str, &str)] = &[
    ("array_arraysWithSpaces", "[[]   ]"),
    ("array_empty-string", "[\"\"]"),
    ("array_empty", "[]"),
    ("array_ending_with_newline", "[\"a\"]\n"),
    ("array_false", "[false]"),
    ("array_heterogeneous", "[null, 1, \"1\", {}]"),
    ("array_with_1_and_newline", "[1\n]"),
    ("array_with_leading_space", " [1]"),
    ("array_with_several_null", "[1,null,null,null,2]"),
    ("array_with_trailing_space", "[2] "),
    ("number", "[123e65]"),
    ("number_0e+1", "[0e+1]"),
    ("number_0e1", "[0e1]"),
    ("number_after_space", "[ 4]"),
    (
        "number_double_close_to_zero",
        "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
    ),
    ("number_int_with_exp", "[20e1]"),
    ("number_minus_zero", "[-0]"),
    ("number_negative_int", "[-123]"),
    ("number_real_capital_e_neg_exp", "[1E-2]"),
    ("number_real_fraction_exponent", "[123.456e78]"),
    ("number_2_53_minus_1", "[9007199254740991]"),
    ("number_2_53", "[9007199254740992]"),
    ("number_2_53_plus_1", "[9007199254740993]"),
    ("object_basic", "{\"asd\":\"sdf\"}"),
    ("object_duplicated_key", "{\"a\":\"b\",\"a\":\"c\"}"),
    ("object_duplicated_key_and_value", "{\"a\":\"b\",\"a\":\"b\"}"),
    ("object_empty", "{}"),
    ("object_empty_key", "{\"\":0}"),
    ("object_escaped_null_in_key", "{\"foo\\u0000bar\": 42}"),
    ("object_extreme_numbers", "{ \"min\": -1.0e+28, \"max\": 1.0e+28 }"),
    ("object_string_unicode", "{\"title\":\"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430\" }"),
    ("object_with_newlines", "{\n\"a\": \"b\"\n}"),
    ("string_1_2_3_bytes_UTF-8_sequences", "[\"\\u0060\\u012a\\u12AB\"]"),
    ("string_accepted_surrogate_pair", "[\"\\uD801\\udc37\"]"),
    ("string_accepted_surrogate_pairs", "[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"),
    ("string_allowed_escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
    ("string_backslash_and_u_escaped_zero", "[\"\\\\u0000\"]"),
    ("string_backslash_doublequotes", "[\"\\\"\"]"),
    ("string_comments", "[\"a/*b*/c/*d//e\"]"),
    ("string_double_escape_n", "[\"\\\\n\"]"),
    ("string_escaped_control_character", "[\"\\u0012\"]"),
    ("string_escaped_noncharacter", "[\"\\uFFFF\"]"),
    ("string_last_surrogates_1_and_2", "[\"\\uDBFF\\uDFFF\"]"),
    ("string_nbsp_uescaped", "[\"new\\u00A0line\"]"),
    ("string_nonCharacterInUTF-8_U+10FFFF", "[\"\u{10ffff}\"]"),
    ("string_null_escape", "[\"\\u0000\"]"),
    ("string_one-byte-utf-8", "[\"\\u002c\"]"),
    ("string_pi", "[\"π\"]"),
    ("string_u+2028_line_sep", "[\"\u{2028}\"]"),
    ("string_unescaped_char_delete", "[\"\u{7f}\"]"),
    ("string_unicode_U+FDD0_nonchar", "[\"\\uFDD0\"]"),
    ("string_with_del_character", "[\"a\u{7f}a\"]"),
    ("structure_lonely_false", "false"),
    ("structure_lonely_int", "42"),
    ("structure_lonely_negative_real", "-0.1"),
    ("structure_lonely_null", "null"),
    ("structure_lonely_string", "\"asd\""),
    ("structure_string_empty", "\"\""),
    ("structure_whitespace_array", " [] "),
];

const BAD: &[(&str, &str)] = &[
    ("array_1_true_without_comma", "[1 true]"),
    ("array_colon_instead_of_comma", "[\"\": 1]"),
    ("array_comma_after_close", "[\"\"],"),
    ("array_comma_and_number", "[,1]"),
    ("array_double_comma", "[1,,2]"),
    ("array_double_extra_comma", "[\"x\",,]"),
    ("array_extra_close", "[\"x\"]]"),
    ("array_extra_comma", "[\"\",]"),
    ("array_incomplete", "[\"x\""),
    ("array_inner_array_no_comma", "[3[4]]"),
    ("array_items_separated_by_semicolon", "[1:2]"),
    ("array_just_comma", "[,]"),
    ("array_just_minus", "[-]"),
    ("array_missing_value", "[   , \"\"]"),
    ("array_newlines_unclosed", "[\"a\",\n4\n,1,"),
    ("array_number_and_several_commas", "[1,,]"),
    ("array_spaces_vertical_tab_formfeed", "[\"\u{b}a\"\\f]"),
    ("array_star_inside", "[*]"),
    ("array_unclosed_with_object_inside", "[{}"),
    ("incomplete_false", "[fals]"),
    ("incomplete_null", "[nul]"),
    ("incomplete_true", "[tru]"),
    ("multidigit_number_then_00", "123\0"),
    ("number_++", "[++1234]"),
    ("number_+1", "[+1]"),
    ("number_+Inf", "[+Inf]"),
    ("number_-01", "[-01]"),
    ("number_-1.0.", "[-1.0.]"),
    ("number_-2.", "[-2.]"),
    ("number_-NaN", "[-NaN]"),
    ("number_.-1", "[.-1]"),
    ("number_.2e-3", "[.2e-3]"),
    ("number_0.1.2", "[0.1.2]"),
    ("number_0.3e+", "[0.3e+]"),
    ("number_0.e1", "[0.e1]"),
    ("number_0_capital_E", "[0E]"),
    ("number_1.0e", "[1.0e]"),
    ("number_1_000", "[1 000.0]"),
    ("number_1eE2", "[1eE2]"),
    ("number_9.e+", "[9.e+]"),
    ("number_Inf", "[Inf]"),
    ("number_NaN", "[NaN]"),
    ("number_U+FF11_fullwidth_digit_one", "[１]"),
    ("number_expression", "[1+2]"),
    ("number_hex_1_digit", "[0x1]"),
    ("number_infinity", "[Infinity]"),
    ("number_invalid+-", "[0e+-1]"),
    ("number_minus_space_1", "[- 1]"),
    ("number_neg_int_starting_with_zero", "[-012]"),
    ("number_neg_with_garbage_at_end", "[-1x]"),
    ("number_real_without_fractional_part", "[1.]"),
    ("number_with_alpha", "[1.2a-3]"),
    ("number_with_leading_zero", "[012]"),
    ("object_bad_value", "[\"x\", truth]"),
    ("object_bracket_key", "{[: \"x\"}"),
    ("object_comma_instead_of_colon", "{\"x\", null}"),
    ("object_double_colon", "{\"x\"::\"b\"}"),
    ("object_emoji", "{🇨🇭}"),
    ("object_garbage_at_end", "{\"a\":\"a\" 123}"),
    ("object_key_with_single_quotes", "{key: 'value'}"),
    ("object_missing_colon", "{\"a\" b}"),
    ("object_missing_key", "{:\"b\"}"),
    ("object_missing_value", "{\"a\":"),
    ("object_no-colon", "{\"a\""),
    ("object_non_string_key", "{1:1}"),
    ("object_repeated_null_null", "{null:null,null:null}"),
    ("object_several_trailing_commas", "{\"id\":0,,,,,}"),
    ("object_single_quote", "{'a':0}"),
    ("object_trailing_comma", "{\"id\":0,}"),
    ("object_trailing_comment", "{\"a\":\"b\"}/**/"),
    ("object_trailing_comment_slash_open", "{\"a\":\"b\"}//"),
    ("object_two_commas_in_a_row", "{\"a\":\"b\",,\"c\":\"d\"}"),
    ("object_unquoted_key", "{a: \"b\"}"),
    ("object_unterminated-value", "{\"a\":\"a"),
    ("object_with_trailing_garbage", "{\"a\":\"b\"}#"),
    ("single_space", " "),
    ("string_1_surrogate_then_escape", "[\"\\uD800\\\"]"),
    ("string_1_surrogate_then_escape_u", "[\"\\uD800\\u\"]"),
    ("string_1_surrogate_then_escape_u1x", "[\"\\uD800\\u1x\"]"),
    ("string_accentuated_char_no_quotes", "[é]"),
    ("string_backslash_00", "[\"\\\0\"]"),
    ("string_escape_x", "[\"\\x00\"]"),
    ("string_escaped_backslash_bad", "[\"\\\\\\\"]"),
    ("string_escaped_ctrl_char_tab", "[\"\\\t\"]"),
    ("string_escaped_emoji", "[\"\\🌀\"]"),
    ("string_incomplete_escape", "[\"\\\"]"),
    ("string_incomplete_escaped_character", "[\"\\u00A\"]"),
    ("string_incomplete_surrogate", "[\"\\uD834\\uDd\"]"),
    ("string_invalid_backslash_esc", "[\"\\a\"]"),
    ("string_invalid_unicode_escape", "[\"\\uqqqq\"]"),
    ("string_leading_uescaped_thinspace", "[\\u0020\"asd\"]"),
    ("string_no_quotes_with_bad_escape", "[\\n]"),
    ("string_single_doublequote", "\""),
    ("string_single_quote", "['single quote']"),
    ("string_single_string_no_double_quotes", "abc"),
    ("string_start_escape_unclosed", "[\"\\"),
    ("string_unescaped_ctrl_char", "[\"a\0a\"]"),
    ("string_unescaped_newline", "[\"new\nline\"]"),
    ("string_unescaped_tab", "[\"\t\"]"),
    ("string_unicode_CapitalU", "\"\\UA66D\""),
    ("string_with_trailing_garbage", "\"\"x"),
    ("structure_U+2060_word_joined", "[\u{2060}]"),
    ("structure_UTF8_BOM_no_data", "\u{feff}"),
    ("structure_UTF-8_BOM_empty_object", "\u{feff}{}"),
    ("structure_angle_bracket_.", "<.>"),
    ("structure_angle_bracket_null", "[<null>]"),
    ("structure_array_trailing_garbage", "[1]x"),
    ("structure_array_with_extra_array_close", "[1]]"),
    ("structure_array_with_unclosed_string", "[\"asd]"),
    ("structure_ascii-unicode-identifier", "aå"),
    ("structure_capitalized_True", "[True]"),
    ("structure_close_unopened_array", "1]"),
    ("structure_comma_instead_of_closing_brace", "{\"x\": true,"),
    ("structure_double_array", "[][]"),
    ("structure_end_array", "]"),
    ("structure_lone-open-bracket", "["),
    ("structure_no_data", ""),
    ("structure_null-byte-outside-string", "[\0]"),
    ("structure_number_with_trailing_garbage", "2@"),
    ("structure_object_followed_by_closing_object", "{}}"),
    ("structure_object_unclosed_no_value", "{\"\":"),
    ("structure_object_with_comment", "{\"a\":/*comment*/\"b\"}"),
    ("structure_object_with_trailing_garbage", "{\"a\": true} \"x\""),
    ("structure_open_array_apostrophe", "['"),
    ("structure_open_array_open_string", "[\"a"),
    ("structure_open_object_close_array", "{]"),
    ("structure_open_object_open_string", "{\"a"),
    ("structure_single_star", "*"),
    ("structure_trailing_#", "{\"a\":\"b\"}#{}"),
    ("structure_unclosed_array_unfinished_true", "[ false, tru"),
    ("structure_unicode-identifier", "å"),
    ("structure_whitespace_U+2060", "\u{2060}"),
    ("structure_whitespace_formfeed", "[\u{c}]"),
];

/// `i_`: what this parser makes of what it may judge as it likes.
const EITHER: &[(&str, &str, bool)] = &[
    ("number_double_huge_neg_exp", "[123.456e-789]", true),
    (
        "number_huge_exp",
        "[0.4e00669999999999999999999999999999999999999999999999999999999999999999999999]",
        true,
    ),
    ("number_too_big_pos_int", "[100000000000000000000]", true),
    ("object_key_lone_2nd_surrogate", "{\"\\uDFAA\":0}", false),
    ("string_1st_surrogate_but_2nd_missing", "[\"\\uDADA\"]", false),
    ("string_1st_valid_surrogate_2nd_invalid", "[\"\\uD888\\u1234\"]", false),
    ("string_incomplete_surrogate_and_escape_valid", "[\"\\uD800\\n\"]", false),
    ("string_incomplete_surrogate_pair", "[\"\\uDd1ea\"]", false),
    ("string_inverted_surrogates_U+1D11E", "[\"\\uDd1e\\uD834\"]", false),
    ("string_lone_second_surrogate", "[\"\\uDFAA\"]", false),
];

/// Whether the text is JSON to the parser; it is answered either way.
fn is_json(name: &str, text: &str) -> bool {
    let codes: Vec<_> = match parse(text, LIMITS) {
        Frame::Single(one) => vec![one.err().map(|bad| bad.error.code)],
        Frame::Batch(all) => all.into_iter().map(|one| one.err().map(|bad| bad.error.code)).collect(),
    };
    assert!(!codes.contains(&None), "{name} is no request");
    !codes.contains(&Some(ErrorCode::ParseError))
}

fn all() -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    let good = GOOD.iter().map(|(name, text)| (*name, *text, true));
    let bad = BAD.iter().map(|(name, text)| (*name, *text, false));
    good.chain(bad).chain(EITHER.iter().copied())
}

#[test]
fn every_text_of_the_suite_is_read_or_refused_as_it_must_be() {
    for (name, text, good) in all() {
        assert_eq!(is_json(name, text), good, "{name}: {text:?}");
    }
}

#[test]
fn a_request_that_holds_a_text_of_the_suite_is_read_exactly_when_the_text_is() {
    for (name, text, good) in all() {
        // What only closes a structure too early or too late would close the request's.
        let request = format!(r#"{{"jsonrpc":"2.0","id":"c1","method":"Ping","extra":{text}}}"#);
        if !good && serde_json::from_str::<serde_json::Value>(&request).is_ok() {
            continue;
        }
        match parse(&request, LIMITS) {
            Frame::Single(Ok(request)) => assert!(good && request.id.key() == "c1", "{name}"),
            Frame::Single(Err(bad)) => assert!(!good, "{name}: {bad:?}"),
            Frame::Batch(_) => panic!("{name} made a batch of a request"),
        }
    }
}

#[test]
fn nesting_of_any_depth_is_refused_without_recursion() {
    for (name, text) in [
        ("structure_100000_opening_arrays", "[".repeat(100_000)),
        ("structure_open_array_object", "[{\"\":".repeat(50_000)),
        ("closed, 10 000 deep", format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))),
        ("closed objects, 10 000 deep", format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))),
        ("i_structure_500_nested_arrays", format!("{}{}", "[".repeat(500), "]".repeat(500))),
    ] {
        assert!(!is_json(name, &text), "{name}");
    }
}

/// Numbers where a double no longer tells neighbours apart.
#[test]
fn numbers_beyond_a_doubles_exactness_are_never_rounded_to_another() {
    let read = |number: &str| {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{number},"method":"mailbox.Sync","params":{{"epoch":1,"since":{number}}}}}"#
        );
        match parse(&text, LIMITS) {
            Frame::Single(Ok(request)) => {
                assert_eq!(request.id.raw(), number, "an id comes back as it was written");
                match request.call {
                    Ok(trunkline_wire::Call::MailboxSync { since, .. }) => Some(since.0),
                    _ => None,
                }
            }
            other => panic!("{number}: {other:?}"),
        }
    };
    for whole in [9_007_199_254_740_991, 9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX] {
        assert_eq!(read(&whole.to_string()), Some(whole));
    }
    assert_eq!(read("9223372036854775808"), None);
    assert_eq!(read("-1"), None);
    assert_eq!(read("0.5"), None);
    assert_eq!(read("1e3"), Some(1_000));
    assert_eq!(read("9007199254740993.0"), None, "written as a fraction it would be rounded");
}
