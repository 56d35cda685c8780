//! One filter for all lists: words that must all match, `!word` must not, `red`, `run`, `ok` and `wait` go by state.

use crate::glyph::State;

/// Whether a row with these texts and state passes.
pub(crate) fn passes(filter: &str, texts: &[&str], state: State) -> bool {
    filter.split_whitespace().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(not) => !matches(not, texts, state),
        None => matches(word, texts, state),
    })
}

fn matches(word: &str, texts: &[&str], state: State) -> bool {
    let by_state = match word {
        "red" => state.is_red(),
        "run" => state == State::Running,
        "ok" => state == State::Success,
        "wait" => matches!(state, State::Queued | State::Locked),
        _ => false,
    };
    by_state || texts.iter().any(|text| contains(text, word))
}

/// Whether a text contains a word; capital letters in the word make it strict.
fn contains(text: &str, word: &str) -> bool {
    if word.chars().any(char::is_uppercase) {
        text.contains(word)
    } else {
        text.to_lowercase().contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_must_all_match() {
        let texts = ["linux-rel", "Linux"];
        assert!(passes("linux rel", &texts, State::Success));
        assert!(!passes("linux dbg", &texts, State::Success));
        assert!(passes("!dbg", &texts, State::Success));
        assert!(!passes("!linux", &texts, State::Success));
        assert!(passes("red", &texts, State::Failure));
        assert!(!passes("Rel", &texts, State::Success));
        assert!(passes("", &texts, State::Success));
    }
}
