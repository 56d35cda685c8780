//! Whether a delivery comes from who knows the secret (F13). Compared in a time that does not depend on the bytes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use linn_core::config::Dialect;
use sha2::Sha256;

use crate::hex;
use crate::secret::SecretValue;

type Signature = Hmac<Sha256>;

/// How a forge shows that it knows the secret.
enum Proof {
    /// It signs the body; the digits come after these letters.
    Signed(&'static str),
    /// It sends the secret itself.
    Told,
}

/// The headers in which a dialect's forges prove themselves; one that is there and right is enough.
const fn headers(dialect: Dialect) -> &'static [(&'static str, Proof)] {
    use Proof::{Signed, Told};
    match dialect {
        Dialect::Generic | Dialect::Github | Dialect::Gerrit => {
            &[("x-hub-signature-256", Signed("sha256="))]
        }
        Dialect::Gitea => {
            &[("x-gitea-signature", Signed("")), ("x-hub-signature-256", Signed("sha256="))]
        }
        Dialect::Bitbucket => &[("x-hub-signature", Signed("sha256="))],
        Dialect::Gitlab => &[("x-gitlab-token", Told)],
    }
}

/// Whether the sender claims to know the secret at all: seen before the body is read.
///
/// # Errors
/// Which header is missing.
pub(crate) fn offered<'a>(
    dialect: Dialect,
    header: impl Fn(&str) -> Option<&'a [u8]>,
) -> Result<(), String> {
    let names: Vec<_> = headers(dialect).iter().map(|(name, _)| *name).collect();
    if names.iter().any(|name| header(name).is_some()) {
        return Ok(());
    }
    Err(format!("there is no header {}", names.join(" or ")))
}

/// Whether the sender knows the secret. `header` gives the value of a header by its name in small letters.
///
/// # Errors
/// What is missing or wrong, as a sentence that tells nothing of the secret.
pub(crate) fn proven<'a>(
    dialect: Dialect,
    secret: &SecretValue,
    body: &[u8],
    header: impl Fn(&str) -> Option<&'a [u8]>,
) -> Result<(), String> {
    offered(dialect, &header)?;
    let mut seen = "";
    for (name, proof) in headers(dialect) {
        let Some(value) = header(name) else { continue };
        seen = name;
        let right = match proof {
            Proof::Signed(prefix) => is_signature(secret, body, prefix, value),
            Proof::Told => is_secret(secret, value),
        };
        if right {
            return Ok(());
        }
    }
    Err(format!("the header {seen} does not fit the secret of this hook"))
}

fn keyed(secret: &SecretValue) -> Signature {
    Signature::new_from_slice(secret.bytes()).expect("an HMAC takes keys of any length")
}

fn is_signature(secret: &SecretValue, body: &[u8], prefix: &str, value: &[u8]) -> bool {
    let digits = std::str::from_utf8(value).ok().and_then(|text| text.trim().strip_prefix(prefix));
    let Some(claimed) = digits.and_then(hex::bytes_of) else { return false };
    keyed(secret).chain_update(body).verify_slice(&claimed).is_ok()
}

/// Both are hashed with a key first, so that the comparison has one length whatever was sent.
fn is_secret(secret: &SecretValue, value: &[u8]) -> bool {
    let right = keyed(secret).chain_update(secret.bytes()).finalize().into_bytes();
    keyed(secret).chain_update(value).verify_slice(&right).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"what do ya want for nothing?";
    /// RFC 4231, test case 2.
    const DIGITS: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn proven_by(dialect: Dialect, headers: &[(&str, &str)]) -> Result<(), String> {
        let secret = SecretValue::for_tests(b"Jefe");
        let find = |name: &str| {
            let found = headers.iter().find(|(header, _)| *header == name);
            found.map(|(_, value)| value.as_bytes())
        };
        proven(dialect, &secret, BODY, find)
    }

    /// F13.
    #[test]
    fn each_forge_proves_itself_in_its_own_header() {
        let signed = format!("sha256={DIGITS}");
        for (dialect, header, value) in [
            (Dialect::Generic, "x-hub-signature-256", signed.as_str()),
            (Dialect::Github, "x-hub-signature-256", &signed),
            (Dialect::Gerrit, "x-hub-signature-256", &signed),
            (Dialect::Gitea, "x-hub-signature-256", &signed),
            (Dialect::Gitea, "x-gitea-signature", DIGITS),
            (Dialect::Bitbucket, "x-hub-signature", &signed),
            (Dialect::Gitlab, "x-gitlab-token", "Jefe"),
        ] {
            assert_eq!(proven_by(dialect, &[(header, value)]), Ok(()), "{dialect:?}");
            let elsewhere = proven_by(dialect, &[("x-signature", value)]).unwrap_err();
            assert!(elsewhere.starts_with("there is no header x-"), "{elsewhere}");
        }
        for (dialect, header, value) in [
            (Dialect::Github, "x-hub-signature-256", DIGITS),
            (Dialect::Github, "x-hub-signature-256", "sha256="),
            (Dialect::Github, "x-hub-signature-256", &signed[..signed.len() - 2]),
            (Dialect::Github, "x-hub-signature-256", &signed.replace('5', "6")),
            (Dialect::Gitea, "x-gitea-signature", "zz"),
            (Dialect::Gitlab, "x-gitlab-token", ""),
            (Dialect::Gitlab, "x-gitlab-token", "Jef"),
            (Dialect::Gitlab, "x-gitlab-token", "Jefe\0"),
        ] {
            let said = proven_by(dialect, &[(header, value)]).unwrap_err();
            assert_eq!(said, format!("the header {header} does not fit the secret of this hook"));
        }
    }
}
