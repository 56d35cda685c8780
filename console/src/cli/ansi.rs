//! Lines of a build's log as text for a terminal or a pipe.
//!
//! [`crate::safe::log`] decides what a hostile line may show; here its styles become escape sequences again, written
//! from values and never copied, and only where colour is welcome. Blinking and hidden text have no value of their own
//! there, so they cannot come out.

use std::fmt::Write;

use ratatui::style::{Color, Modifier, Style};

use crate::safe::log;

/// The line, with its colours (`colour`) or without.
pub(crate) fn line(bytes: &[u8], colour: bool) -> String {
    let text = log::line(bytes);
    if !colour {
        return text.plain();
    }
    let mut out = String::new();
    for (style, piece) in &text.pieces {
        let codes = codes(*style);
        if codes.is_empty() {
            out.push_str(piece);
        } else {
            let _ = write!(out, "\u{1b}[{}m{piece}\u{1b}[0m", codes.join(";"));
        }
    }
    out
}

fn codes(style: Style) -> Vec<String> {
    const MODIFIERS: [(Modifier, &str); 6] = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
        (Modifier::CROSSED_OUT, "9"),
    ];
    let mut codes: Vec<String> = MODIFIERS
        .iter()
        .filter(|(modifier, _)| style.add_modifier.contains(*modifier))
        .map(|(_, code)| (*code).to_owned())
        .collect();
    codes.extend(style.fg.and_then(|colour| paint(colour, 30)));
    codes.extend(style.bg.and_then(|colour| paint(colour, 40)));
    codes
}

/// The code of a colour; `base` is 30 for text and 40 for what is behind it.
fn paint(colour: Color, base: u16) -> Option<String> {
    let plain = |offset: u16| Some((base + offset).to_string());
    let bright = |offset: u16| Some((base + 60 + offset).to_string());
    match colour {
        Color::Reset => None,
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => Some(format!("{};5;{index}", base + 8)),
        Color::Rgb(red, green, blue) => Some(format!("{};2;{red};{green};{blue}", base + 8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_on_a_terminal_and_go_in_a_pipe() {
        let red = b"\x1b[1;31mFAIL\x1b[m ok";
        assert_eq!(line(red, true), "\u{1b}[1;31mFAIL\u{1b}[0m ok");
        assert_eq!(line(red, false), "FAIL ok");
        assert_eq!(line(b"\x1b[38;5;208mx", true), "\u{1b}[38;5;208mx\u{1b}[0m");
    }

    #[test]
    fn nothing_else_acts() {
        for bytes in [
            &b"\x1b[2Jx"[..],
            b"\x1b]0;title\x07",
            b"\x1b[5;8mx",
            b"\xff\xfe\x00",
            "\u{9b}31m \u{202e}".as_bytes(),
            b"10%\r50%\r100%\r",
        ] {
            assert!(!line(bytes, false).contains(char::is_control), "{bytes:?}");
        }
    }
}
