//! Steps that do one small thing to the files of the build folder (F17).

use super::TemplateValue;
use serde::{Deserialize, Serialize};

/// What is done; every path is below the build's folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FilesStep {
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
    /// `file_exists`: a failure when there is no such file.
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
    },
}
