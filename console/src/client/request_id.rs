//! Ids of commands, so that the same command sent twice is done once.

use std::hash::{BuildHasher, Hasher};
use std::io::Read;

/// A new id: 32 hex digits from the system's randomness. A command keeps its id through all its retries.
#[must_use]
pub fn request_id() -> String {
    let mut bytes = [0_u8; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    if read.is_err() {
        // Hash maps are seeded from the system as well: less random, and still never the same twice.
        for half in bytes.chunks_exact_mut(8) {
            let word = std::collections::hash_map::RandomState::new().build_hasher().finish();
            half.copy_from_slice(&word.to_ne_bytes());
        }
    }
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_one_length() {
        let (one, two) = (request_id(), request_id());
        assert_ne!(one, two);
        assert_eq!((one.len(), two.len()), (32, 32));
    }
}
