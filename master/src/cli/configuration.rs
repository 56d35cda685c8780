//! Which configuration a master follows, and what it is told of the checkout (C26, C36).

use std::path::{Path, PathBuf};

use super::check;
use super::failure::Failure;
use crate::config::{self, Facts, Loaded, Origin};

/// The file that people write.
const FILE: &str = "master.star";

/// A configuration and where it came from.
pub(super) struct Chosen {
    /// What it says.
    pub(super) loaded: Loaded,
    /// `None`: the built-in one.
    pub(super) file: Option<PathBuf>,
}

/// Why there is no configuration.
pub(super) enum Unusable {
    /// It has mistakes, which have been told.
    Told,
    /// There is none.
    Failed(Failure),
}

/// The file that is followed when none is named: `master.star` here, else the one in the state folder.
pub(super) fn beside(dir: &Path) -> Option<PathBuf> {
    [PathBuf::from(FILE), dir.join(FILE)].into_iter().find(|file| file.is_file())
}

/// The checkout around a folder: the nearest that has a `.git`. A linked worktree and a submodule have a file of that name,
/// all others a folder.
pub(super) fn checkout_around(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|folder| folder.join(".git").exists())
}

/// Finds and evaluates: the file named, else [`beside`], else the built-in one. Mistakes are told as `linn check` tells
/// them.
///
/// # Errors
/// [`Unusable`]; the exit code is 2 in both cases.
pub(super) fn choose(named: Option<&Path>, dir: &Path, facts: &Facts) -> Result<Chosen, Unusable> {
    if let Some(file) = named
        && !file.is_file()
    {
        let what = format!("there is no configuration file {}", file.display());
        return Err(Unusable::Failed(
            Failure::usage(what).hint("leave --config out to use the built-in configuration"),
        ));
    }
    match named.map(Path::to_owned).or_else(|| beside(dir)) {
        Some(file) => {
            let loaded = evaluate(Origin::File(&file), facts)?;
            // From here on the path must mean the same from any folder.
            Ok(Chosen { loaded, file: Some(std::path::absolute(&file).unwrap_or(file)) })
        }
        None => built_in(facts),
    }
}

/// The built-in configuration.
///
/// # Errors
/// As [`choose`].
pub(super) fn built_in(facts: &Facts) -> Result<Chosen, Unusable> {
    Ok(Chosen { loaded: evaluate(Origin::BuiltIn, facts)?, file: None })
}

fn evaluate(origin: Origin<'_>, facts: &Facts) -> Result<Loaded, Unusable> {
    config::load(origin, Some(facts)).map_err(|problems| {
        check::tell(&problems);
        Unusable::Told
    })
}
