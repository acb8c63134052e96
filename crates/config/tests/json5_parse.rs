//! The whole grammar of JSON5 1.0, and errors that say what is wrong and where.

use creel_config::json5::{Value, parse};
use serde_json::json;

#[track_caller]
fn reads(text: &str, expected: serde_json::Value) {
    assert_eq!(
        parse(text)
            .unwrap_or_else(|error| panic!("{text:?}: {error}"))
            .to_json(),
        expected,
        "{text:?}"
    );
}

#[track_caller]
fn fails(text: &str, expected: &str) {
    match parse(text) {
        Ok(node) => panic!("{text:?} was read as {}", node.to_json()),
        Err(error) => assert_eq!(error.to_string(), expected, "{text:?}"),
    }
}

#[test]
fn the_example_of_the_specification() {
    let text = "{
  // comments
  unquoted: 'and you can quote me on that',
  singleQuotes: 'I can use \"double quotes\" here',
  lineBreaks: \"Look, Mom! \\
No \\\\n's!\",
  hexadecimal: 0xdecaf,
  leadingDecimalPoint: .8675309, andTrailing: 8675309.,
  positiveSign: +1,
  trailingComma: 'in objects', andIn: ['arrays',],
  \"backwardsCompatible\": \"with JSON\",
}
";
    reads(
        text,
        json!({
            "unquoted": "and you can quote me on that",
            "singleQuotes": "I can use \"double quotes\" here",
            "lineBreaks": "Look, Mom! No \\n's!",
            "hexadecimal": 0xdecaf,
            "leadingDecimalPoint": 0.867_530_9, "andTrailing": 8_675_309.0,
            "positiveSign": 1,
            "trailingComma": "in objects", "andIn": ["arrays"],
            "backwardsCompatible": "with JSON",
        }),
    );
}

#[test]
fn names() {
    reads(
        "{$_a1: 1, ünïcøde: 2, 中文: 3, \\u0061b: 4, a\\u0062: 5, null: 6, Infinity: 7, '': 8, \"a b\": 9}",
        json!({"$_a1": 1, "ünïcøde": 2, "中文": 3, "ab": 5, "null": 6, "Infinity": 7, "": 8, "a b": 9}),
    );
    reads(
        "{a\u{200c}b\u{301}\u{203f}٣: 1}",
        json!({"a\u{200c}b\u{301}\u{203f}٣": 1}),
    );
    fails("{1a: 1}", "1:2: a name cannot begin with a digit unless it is quoted");
    fails("{a-b: 1}", "1:3: expected ':' after the name \"a\", found '-'");
    fails(
        "{\\u0020: 1}",
        "1:2: ' ' cannot be in a name without quotes here; quote the name",
    );
    fails(
        "{\\x61: 1}",
        "1:2: only \\u escapes are allowed in a name without quotes",
    );
    fails("{,}", "1:2: expected a name or '}', found ','");
    fails("{\u{301}a: 1}", "1:2: expected a name or '}', found '\\u{301}'");
}

#[test]
fn strings() {
    reads(
        r#"'\b\f\n\r\t\v\0\'\"\\\/\a\x41\u0042\ud83e\udd9e'"#,
        json!("\u{8}\u{c}\n\r\t\u{b}\0'\"\\/aAB🦞"),
    );
    reads("'a\\\nb\\\r\nc\\\rd\\\u{2028}e\\\u{2029}f'", json!("abcdef"));
    reads("'\u{2028}\u{2029}\t\u{1}'", json!("\u{2028}\u{2029}\t\u{1}"));
    fails(
        "'abc",
        "1:1: this string is never closed; end it with ' on the same line",
    );
    fails(
        "{a: \"abc\n}",
        "1:5: this string is never closed; end it with \" on the same line",
    );
    fails("'abc\\", "1:5: the text ends after this backslash");
    fails(
        "'\\1'",
        "1:2: octal escapes are not allowed; write \\x followed by two hex digits",
    );
    fails(
        "'\\01'",
        "1:2: octal escapes are not allowed; write \\x followed by two hex digits",
    );
    fails("'\\x4'", "1:2: \\x must be followed by 2 hex digits");
    fails("'\\u12g4'", "1:2: \\u must be followed by 4 hex digits");
    fails(
        "'\\ud83e'",
        "1:2: \\ud83e is half of a character; both halves are needed",
    );
    fails(
        "'\\ud83e\\u0041'",
        "1:2: \\ud83e is half of a character; both halves are needed",
    );
    fails(
        "'\\udd9e'",
        "1:2: \\udd9e is half of a character; both halves are needed",
    );
}

