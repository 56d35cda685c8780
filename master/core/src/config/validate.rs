//! Rules that hold wherever a name comes from, with the sentence to say when one does not.

/// The longest name, in characters (F32).
pub const MAX_NAME: usize = 100;

/// Whether a text may name a builder, worker, scheduler or source (F32): 1 to 100 letters, digits, `. _ - + @ :` and
/// blanks inside, not beginning with `_`. `/` and `#` would break references.
///
/// # Errors
/// What is wrong, as a clause: lower case, no stop.
pub fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name may not be empty".to_owned());
    }
    if text.chars().count() > MAX_NAME {
        return Err(format!("a name has at most {MAX_NAME} characters"));
    }
    if text.starts_with('_') {
        return Err("a name may not begin with `_`".to_owned());
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("a name may not begin or end with a blank".to_owned());
    }
    let legal = |c: &char| c.is_alphanumeric() || "._-+@: ".contains(*c);
    match text.chars().find(|c| !legal(c)) {
        Some(bad) => Err(format!("a name may not have {bad:?} in it")),
        None => Ok(()),
    }
}

/// Whether a text may name a secret (F12): 1 to 100 plain letters, digits, `.`, `_` and `-`, beginning with a letter or
/// digit. It becomes a file's name, so nothing in it may lead elsewhere.
///
/// # Errors
/// What is wrong, as a clause: lower case, no stop.
pub fn check_secret_name(text: &str) -> Result<(), String> {
    if text.len() > MAX_NAME {
        return Err(format!("the name of a secret has at most {MAX_NAME} characters"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("the name of a secret begins with a letter or digit".to_owned());
    }
    let legal = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    match text.chars().find(|c| !legal(c)) {
        Some(bad) => Err(format!("the name of a secret may not have {bad:?} in it")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F32.
    #[test]
    fn names() {
        for good in ["linux", "mac mini 3", "a.b_c-d+e@f:g", "größe"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(MAX_NAME + 1);
        for bad in ["", "_x", " x", "x ", "a/b", "a#1", "a\nb", &long] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    /// F12.
    #[test]
    fn names_of_secrets() {
        for good in ["github-hook", "a", "0.b_c"] {
            assert_eq!(check_secret_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "../x", "a/b", "a b", "ä", ".x", "a\0", &"x".repeat(101)] {
            assert!(check_secret_name(bad).is_err(), "{bad}");
        }
    }
}
