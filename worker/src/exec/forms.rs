//! What becomes of a secret on its way through a program: the forms of it that are masked beside the text itself (PP-7).
//!
//! A line alone, for programs print files line by line; base64, at each of the three places where a text can begin in it,
//! and in the lines that `base64` breaks it into; hex digits; the escapes of URLs, of forms, of JSON and of shells.

use std::fmt::Write as _;

/// The shortest text that is masked by itself. Shorter ones would mask half of any log.
pub(super) const MIN_BYTES: usize = 3;
/// The shortest line of a longer text, and the shortest encoded form, that is masked.
const MIN_PART: usize = 6;
/// Where programs break lines of base64: RFC 2045 and RFC 7468.
const BREAKS: [usize; 2] = [76, 64];

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every text that must be masked so that `secret` does not come out.
pub(super) fn of(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    encoded(secret, &mut forms);
    // What comes from a file often has a line feed at its end that the value here has not.
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= MIN_PART);
    for line in lines.filter(|line| *line != secret) {
        forms.push(line.as_bytes().to_vec());
        encoded(line, &mut forms);
    }
    forms
}

fn encoded(text: &str, forms: &mut Vec<Vec<u8>>) {
    let bytes = text.as_bytes();
    let mut add = |form: String| {
        if form.len() >= MIN_PART && form != text {
            forms.push(form.into_bytes());
        }
    };
    for alphabet in [PLAIN, FOR_URLS] {
        for before in 0..3 {
            add(base64(bytes, before, alphabet));
        }
        let whole = padded(bytes, alphabet);
        for width in BREAKS.into_iter().filter(|width| whole.len() > *width) {
            let mut rest = whole.as_str();
            while let Some((line, after)) = rest.split_at_checked(width) {
                add(line.to_owned());
                rest = after;
            }
            add(rest.to_owned());
        }
        add(whole);
    }
    add(hex(bytes, false));
    add(hex(bytes, true));
    let never = |_: u8| false;
    add(percent(bytes, true, never));
    add(percent(bytes, false, never));
    add(percent(bytes, true, |byte| byte == b'/'));
    add(percent(bytes, true, |byte| b"!'()*".contains(&byte)));
    add(percent(bytes, true, never).replace("%20", "+"));
    let quoted = serde_json::Value::from(text).to_string();
    let json = quoted[1..quoted.len() - 1].to_owned();
    add(json.chars().fold(String::new(), |mut out, c| {
        let mut units = [0; 2];
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        out
    }));
    add(json);
    add(text.replace('\'', "'\\''"));
}

/// The digits that this text alone decides, when `before` bytes (0 to 2) of something else stand before it in a group.
fn base64(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let first = (before * 8).div_ceil(6);
    let last = (before + bytes.len()) * 8 / 6;
    (first..last).map(|digit| sextet(bytes, before, digit, alphabet)).collect()
}

/// The text encoded by itself, with what fills the last group.
fn padded(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let digits = (bytes.len() * 8).div_ceil(6);
    let mut out: String = (0..digits).map(|digit| sextet(bytes, 0, digit, alphabet)).collect();
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

fn sextet(bytes: &[u8], before: usize, digit: usize, alphabet: &[u8; 64]) -> char {
    let at = |index: usize| {
        let byte = index.checked_sub(before).and_then(|index| bytes.get(index));
        u16::from(byte.copied().unwrap_or(0))
    };
    let (byte, shift) = (digit * 6 / 8, digit * 6 % 8);
    let pair = at(byte) << 8 | at(byte + 1);
    let value = (pair >> (10 - shift)) & 0x3f;
    char::from(alphabet[usize::from(value)])
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        out
    })
}

fn percent(bytes: &[u8], upper: bool, stays: impl Fn(u8) -> bool) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) || stays(*byte) {
            out.push(char::from(*byte));
        } else {
            let _ = if upper { write!(out, "%{byte:02X}") } else { write!(out, "%{byte:02x}") };
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exec::mask::Words;

    fn has(secret: &str, form: &str) -> bool {
        of(secret).iter().any(|known| known == form.as_bytes())
    }

    #[test]
    fn the_usual_forms_are_known() {
        assert!(has("hunter2", "aHVudGVyMg=="));
        assert!(has("hunter2", "68756e74657232") && has("hunter2", "68756E74657232"));
        assert!(has("a b/c&d", "a%20b%2Fc%26d") && has("a b/c&d", "a+b%2Fc%26d"));
        assert!(has("a b/c&d", "a%20b/c%26d") && has("a b/c&d", "a%20b%2fc%26d"));
        assert!(has("say \"hi\"\n", "say \\\"hi\\\"\\n"));
        assert!(has("\"quoted\"", "\\\"quoted\\\""));
        assert!(has("it's so", "it'\\''s so"));
        assert!(has("clé-Ω", "cl\\u00e9-\\u03a9"));
        let key = "-----BEGIN KEY-----\nMIIBOgIBAAJBAKj3\n-----END KEY-----";
        assert!(has(key, "MIIBOgIBAAJBAKj3") && !has(key, "\n"));
        // A line of two letters is no secret of its own.
        assert!(!has("first line\nab\n", "ab"));
    }

    proptest! {
        /// Whatever stands around a secret, of its base64 no more than the digits at its borders are left.
        #[test]
        fn base64_is_found_wherever_it_begins(
            before in prop::collection::vec(any::<u8>(), 0..9),
            secret in "[ -~]{6,40}",
            after in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let whole = [&before[..], secret.as_bytes(), &after[..]].concat();
            for alphabet in [PLAIN, FOR_URLS] {
                let text = padded(&whole, alphabet);
                let masked = Words::hiding([secret.as_str()]).mask(&text);
                prop_assert!(masked.contains("***"), "{} in {}", secret, text);
                let left = masked.replace("***", "").len();
                prop_assert!(left <= (before.len() + after.len()) * 4 / 3 + 8, "{}", masked);
            }
        }

        #[test]
        fn digits_are_those_of_everybody(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            // The standard's own definition, three bytes at a time.
            let mut wanted = String::new();
            for group in bytes.chunks(3) {
                let mut bits = [0_u8; 3];
                bits[..group.len()].copy_from_slice(group);
                let all = u32::from_be_bytes([0, bits[0], bits[1], bits[2]]);
                for digit in 0..4 {
                    let value = (all >> (18 - 6 * digit)) & 63;
                    let known = digit <= group.len();
                    wanted.push(if known { char::from(PLAIN[value as usize]) } else { '=' });
                }
            }
            prop_assert_eq!(padded(&bytes, PLAIN), wanted);
        }
    }
}
