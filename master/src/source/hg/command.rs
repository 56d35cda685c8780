//! Runs `hg` with everything that could surprise us switched off: no prompt, no alias, no settings of the repository that is
//! read (they could name extensions to load), no hooks for what arrives in a mirror, no bundles from places a server names.

use std::path::Path;

use super::super::tool::{SSH, Tool};

pub(super) const PROGRAM: &str = "hg";

const SETTINGS: &[&str] = &[
    "ui.clonebundles=false",
    "ui.merge=internal:fail",
    "ui.timeout=60",
    "hooks.prechangegroup=",
    "hooks.pretxnchangegroup=",
    "hooks.changegroup=",
    "hooks.incoming=",
    "hooks.pretxnopen=",
    "hooks.pretxnclose=",
    "hooks.txnclose=",
    "hooks.outgoing=",
    "hooks.prelistkeys=",
];

/// Set when linn is started from a hook: they would show what is not committed yet, or point elsewhere.
const FOREIGN_VARIABLES: &[&str] = &["HG_PENDING", "HG_SHAREPENDING", "HGPLAINEXCEPT", "HGEDITOR"];

/// A call in no repository.
pub(super) fn anywhere(what: impl Into<String>) -> Tool {
    let mut tool = Tool::new(PROGRAM, what)
        .without(FOREIGN_VARIABLES)
        .env("HGPLAIN", "+strictflags")
        .env("HGENCODING", "utf-8")
        .env("HGENCODINGMODE", "replace")
        .env("HGRCSKIPREPO", "1")
        .args(["--noninteractive", "--config"])
        .args([format!("ui.ssh={SSH}")]);
    for setting in SETTINGS {
        tool = tool.args(["--config", setting]);
    }
    tool
}

/// A call in the repository at that path.
pub(super) fn at(folder: &Path, what: impl Into<String>) -> Tool {
    anywhere(what).args(["-R"]).args([folder])
}
