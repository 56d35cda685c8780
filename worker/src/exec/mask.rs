//! Secrets out of output: a streaming matcher, so that a text cut by a chunk's border is found too.
//!
//! What comes out does not depend on how the input was cut (a property test says so). A tail that might become a
//! secret is held back until more bytes decide. Masking is a seat belt, not a wall: a step that encodes a secret
//! before it prints it is not caught.

/// What stands in the log instead.
const MASK: &[u8] = b"***";

/// Shorter texts would mask half of any log.
const MIN_BYTES: usize = 3;

/// The texts to hide. Longer ones win where two begin at the same byte.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    words: Vec<Vec<u8>>,
    begins: [bool; 256],
}

impl Words {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let long_enough = texts.into_iter().filter(|text| text.len() >= MIN_BYTES);
        let mut words: Vec<Vec<u8>> = long_enough.map(<[u8]>::to_vec).collect();
        words.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        words.dedup();
        let mut begins = [false; 256];
        for word in &words {
            begins[usize::from(word[0])] = true;
        }
        Self { words, begins }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The whole of a text, masked.
    pub(crate) fn mask(&self, text: &str) -> String {
        let (mut out, mut masker) = (Vec::new(), Masker::default());
        masker.feed(self, text.as_bytes(), &mut out);
        masker.end(self, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// One stream being masked.
#[derive(Debug, Default)]
pub(crate) struct Masker {
    held: Vec<u8>,
}

impl Masker {
    /// Appends to `out` what of the input so far is decided.
    pub(crate) fn feed(&mut self, words: &Words, input: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(input);
        let done = scan(words, &self.held, false, out);
        self.held.drain(..done);
    }

    /// The stream has ended: nothing can become a secret any more.
    pub(crate) fn end(&mut self, words: &Words, out: &mut Vec<u8>) {
        scan(words, &self.held, true, out);
        self.held.clear();
    }
}

/// Masks from the front of `bytes`; returns how many of them are dealt with.
fn scan(words: &Words, bytes: &[u8], at_end: bool, out: &mut Vec<u8>) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let plain =
            rest.iter().position(|byte| words.begins[usize::from(*byte)]).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        at += plain;
        let rest = &bytes[at..];
        if rest.is_empty() {
            break;
        }
        // Longest first: a longer word that may still come keeps a shorter one from being decided.
        match words.words.iter().find(|word| {
            rest.starts_with(word) || (!at_end && word.len() > rest.len() && word.starts_with(rest))
        }) {
            Some(word) if rest.starts_with(word) => {
                out.extend_from_slice(MASK);
                at += word.len();
            }
            Some(_) => break,
            None => {
                out.push(rest[0]);
                at += 1;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(words: &[&str], chunks: &[&[u8]]) -> Vec<u8> {
        let words = Words::new(words.iter().map(|word| word.as_bytes()));
        let (mut out, mut masker) = (Vec::new(), Masker::default());
        for chunk in chunks {
            masker.feed(&words, chunk, &mut out);
        }
        masker.end(&words, &mut out);
        out
    }

    #[test]
    fn a_secret_cut_by_a_border_is_found() {
        assert_eq!(masked(&["hunter2"], &[b"pw=hun", b"te", b"r2!"]), b"pw=***!");
    }

    #[test]
    fn what_only_began_like_a_secret_is_left_as_it_was() {
        assert_eq!(masked(&["hunter2"], &[b"hunt", b"ing hunter"]), b"hunting hunter");
    }

    #[test]
    fn the_longer_of_two_wins_even_across_a_border() {
        assert_eq!(masked(&["abc", "abcdef"], &[b"abc", b"def abcx"]), b"*** ***x");
    }

    #[test]
    fn texts_of_one_or_two_bytes_are_not_masked() {
        assert_eq!(masked(&["a", "ab", ""], &[b"abab"]), b"abab");
    }

    proptest! {
        #[test]
        fn the_cut_does_not_matter(
            words in prop::collection::vec("[ab]{1,5}", 0..4),
            text in "[abc]{0,60}",
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| (*cut).min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            let whole = masked(&words, &[text.as_bytes()]);
            prop_assert_eq!(masked(&words, &chunks), whole.clone());
            for word in words.iter().filter(|word| word.len() >= MIN_BYTES) {
                let whole = String::from_utf8_lossy(&whole).into_owned();
                prop_assert!(!whole.contains(word), "{} in {}", word, whole);
            }
        }
    }
}
