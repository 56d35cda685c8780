//! Steps that do one small thing to the files of the build folder (F17).

use super::TemplateValue;
use serde::{Deserialize, Serialize};

/// Where, and what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FilesStep {
    /// Where its paths begin, below the build's folder.
    #[serde(default = "TemplateValue::empty")]
    pub workdir: TemplateValue,
    /// What is done there.
    #[serde(flatten)]
    pub what: FilesWork,
}

/// What is done; every path is below the step's work folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FilesWork {
    /// `mkdir`: a folder, with those above it.
    MakeFolder {
        /// Which.
        dir: TemplateValue,
    },
    /// `rmdir`: a folder with all that is in it.
    RemoveFolder {
        /// Which.
        dir: TemplateValue,
    },
    /// `copy_directory`: a folder takes the place of another.
    CopyFolder {
        /// From where.
        source: TemplateValue,
        /// To where.
        dest: TemplateValue,
    },
    /// `rmfile`: a file, or a link.
    RemoveFile {
        /// Which.
        file: TemplateValue,
    },
    /// `file_exists`: fails when there is no such file.
    Exists {
        /// Which.
        file: TemplateValue,
    },
    /// `download_text`: a text becomes a file.
    Write {
        /// What is in it.
        text: TemplateValue,
        /// Which file.
        dest: TemplateValue,
        /// Its permissions; `None`: as files are made there, or the owner's alone when there is a secret in it.
        #[serde(default)]
        mode: Option<u32>,
    },
}
