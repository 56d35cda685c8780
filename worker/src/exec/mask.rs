//! Secrets out of output: a streaming matcher, so that a text cut by a chunk's border is found too (PP-7).
//!
//! What comes out does not depend on how the input was cut (a property test says so). A tail that might become a
//! secret is held back until more bytes decide; it is never longer than the longest text. What two texts share is masked with
//! both. Masking is a seat belt, not a wall: a step that makes something else of a secret than what `forms` knows, before
//! it prints it, is not caught.

use super::forms;

/// What stands in the log instead.
const MASK: &[u8] = b"***";

/// Whether a text is long enough to be masked.
#[must_use]
pub fn is_maskable(text: &str) -> bool {
    text.len() >= forms::MIN_BYTES
}

/// The texts to hide. The longest counts where several begin at the same byte.
#[derive(Debug, Clone)]
pub struct Words {
    /// By their first two bytes, then the longest first.
    words: Vec<Vec<u8>>,
    begins: [bool; 256],
    /// Where the words that begin with two bytes begin; empty when there are no words.
    starts: Vec<u32>,
}

impl Words {
    /// Nothing is hidden.
    #[must_use]
    pub fn none() -> Self {
        Self::new([])
    }

    /// Hides secrets, and what programs often make of them: lines, base64, hex digits, escapes.
    #[must_use]
    pub fn hiding<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let forms: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms::of).collect();
        Self::new(forms.iter().map(Vec::as_slice))
    }

    /// Hides these texts as they are.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let long_enough = texts.into_iter().filter(|text| text.len() >= forms::MIN_BYTES);
        let mut words: Vec<Vec<u8>> = long_enough.map(<[u8]>::to_vec).collect();
        words.sort_by(|a, b| {
            a[..2].cmp(&b[..2]).then_with(|| b.len().cmp(&a.len())).then_with(|| a.cmp(b))
        });
        words.dedup();
        let mut begins = [false; 256];
        let mut starts = Vec::new();
        if !words.is_empty() {
            starts = vec![0; (1 << 16) + 1];
            for word in &words {
                begins[usize::from(word[0])] = true;
                starts[pair(word) + 1] += 1;
            }
            for at in 1..starts.len() {
                starts[at] += starts[at - 1];
            }
        }
        Self { words, begins, starts }
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The whole of a text, masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let (mut out, mut masker) = (Vec::new(), Masker::default());
        masker.feed(self, text.as_bytes(), &mut out);
        masker.end(self, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What begins with the first of these bytes, of which there is one.
    fn look(&self, rest: &[u8], at_end: bool) -> Look {
        if !self.begins[usize::from(rest[0])] {
            return Look::Nothing;
        }
        if rest.len() < 2 {
            return if at_end { Look::Nothing } else { Look::Open };
        }
        let at = pair(rest);
        let same = self.starts[at] as usize..self.starts[at + 1] as usize;
        // Longest first: a longer word that may still come keeps a shorter one from being decided.
        for word in &self.words[same] {
            if rest.starts_with(word) {
                return Look::Found(word.len());
            }
            if !at_end && word.len() > rest.len() && word.starts_with(rest) {
                return Look::Open;
            }
        }
        Look::Nothing
    }
}

/// The first two bytes of a text as a number.
fn pair(text: &[u8]) -> usize {
    usize::from(text[0]) << 8 | usize::from(text[1])
}

/// What stands at a place.
enum Look {
    Nothing,
    /// A word of so many bytes.
    Found(usize),
    /// What comes next decides.
    Open,
}

/// One stream being masked.
#[derive(Debug, Default)]
pub struct Masker {
    held: Vec<u8>,
    /// So many bytes from here on belong to a word that was masked already.
    covered: usize,
}

impl Masker {
    /// Appends to `out` what of the input so far is decided.
    pub fn feed(&mut self, words: &Words, input: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(input);
        self.scan(words, false, out);
    }

    /// The stream has ended: nothing can become a secret any more.
    pub fn end(&mut self, words: &Words, out: &mut Vec<u8>) {
        self.scan(words, true, out);
        self.held.clear();
        self.covered = 0;
    }

    /// Masks from the front of what is held, as far as it is decided.
    fn scan(&mut self, words: &Words, at_end: bool, out: &mut Vec<u8>) {
        let (mut at, bytes) = (0, &self.held);
        while at < bytes.len() {
            if self.covered == 0 {
                let rest = &bytes[at..];
                let begins = |byte: &u8| words.begins[usize::from(*byte)];
                let plain = rest.iter().position(begins).unwrap_or(rest.len());
                out.extend_from_slice(&rest[..plain]);
                at += plain;
                if plain == rest.len() {
                    break;
                }
            }
            match words.look(&bytes[at..], at_end) {
                Look::Open => break,
                Look::Found(length) => {
                    if self.covered == 0 {
                        out.extend_from_slice(MASK);
                    }
                    self.covered = self.covered.max(length);
                }
                Look::Nothing if self.covered == 0 => out.push(bytes[at]),
                Look::Nothing => {}
            }
            self.covered = self.covered.saturating_sub(1);
            at += 1;
        }
        self.held.drain(..at);
    }
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

    #[test]
    fn what_two_secrets_share_is_masked_with_both() {
        assert_eq!(masked(&["abcdef", "defghi"], &[b"xabcde", b"fghix"]), b"x***x");
        // However long that goes on, no more than one word is held back.
        let words = Words::new([&b"aaaa"[..]]);
        let (mut out, mut masker) = (Vec::new(), Masker::default());
        for _ in 0..1000 {
            masker.feed(&words, b"aaaaaaaa", &mut out);
            assert!(masker.held.len() < 4);
        }
        masker.end(&words, &mut out);
        assert_eq!(out, b"***");
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line_too() {
        let words = Words::hiding(["first line\r\nsecond line\nx"]);
        assert_eq!(words.mask("1 first line\n2 second line\n3 x\n"), "1 ***\n2 ***\n3 x\n");
        assert_eq!(words.mask("printf first+line"), "printf ***");
    }

    proptest! {
        #[test]
        fn no_form_comes_out_however_it_is_cut(
            secret in "[a-z \"'/%\n]{3,30}",
            noise in "[a-z]{0,10}",
            cuts in prop::collection::vec(0_usize..4000, 0..8),
        ) {
            let mut text = noise.clone();
            for form in super::forms::of(&secret) {
                text.push_str(&String::from_utf8_lossy(&form));
                text.push_str(&noise);
            }
            let words = Words::hiding([secret.as_str()]);
            let whole = words.mask(&text);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut out, mut masker, mut from) = (Vec::new(), Masker::default(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                masker.feed(&words, &text.as_bytes()[from..cut], &mut out);
                from = cut;
            }
            masker.end(&words, &mut out);
            let out = String::from_utf8_lossy(&out).into_owned();
            prop_assert_eq!(&out, &whole);
            for form in super::forms::of(&secret) {
                let form = String::from_utf8_lossy(&form).into_owned();
                prop_assert!(!whole.contains(&form), "{} in {}", form, whole);
            }
        }

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
            for word in words.iter().filter(|word| word.len() >= super::forms::MIN_BYTES) {
                let whole = String::from_utf8_lossy(&whole).into_owned();
                prop_assert!(!whole.contains(word), "{} in {}", word, whole);
            }
        }
    }
}