#[test]
fn numbers() {
    for (text, expected) in [
        ("0", json!(0)),
        ("-12", json!(-12)),
        ("+7", json!(7)),
        ("9223372036854775807", json!(i64::MAX)),
        ("0xFF", json!(255)),
        ("-0XaB", json!(-171)),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        ("5.", json!(5.0)),
        ("5.e2", json!(500.0)),
        ("-.5E-1", json!(-0.05)),
        ("1e3", json!(1000.0)),
        ("1E+3", json!(1000.0)),
        ("0.0", json!(0.0)),
        ("0e0", json!(0.0)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808.0)),
        ("0xFFFFFFFFFFFFFFFFF", json!(295_147_905_179_352_825_855.0)),
    ] {
        reads(text, expected);
    }
    for (text, expected) in [
        ("Infinity", f64::INFINITY),
        ("+Infinity", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
    ] {
        assert_eq!(parse(text).unwrap().value, Value::Float(expected));
        assert_eq!(parse(text).unwrap().to_json(), json!(null));
    }
    for text in ["NaN", "-NaN", "+NaN"] {
        assert!(matches!(parse(text).unwrap().value, Value::Float(value) if value.is_nan()));
    }
    assert!(matches!(parse("-0").unwrap().value, Value::Float(value) if value == 0.0 && value.is_sign_negative()));
    fails(
        "01",
        "1:1: a number cannot begin with 0 and more digits; leave the 0 out",
    );
    fails(
        "-08.5",
        "1:1: a number cannot begin with 0 and more digits; leave the 0 out",
    );
    fails("0x", "1:1: 0x must be followed by hex digits");
    fails("0xg", "1:1: 0x must be followed by hex digits");
    fails("1e", "1:1: the exponent of this number has no digits");
    fails("1e+", "1:1: the exponent of this number has no digits");
    fails(".", "1:1: \".\" is not a number");
    fails("+", "1:1: \"+\" is not a number");
    fails("- 1", "1:1: \"-\" is not a number");
    fails("--1", "1:1: \"--1\" is not a number");
    fails("1a", "1:1: \"1a\" is not a number");
    fails("1_000", "1:1: \"1_000\" is not a number");
    fails("0x1.5", "1:4: expected the end of the text, found '.'");
    fails("-Infinit", "1:1: \"-Infinit\" is not a number");
    fails(
        "Infinityx",
        "1:1: `Infinityx` is no value; a text needs quotes: \"Infinityx\"",
    );
}

#[test]
fn white_space_and_comments() {
    let space = "\t\u{b}\u{c} \u{a0}\u{feff}\n\r\u{2028}\u{2029}\u{1680}\u{2000}\u{200a}\u{202f}\u{205f}\u{3000}";
    reads(&format!("{space}[{space}1{space},{space}]{space}"), json!([1]));
    reads("\u{feff}{}", json!({}));
    reads("/**/{/* a */a/***/:/*\n*/1// x\r,//\u{2028}}//", json!({"a": 1}));
    fails("{} /* x", "1:4: this comment is never closed; end it with */");
    fails(
        "{} /",
        "1:4: a '/' alone means nothing here; comments begin with // or /*",
    );
    fails("# x\n{}", "1:1: expected a value, found '#'; comments begin with //");
}

