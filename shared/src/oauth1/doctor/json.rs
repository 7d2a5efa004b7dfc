//! One JSON document in other spellings: what a serialiser between signing and sending may have made of it.

/// The same document in other spellings, each with words for it. Nothing if it is no JSON.
pub(super) fn respelled(text: &str) -> Vec<(String, String)> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (how, text) in [
        ("", text.to_owned()),
        (", with characters beyond ASCII written as \\u", escaped(text)),
        (", with \\u written as the characters themselves", unescaped(text)),
        (", with / written as \\/", text.replace("\\/", "/").replace('/', "\\/")),
        (", with \\/ written as /", text.replace("\\/", "/")),
        (", with the names sorted", sorted(text)),
    ] {
        out.push((format!("in the layout in which it is sent{how}"), text.clone()));
        for layout in LAYOUTS {
            out.push((format!("{}{how}", layout.words), layout.write(&text)));
        }
    }
    out
}

struct Layout {
    words: &'static str,
    comma: &'static str,
    colon: &'static str,
    /// One step to the right; `None` keeps everything on one line.
    indent: Option<&'static str>,
}

const LAYOUTS: &[Layout] = &[
    Layout { words: "without blanks", comma: ",", colon: ":", indent: None },
    Layout { words: "with a blank after each comma and colon", comma: ", ", colon: ": ", indent: None },
    Layout { words: "indented by two blanks", comma: ",", colon: ": ", indent: Some("  ") },
    Layout { words: "indented by four blanks", comma: ",", colon: ": ", indent: Some("    ") },
    Layout { words: "indented by tabs", comma: ",", colon: ": ", indent: Some("\t") },
];

impl Layout {
    fn write(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let (mut in_string, mut depth) = (false, 0_usize);
        let mut letters = text.chars().peekable();
        while let Some(c) = letters.next() {
            if in_string {
                out.push(c);
                match c {
                    '\\' => out.extend(letters.next()),
                    '"' => in_string = false,
                    _ => {}
                }
                continue;
            }
            match c {
                '{' | '[' => {
                    out.push(c);
                    while letters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                    if let Some(end) = letters.next_if(|c| matches!(c, '}' | ']')) {
                        out.push(end);
                        continue;
                    }
                    depth += 1;
                    self.new_line(&mut out, depth);
                }
                '}' | ']' => {
                    depth = depth.saturating_sub(1);
                    self.new_line(&mut out, depth);
                    out.push(c);
                }
                ',' => {
                    out.push_str(self.comma);
                    self.new_line(&mut out, depth);
                }
                ':' => out.push_str(self.colon),
                c if c.is_ascii_whitespace() => {}
                c => {
                    in_string = c == '"';
                    out.push(c);
                }
            }
        }
        out
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    }
}

/// Python's `json.dumps` and others: ASCII only.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

/// `\u` escapes beyond ASCII taken back. Others, such as `\u0000`, must stay.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let units: Vec<u16> = [unit(escape, 0), unit(escape, 6)].into_iter().map_while(|unit| unit).collect();
        let decoded = char::decode_utf16(units).next().and_then(Result::ok).filter(|c| !c.is_ascii());
        let taken = match decoded {
            Some(c) => {
                out.push(c);
                6 * c.len_utf16()
            }
            None => {
                let taken = 1 + escape.chars().nth(1).map_or(0, char::len_utf8);
                out.push_str(escape.get(..taken).unwrap_or(escape));
                taken
            }
        };
        rest = escape.get(taken..).unwrap_or("");
    }
    out + rest
}

/// The UTF-16 unit of the escape at this place.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

fn sorted(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(text) else { return String::new() };
    value.sort_all_objects();
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(text: &str) -> Vec<String> {
        respelled(text).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn layouts_of_common_serialisers() {
        let all = spellings("{ \"b\":[1,2 , {}],\"a\" : \"x, \\\": y\",\n\"c\":[ ] }");
        for wanted in [
            "{\"b\":[1,2,{}],\"a\":\"x, \\\": y\",\"c\":[]}",
            "{\"b\": [1, 2, {}], \"a\": \"x, \\\": y\", \"c\": []}",
            "{\n  \"b\": [\n    1,\n    2,\n    {}\n  ],\n  \"a\": \"x, \\\": y\",\n  \"c\": []\n}",
            "{\"a\":\"x, \\\": y\",\"b\":[1,2,{}],\"c\":[]}",
        ] {
            assert!(all.iter().any(|text| text == wanted), "{wanted}");
        }
    }

    #[test]
    fn escapes_go_both_ways() {
        let (plain, ascii) = ("\"\u{e9}\u{1f600}\\\\u00e9\\u0007\\n\"", "\"\\u00e9\\ud83d\\ude00\\\\u00e9\\u0007\\n\"");
        assert_eq!(escaped(plain), ascii);
        assert_eq!(unescaped(ascii), plain);
        assert_eq!(unescaped("\\"), "\\");
        assert_eq!(unescaped("\\ud83d\\u0041"), "\\ud83d\\u0041");
        assert!(spellings("{\"a\":").is_empty());
    }

    #[test]
    fn whatever_is_written_is_the_same_document() {
        let text = "{\"k\":[1.5,true,null,\"\u{e9}/\"],\"a\":{\"b\":{}}}";
        let wanted: serde_json::Value = serde_json::from_str(text).unwrap();
        for (words, spelling) in respelled(text) {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&spelling).unwrap(), wanted, "{words}");
        }
    }
}
