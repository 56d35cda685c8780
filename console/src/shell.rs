//! Words for a command line that a person may copy: what a shell would take for something else is quoted.

/// Quoted for a shell where it must be.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_for_something_else_is_quoted() {
        assert_eq!(quoted("linux-rel"), "linux-rel");
        assert_eq!(quoted("linux#4"), "'linux#4'");
        assert_eq!(quoted("a;$(b)"), "'a;$(b)'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
