use super::{Frame, Limits, parse};

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

#[test]
fn an_id_comes_back_byte_for_byte() {
    for (raw, key) in
        [("\"c14\"", "c14"), ("\"\\u0063\"", "c"), ("7.50", "7.50"), ("\"\"", ""), ("1e999", "1e999")]
    {
        let text = format!(r#"{{"jsonrpc":"2.0","id": {raw} ,"method":"Ping"}}"#);
        let Frame::Single(Ok(request)) = parse(&text, LIMITS) else { panic!("{text}") };
        assert_eq!((request.id.raw(), request.id.key()), (raw, key));
    }
}
