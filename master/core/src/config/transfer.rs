//! Steps that carry files between worker and master (F17).

use super::TemplateValue;
use crate::results::Results;
use serde::{Deserialize, Serialize};

/// `upload` and `upload_directory`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadStep {
    /// Where its source lies, below the build's folder.
    #[serde(default = "TemplateValue::empty")]
    pub workdir: TemplateValue,
    /// Below that: a file or a glob, or a folder.
    pub source: TemplateValue,
    /// Its name on the master.
    pub dest: TemplateValue,
    /// The source is a folder.
    pub directory: bool,
    /// Of all files together.
    pub max_bytes: u64,
    /// Only while the build's results are among these; `None`: always.
    pub when: Option<Vec<Results>>,
}

/// `download`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DownloadStep {
    /// An uploaded name, `BUILDER#NUMBER/NAME`, or a file beside `master.star`.
    pub source: TemplateValue,
    /// Where `dest` begins, below the build's folder.
    #[serde(default = "TemplateValue::empty")]
    pub workdir: TemplateValue,
    /// Below that.
    pub dest: TemplateValue,
    /// Its permissions; `None`: as files are made there.
    #[serde(default)]
    pub mode: Option<u32>,
}
