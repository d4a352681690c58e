use super::*;

fn reason(pattern: &str) -> &'static str {
    parse(pattern).expect_err(pattern).reason
}

#[test]
fn what_go_refuses_is_refused_for_the_same_reason() {
    let cases: [(&str, &[&str]); 11] = [
        ("missing closing )", &["(", "(a|(b)", r"(?i:\Qa)"]),
        ("unexpected )", &[")", "a)", "(a))"]),
        ("missing closing ]", &["[", "[]", "[^]", "[a", "[[:alpha:]", "[a-"]),
        ("missing argument to repetition operator", &["*", "(*)", "a|*", "(?i)*", "(|+)", "{2}"]),
        ("invalid nested repetition operator", &["a**", "a*+", "a++", "a{2}{3}", "a{2}*", "a???"]),
        (
            "invalid repeat count",
            &["a{1001}", "a{2,1}", "a{99999999999}", "(a{100}){11}", "((a{2}){501}){1,}"],
        ),
        (
            "invalid character class range",
            &[
                "[b-a]",
                "[a--z]",
                "[[:foo:]]",
                r"\p{Foo}",
                r"\pX",
                r"\p{Script=Greek}",
                r"\p{",
                r"\p{Old_Italic}",
                r"\p{Grek}",
                r"\p{LCx}",
            ],
        ),
        (
            "invalid escape sequence",
            &[
                r"\8",
                r"\1",
                r"\q",
                r"\u0041",
                r"\x",
                r"\x4",
                r"\x{}",
                r"\x{110000}",
                r"\C",
                r"\E",
                r"[\b]",
                r"[a-\d]",
                r"\Z",
                r"\é",
            ],
        ),
        ("trailing backslash at end of expression", &["\\", r"a\"]),
        ("invalid named capture", &["(?P<", "(?<n", "(?P<>a)", "(?P<a.b>c)", "(?<é>c)"]),
        (
            "invalid or unsupported Perl syntax",
            &["(?", "(?x:a)", "(?i-)", "(?-)", "(?--i)", "(?=a)", "(?P=n)", "(?P>n)", "(?'n'a)"],
        ),
    ];
    for (expected, patterns) in cases {
        for pattern in patterns {
            assert_eq!(reason(pattern), expected, "{pattern}");
        }
    }
}

#[test]
fn what_go_accepts_is_accepted() {
    for pattern in ACCEPTED {
        assert!(parse(pattern).is_ok(), "{pattern}: {:?}", parse(pattern));
    }
}

const ACCEPTED: &[&str] = &[
    "",
    "a|",
    "|",
    "()",
    "(?:)",
    "(?i)",
    "(?)",
    "a{",
    "a{,5}",
    "a{x}",
    "{",
    "x{abc}",
    "a{01}",
    "a{ 1 }",
    "a{1",
    "a{0}",
    "a{1000}",
    "(a{0}){1000}",
    "a{0,}",
    "^*",
    "$+",
    r"\b*",
    r"\Qa*b\E+",
    r"\Q",
    "[]a]",
    "[^]a]",
    "[a-]",
    "[-a]",
    "[a&&b]",
    "[[]",
    "[a[b]c]",
    "[~~]",
    "[[:alpha:][:^digit:]]",
    "[[:a]",
    r"[\d\W\pL]",
    r"\pN",
    r"\PN",
    r"\p{^Lu}",
    r"\P{^Lu}",
    r"\p{greek}",
    r"\p{ Letter }",
    r"\p{any}",
    r"\p{LC}",
    r"\p{Zl}",
    r"\p{Cs}",
    r"\0",
    r"\012",
    r"\101",
    r"\x41",
    r"\x{1F600}",
    r"\x{D800}",
    r"[\x{D800}-\x{DFFF}]",
    r"\<",
    r"\_",
    r"\-",
    "(?P<1a>x)",
    "(?P<n>a)|(?P<n>b)",
    "(?<n>a)",
    "(?imsU-imsU:a)",
    "(?i-s)a",
    "(?-s:.)",
    "a*?",
    "a??",
    "a{2}?",
    r"a*\Q\E*",
    r"\a\f\n\r\t\v",
    r"\z\A",
];

#[test]
fn an_error_says_where_the_part_is() {
    let error = parse("abc[b-a]d").expect_err("a bad range");
    assert_eq!((error.start, error.end), (4, 7));
    let error = parse("éa**").expect_err("two repetitions");
    assert_eq!((error.start, error.end), (3, 5));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(999)).is_ok());
    assert_eq!(reason(&nested(1000)), "expression nests too deeply");
    let choices = format!("{}b{}", "(?:a|".repeat(2000), ")".repeat(2000));
    assert!(parse(&choices).is_ok());
    assert_eq!(reason(&nested(100_000)), "expression nests too deeply");
    assert_eq!(reason(&"(".repeat(100_000)), "missing closing )");
}
