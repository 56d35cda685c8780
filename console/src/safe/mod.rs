//! Foreign text made safe to show: names, branches, commit messages, notices (security.md 2.3, console.md G).
//!
//! Whatever passes here cannot move the cursor, set a title, write the clipboard, reorder or hide what stands beside
//! it. Nothing is dropped in silence: what has no shape of its own is shown as a symbol. The console calls it in the
//! one function that writes to cells ([`crate::canvas`]), so no screen can forget; log lines go through [`log`] first.

pub(crate) mod log;

use std::borrow::Cow;

/// Shows control, bidirectional and invisible characters as symbols.
///
/// Control characters become their pictures (`␛`), others their code (`<U+202E>`). Clean text is borrowed.
pub fn text(raw: &str) -> Cow<'_, str> {
    // Printable ASCII is nearly everything; the scan is cheaper than any copy.
    if raw.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !raw.chars().any(is_hostile) {
        return Cow::Borrowed(raw);
    }
    let mut safe = String::with_capacity(raw.len() + 16);
    let mut before = ' ';
    for character in raw.chars() {
        match character {
            // Emoji presentation after a symbol: harmless, common in commit messages, and of no width of its own.
            '\u{fe0e}' | '\u{fe0f}' if !before.is_ascii() => {}
            character => push(&mut safe, character),
        }
        before = character;
    }
    Cow::Owned(safe)
}

/// The first line of a text of many, made safe.
pub(crate) fn first_line(raw: &str) -> Cow<'_, str> {
    text(raw.trim_start().lines().next().unwrap_or_default())
}

/// Appends one character, as itself or as its symbol.
pub(crate) fn push(safe: &mut String, character: char) {
    use std::fmt::Write;
    match character {
        '\u{00}'..='\u{1f}' => safe.push(picture(character as u8)),
        '\u{7f}' => safe.push('\u{2421}'),
        character if is_hostile(character) => {
            let _ = write!(safe, "<U+{:04X}>", u32::from(character));
        }
        character => safe.push(character),
    }
}

/// The picture of a C0 control character.
pub(crate) fn picture(byte: u8) -> char {
    char::from_u32(0x2400 + u32::from(byte & 0x1f)).unwrap_or('?')
}

/// Whether a character could do something else than stand where it is put.
pub(crate) fn is_hostile(character: char) -> bool {
    matches!(character,
        '\u{00}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, joiners, Hangul and Khmer fillers, Mongolian selectors.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{ffa0}'
        // Bidirectional marks, embeddings and isolates; zero width; line and paragraph separators.
        | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // Variation selectors, byte order mark, interlinear notes, specials.
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        // Musical controls, tags, private use and noncharacters of the last planes.
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_untouched() {
        assert!(matches!(text("lexer: reuse — über 漢字"), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_become_pictures_and_invisible_ones_codes() {
        assert_eq!(text("a\x1b]52;c;eA==\x07b"), "a␛]52;c;eA==␇b");
        assert_eq!(text("\u{9b}2J"), "<U+009B>2J");
        assert_eq!(text("user\u{202e}nimda"), "user<U+202E>nimda");
        assert_eq!(text("a\u{200b}b\r\nc\0"), "a<U+200B>b␍␊c␀");
    }

    #[test]
    fn emoji_presentation_is_no_attack_but_a_selector_on_a_letter_is_shown() {
        assert_eq!(text("\u{26a0}\u{fe0f} fix"), "\u{26a0} fix");
        assert_eq!(text("a\u{fe0f}"), "a<U+FE0F>");
    }
}
