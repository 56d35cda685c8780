//! Sizes as a configuration writes them: `"64MiB"`.

/// Reads a size in bytes: digits, then `B`, `KiB`, `MiB`, `GiB` or `TiB`.
///
/// # Errors
/// A sentence that says what is wrong and what to write.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "no size; write for example \"64MiB\" or \"1GiB\"".to_owned();
    let trimmed = text.trim();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = trimmed.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor: u64 = match unit.trim_start() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("10 B"), Ok(10));
        for bad in ["", "64", "MiB", "64MB", "-1B", "99999999999TiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
