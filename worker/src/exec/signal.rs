//! Signals by name.

use rustix::process::Signal;

/// The signal that `name` means (`INT`, `SIGINT`, any case); TERM when it is empty. An error is a sentence.
pub(crate) fn by_name(name: &str) -> Result<Signal, String> {
    let upper = name.to_ascii_uppercase();
    Ok(match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "" | "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "QUIT" => Signal::QUIT,
        "KILL" => Signal::KILL,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "ABRT" => Signal::ABORT,
        "ALRM" => Signal::ALARM,
        _ => {
            return Err(format!(
                "`{name}` is no signal to interrupt with: TERM INT HUP QUIT KILL USR1 USR2 ABRT ALRM"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_and_without_prefix() {
        assert_eq!(by_name("").unwrap(), Signal::TERM);
        assert_eq!(by_name("sigint").unwrap(), Signal::INT);
        assert_eq!(by_name("HUP").unwrap(), Signal::HUP);
        assert!(by_name("STOP").unwrap_err().contains("`STOP`"));
    }
}
