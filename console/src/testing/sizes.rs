//! No state at any size makes a frame panic or write outside (console.md I33).

use proptest::prelude::*;

use super::{Look, farm, frame, press, snapshots};
use crate::{message::Message, update::update};

/// Key presses that reach every screen and dialog.
const KEYS: [&str; 40] = [
    "1", "2", "3", "4", "5", "7", "0", "e", "E", "enter", "l", "b", "p", "w", "f", "r", "x", "P",
    "/", "a", "esc", "tab", "z", "j", "k", "down", "right", "left", "G", "g", "H", "L", "t", "=",
    ".", "+", "-", "?", ":", "ctrl-d",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_state_at_any_size_is_drawn(
        columns in 1_u16..=240,
        rows in 1_u16..=70,
        later in (1_u16..=240, 1_u16..=70),
        opened in 0_u8..4,
        ascii in any::<bool>(),
        keys in prop::collection::vec(0_usize..KEYS.len(), 0..25),
    ) {
        let mut model = farm(columns, rows, if ascii { Look::Ascii } else { Look::Colour });
        match opened {
            1 => snapshots::open_log(&mut model),
            2 => snapshots::open_build(&mut model),
            _ => {}
        }
        for key in keys {
            press(&mut model, KEYS[key]);
            frame(&model);
        }
        update(&mut model, Message::Resize(later.0, later.1));
        frame(&model);
    }
}