#[test]
fn values_lists_and_objects() {
    reads("[]", json!([]));
    reads("[true,false,null,[[]],{}]", json!([true, false, null, [[]], {}]));
    reads("{a: 1, a: 2}", json!({"a": 2}));
    fails("[,]", "1:2: expected a value, found ','");
    fails("[1,,2]", "1:4: expected a value, found ','");
    fails("[1 2]", "1:4: expected ',' or ']', found `2`");
    fails("{a: 1 b: 2}", "1:7: expected ',' or '}', found `b`");
    fails("{a}", "1:3: expected ':' after the name \"a\", found '}'");
    fails("{a: }", "1:5: expected a value, found '}'");
    fails("{a: True}", "1:5: `True` is no value; write true");
    fails("{a: None}", "1:5: `None` is no value; write null");
    fails("{a: token}", "1:5: `token` is no value; a text needs quotes: \"token\"");
    fails("{} {}", "1:4: expected the end of the text, found '{'");
    fails("{}}", "1:3: this '}' closes nothing");
    fails("", "1:1: the text is empty; the smallest one is {}");
    fails(" // x\n", "2:1: the text is empty; the smallest one is {}");
}

#[test]
fn places_count_lines_of_every_kind_and_characters_not_bytes() {
    fails("{\n  a: {\n    b: 1\n  c: 2\n}", "4:3: expected ',' or '}', found `c`");
    fails(
        "{\r\n\r\n  飞书: x}",
        "3:7: `x` is no value; a text needs quotes: \"x\"",
    );
    fails(
        "{\r\r\u{2028}\n  x}",
        "5:4: expected ':' after the name \"x\", found '}'",
    );
    fails("{\n  a: [\n    1,\n", "2:6: this '[' is never closed");
    fails("{\n  a: {\n    b: 1,\n  }\n", "1:1: this '{' is never closed");
}

#[test]
fn slips_of_an_input_method_are_named() {
    fails(
        "{a：1}",
        "1:3: expected ':' after the name \"a\", found '：'; use the plain colon :",
    );
    fails(
        "{a: 1，b: 2}",
        "1:6: expected ',' or '}', found '，'; use the plain comma ,",
    );
    fails(
        "{a: “x”}",
        "1:5: expected a value, found '“'; use the plain quotation mark \"",
    );
    fails(
        "{a = 1}",
        "1:4: expected ':' after the name \"a\", found '='; name and value are separated by a colon :",
    );
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(128)).is_ok());
    fails(&nested(129), "1:129: nested more than 128 levels deep");
    assert!(parse(&"[".repeat(1_000_000)).is_err());
    assert!(parse(&"{a:".repeat(1_000_000)).is_err());
}

#[test]
fn everything_has_a_place() {
    let text = "/* é */ {a: [1, 'x'], \"b\" : {c: null}}";
    let node = parse(text).unwrap();
    let at = |path: &[&str]| {
        let span = node.get(path).unwrap().span;
        &text[span.start..span.end]
    };
    assert_eq!(
        (at(&["a"]), at(&["b"]), at(&["b", "c"])),
        ("[1, 'x']", "{c: null}", "null")
    );
    let key = node.member("b").unwrap().key_span;
    assert_eq!(&text[key.start..key.end], "\"b\"");
    assert_eq!(node.get(&["a", "b"]), None);
}

/// Whatever is fed to the parser, it answers, and what it accepts it accepts again from its own JSON.
#[test]
fn no_text_breaks_it() {
    let pieces = [
        "{", "}", "[", "]", ":", ",", "'", "\"", "\\", "/", "*", "//", "\n", "a", "0x", "1", ".", "e", "-", "é",
        "\u{2028}", " ",
    ];
    let mut state: u64 = 42;
    for _ in 0..200_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
        }
        if let Ok(node) = parse(&text) {
            let json = node.to_json();
            assert_eq!(parse(&json.to_string()).unwrap().to_json(), json, "{text:?}");
        }
    }
}
