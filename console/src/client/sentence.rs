//! Sentences in gRPC metadata, which holds printable ASCII only.
//!
//! A server that refuses puts *why* under [`WHY_KEY`] and *what to try* under [`HINT_KEY`], each through
//! [`encode_sentence`]: every byte of the UTF-8 text outside `0x20..=0x7E`, and `%` itself, becomes `%XX` (two upper-case
//! hex digits). It is the rule of gRPC's own `grpc-message`, so a server in any language has the code for it.

/// Metadata key of the sentence that says why.
pub const WHY_KEY: &str = "linn-why";
/// Metadata key of the sentence that says what to try.
pub const HINT_KEY: &str = "linn-hint";

/// The text as printable ASCII.
#[must_use]
pub fn encode_sentence(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..=0x7E).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 0xF)]));
        }
    }
    out
}

/// The text that [`encode_sentence`] was given; what is no encoding stays as it is, and bytes that are no UTF-8 become
/// U+FFFD.
#[must_use]
pub fn decode_sentence(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| Some((digit(hex[0])? << 4) | digit(hex[1])?)) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["", "plain", "100% of it", "für 日本", "a\nb\u{1b}[2J", "%41"] {
            let coded = encode_sentence(text);
            assert!(coded.bytes().all(|byte| (0x20..=0x7E).contains(&byte)), "{coded}");
            assert_eq!(decode_sentence(&coded), text);
        }
    }

    #[test]
    fn what_is_no_encoding_stays() {
        assert_eq!(decode_sentence("100%"), "100%");
        assert_eq!(decode_sentence("%zz%4"), "%zz%4");
        assert_eq!(decode_sentence("%FF"), "\u{FFFD}");
    }
}
