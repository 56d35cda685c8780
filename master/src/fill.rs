//! The secrets of a command, put into it when it is sent or carried out, and never before (F12, F41, PP-7).

use std::collections::BTreeMap;

use linn_core::id::SecretName;
use linn_core::model::{CommandSpec, CommandWhat, HereCommand};

use crate::secret::Secrets;

/// A command travels in one message, and its secrets with it twice: in their places, and as what is to be masked.
const MAX_BYTES: usize = 1 << 20;

/// A command that can be carried out, and what must not come out of it. Not to be kept, shown or logged.
pub(crate) struct Filled {
    /// Without handles.
    pub spec: CommandSpec,
    /// The values.
    pub masked: Vec<String>,
}

impl Secrets {
    /// Puts the present values into a command.
    ///
    /// # Errors
    /// A sentence that names the secret and says nothing of its value.
    pub(crate) async fn fill(&self, spec: CommandSpec) -> Result<Filled, String> {
        let mut values = BTreeMap::new();
        for name in &spec.secrets {
            let value = self.fetch(name).await.map_err(|error| format!("the {error}"))?;
            values.insert(name.clone(), text(name, value.bytes())?);
        }
        fill(&spec, values)
    }
}

fn text(name: &SecretName, value: &[u8]) -> Result<String, String> {
    let wrong = |why: &str| format!("the secret {name} cannot be used in a step: {why}");
    let text = std::str::from_utf8(value).map_err(|_| wrong("its value is no text in UTF-8"))?;
    if text.contains('\0') {
        return Err(wrong("its value holds a NUL, which no command can be given"));
    }
    if !linn_worker::mask::is_maskable(text) {
        return Err(wrong("its value is too short to be kept out of logs; take a longer one"));
    }
    Ok(text.to_owned())
}

fn fill(spec: &CommandSpec, values: BTreeMap<SecretName, String>) -> Result<Filled, String> {
    let mut bytes = 0_usize;
    let filled = spec.with_secrets(|name| {
        let value = values.get(&SecretName::from(name)).cloned().unwrap_or_default();
        bytes = bytes.saturating_add(value.len());
        if bytes > MAX_BYTES { String::new() } else { value }
    });
    if bytes > MAX_BYTES {
        let which = values.keys().next().map(ToString::to_string).unwrap_or_default();
        return Err(format!(
            "the secret {which} cannot be used: the secrets of one command have more than {MAX_BYTES} bytes together"
        ));
    }
    if let CommandWhat::Here(HereCommand::Http(http)) = &filled.what {
        let mut texts = http.headers.iter().map(|(_, value)| value).chain([&http.url]);
        if texts.any(|text| text.chars().any(char::is_control)) {
            let which: Vec<&str> = values.keys().map(SecretName::as_str).collect();
            return Err(format!(
                "the secret {} cannot be sent in a url or a header: its value has several lines",
                which.join(" or ")
            ));
        }
    }
    Ok(Filled { spec: filled, masked: values.into_values().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_masked_or_given_is_refused_by_name() {
        let name = SecretName::from("key");
        for (bad, word) in
            [(&b"\xff\xfe\xfd"[..], "UTF-8"), (b"a\0bc", "NUL"), (b"ab", "too short")]
        {
            let why = text(&name, bad).unwrap_err();
            assert!(why.contains("the secret key") && why.contains(word), "{why}");
        }
        assert_eq!(text(&name, b"hunter2"), Ok("hunter2".to_owned()));
    }
}
