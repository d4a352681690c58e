//! Unicode classes: `\p{Greek}`, `\pL`, `\P{^Lu}`.
//!
//! Go knows general categories, their aliases and the scripts by their long names, in any case and with spaces,
//! hyphens and underscores left out. It does not find scripts whose long name has more than one word
//! (`Old_Italic`), and neither do we.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind, Literal};

use super::SyntaxError;
use super::chars::Cursor;
use super::flags::Flags;

/// The general categories as Go spells them; [`ALIASES`] holds their longer names.
const CATEGORIES: &str = "C Cc Cf Cn Co Cs L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S \
    Sc Sk Sm So Z Zl Zp Zs";

/// Other names of categories, in canonical form (PropertyValueAliases.txt).
const ALIASES: &str = "Casedletter=LC Closepunctuation=Pe Combiningmark=M Connectorpunctuation=Pc Control=Cc \
    Currencysymbol=Sc Dashpunctuation=Pd Decimalnumber=Nd Enclosingmark=Me Finalpunctuation=Pf Format=Cf \
    Initialpunctuation=Pi Letter=L Letternumber=Nl Lineseparator=Zl Lowercaseletter=Ll Mark=M Mathsymbol=Sm \
    Modifierletter=Lm Modifiersymbol=Sk Nonspacingmark=Mn Number=N Openpunctuation=Ps Other=C Otherletter=Lo \
    Othernumber=No Otherpunctuation=Po Othersymbol=So Paragraphseparator=Zp Privateuse=Co Punctuation=P \
    Separator=Z Spaceseparator=Zs Spacingmark=Mc Surrogate=Cs Symbol=S Titlecaseletter=Lt Unassigned=Cn \
    Uppercaseletter=Lu Cntrl=Cc Digit=Nd Punct=P";

/// The scripts of Unicode 15 whose name is one word.
const SCRIPTS: &str = "Adlam Ahom Arabic Armenian Avestan Balinese Bamum Batak Bengali Bhaiksuki Bopomofo Brahmi \
    Braille Buginese Buhid Carian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cyrillic \
    Deseret Devanagari Dogra Duployan Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati \
    Gurmukhi Han Hangul Hanunoo Hatran Hebrew Hiragana Inherited Javanese Kaithi Kannada Katakana Kawi Kharoshthi \
    Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean \
    Marchen Medefaidrin Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari Newa Nko Nushu Ogham Oriya \
    Osage Osmanya Palmyrene Phoenician Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham Sinhala Sogdian \
    Soyombo Sundanese Syriac Tagalog Tagbanwa Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh \
    Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Yezidi Yi";

/// Reads a Unicode class if one comes next.
pub(super) fn class(input: &mut Cursor<'_>, flags: Flags) -> Result<Option<ClassUnicode>, SyntaxError> {
    const REASON: &str = "invalid character class range";
    let start = input.at();
    let mut negated = match (input.peek(), input.peek_second()) {
        (Some('\\'), Some('p')) => false,
        (Some('\\'), Some('P')) => true,
        _ => return Ok(None),
    };
    input.skip(2);
    let name = if input.eat("{") {
        input.until("}").ok_or_else(|| input.error_to_end(REASON, start))?
    } else {
        let rest = input.rest();
        input.bump();
        rest.strip_suffix(input.rest()).unwrap_or("")
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let mut class = by_name(name).ok_or_else(|| input.error(REASON, start))?;
    if flags.fold_case {
        class.case_fold_simple();
    }
    if negated {
        class.negate();
    }
    Ok(Some(class))
}

fn by_name(name: &str) -> Option<ClassUnicode> {
    let name = canonical(name);
    match &*name {
        "Any" => return table("Any"),
        "Ascii" => return table("ASCII"),
        "Assigned" => return table("Assigned"),
        // No text holds a surrogate.
        "Cs" | "Surrogate" => return Some(ClassUnicode::empty()),
        "Lc" => return table("LC"),
        // Found among the categories by their exact spelling only.
        "LC" | "" => return None,
        _ => {}
    }
    let mut aliases = ALIASES.split(' ').filter_map(|alias| alias.split_once('='));
    if CATEGORIES.split(' ').any(|known| known == name) {
        table(&format!("gc={name}"))
    } else if SCRIPTS.split(' ').any(|known| known == name) {
        table(&format!("sc={name}"))
    } else {
        let (_, category) = aliases.find(|(alias, _)| *alias == name)?;
        table(&format!("gc={category}"))
    }
}

/// The first letter in upper case, the others in lower case, without spaces, hyphens and underscores.
fn canonical(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')) {
        out.push(if out.is_empty() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() });
    }
    out
}

/// The code points that the engine's tables list under `name`.
fn table(name: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        HirKind::Class(Class::Bytes(class)) => class.to_unicode_class(),
        // A class of one character has become a literal.
        HirKind::Literal(Literal(bytes)) => {
            let only = std::str::from_utf8(&bytes).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(only, only)]))
        }
        _ => None,
    }
}

/// Whether `c` is a letter (category L) or a decimal digit (category Nd).
pub(in crate::relabel) fn is_letter_or_digit(c: char) -> bool {
    static CLASS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let ranges = CLASS.get_or_init(|| {
        let mut class = table("L").unwrap_or_else(ClassUnicode::empty);
        class.union(&table("Nd").unwrap_or_else(ClassUnicode::empty));
        class.iter().map(|range| (range.start(), range.end())).collect()
    });
    let after = ranges.partition_point(|(low, _)| *low <= c);
    after > 0 && c <= ranges[after - 1].1
}
