//! Takes apart what a program wrote to a terminal: text here, control sequences there.
//!
//! Unlike a terminal it forgets nothing and knows nothing: what the parser of a screen would overlook is a piece, too.

/// One piece of what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Characters to be shown, one after the other.
    Text(String),
    /// A control character of its own: C0, C1, or DEL.
    Control(char),
    /// `ESC [`: everything between, and the last character.
    Csi(String, char),
    /// `ESC ]`, `ESC P`, `ESC X`, `ESC ^`, `ESC _`: which, and what stands until its end.
    String(char, String),
    /// `ESC` and another character.
    Escape(char),
}

/// Characters that reorder or hide text without being seen (console.md G).
#[must_use]
pub fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// The pieces of it, in their order.
#[must_use]
pub fn pieces(raw: &[u8]) -> Vec<Piece> {
    let text = String::from_utf8_lossy(raw);
    let mut rest = text.chars().peekable();
    let mut pieces: Vec<Piece> = Vec::new();
    while let Some(character) = rest.next() {
        let piece = match character {
            '\x1b' => match rest.next() {
                Some('[') => {
                    let mut between = String::new();
                    let last = loop {
                        match rest.next() {
                            Some(last @ '\x40'..='\x7e') => break last,
                            Some(other) => between.push(other),
                            None => return pieces,
                        }
                    };
                    Piece::Csi(between, last)
                }
                Some(kind @ (']' | 'P' | 'X' | '^' | '_')) => {
                    let mut inside = String::new();
                    loop {
                        match rest.next() {
                            Some('\x1b') if rest.peek() == Some(&'\\') => {
                                rest.next();
                                break;
                            }
                            Some('\x07') if kind == ']' => break,
                            Some(other) => inside.push(other),
                            None => return pieces,
                        }
                    }
                    Piece::String(kind, inside)
                }
                Some(other) => Piece::Escape(other),
                None => return pieces,
            },
            control if control.is_control() => Piece::Control(control),
            shown => {
                if let Some(Piece::Text(text)) = pieces.last_mut() {
                    text.push(shown);
                    continue;
                }
                Piece::Text(shown.to_string())
            }
        };
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_apart() {
        let raw =
            "ab\x1b[1;31mc\x1b]52;c;aGk=\x07\x1b]0;t\x1b\\\x1bPq\x1b\\\x1b7\r\u{9b}".as_bytes();
        let wanted = [
            Piece::Text("ab".into()),
            Piece::Csi("1;31".into(), 'm'),
            Piece::Text("c".into()),
            Piece::String(']', "52;c;aGk=".into()),
            Piece::String(']', "0;t".into()),
            Piece::String('P', "q".into()),
            Piece::Escape('7'),
            Piece::Control('\r'),
            Piece::Control('\u{9b}'),
        ];
        assert_eq!(pieces(raw), wanted);
    }
}
