//! Bytes as hexadecimal digits, and back.

/// The bytes of a text of digits of either case; `None`: it is no such text.
pub(crate) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

/// The digits, in small letters.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(bytes_of("00fFa0"), Some(vec![0, 255, 160]));
        assert_eq!(text_of(&[0, 255, 160]), "00ffa0");
        for bad in ["0", "0g", "é1", "+1"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
    }
}
