//! What a command told besides its exit code (F17, F19 to F21).

use serde::{Deserialize, Serialize};

/// All of it, told with the command's end.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// The beginning of its standard error, when the output was asked for and the two were kept apart.
    pub captured_err: Vec<u8>,
}

// A number in it is never NaN: the edge takes finite ones only, so equality is total.
impl Eq for Said {}
