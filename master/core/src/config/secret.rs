//! Where in a recipe a secret stands, and where it may not: in what is recorded or shown (F12, PP-7).

use super::{
    Condition, FilesWork, HereStep, Piece, Selector, StepKind, StepSpec, Substitution, Template,
    TemplateValue, TriggerSources,
};
use crate::id::SecretName;

impl TemplateValue {
    /// The first secret that the value names. What a function gives holds none.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::Secret(name) => Some(name),
            Self::Interpolate(Template { pieces, keywords }) => {
                in_pieces(pieces).or_else(|| keywords.values().find_map(Self::secret))
            }
            Self::List(items) => items.iter().find_map(Self::secret),
            Self::Map(map) => map.values().find_map(Self::secret),
            Self::Plain(_) | Self::Prop { .. } | Self::Hook(_) => None,
        }
    }
}

fn in_pieces(pieces: &[Piece]) -> Option<&SecretName> {
    pieces.iter().find_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Substitute { selector: Selector::Secret(name), .. } => Some(name),
        Piece::Substitute { substitution, .. } => match substitution {
            Substitution::Value => None,
            Substitution::IfMissing(pieces)
            | Substitution::IfFalsy(pieces)
            | Substitution::IfPresent(pieces) => in_pieces(pieces),
            Substitution::Choose { yes, no, .. } => in_pieces(yes).or_else(|| in_pieces(no)),
        },
    })
}

impl Condition {
    fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::Value(value) => value.secret(),
            Self::Is(_) | Self::Hook(_) => None,
        }
    }
}

impl StepSpec {
    /// A secret where none can stand: the parameter, and the secret.
    #[must_use]
    pub fn misplaced_secret(&self) -> Option<(&'static str, &SecretName)> {
        let own = [
            ("description", self.description.secret()),
            ("description_done", self.description_done.secret()),
            ("do_step_if", self.do_step_if.secret()),
            ("hide_step_if", self.hide_step_if.secret()),
        ];
        let found = own.into_iter().find_map(|(what, secret)| Some((what, secret?)));
        found.or_else(|| self.kind.misplaced_secret())
    }
}

impl StepKind {
    fn misplaced_secret(&self) -> Option<(&'static str, &SecretName)> {
        let values: Vec<(&'static str, &TemplateValue)> = match self {
            Self::Shell(shell) => {
                let mut values = vec![("workdir", &shell.workdir)];
                values.extend(shell.logfiles.iter().map(|log| ("logfiles", &log.path)));
                values.extend(shell.observe.report.as_ref().map(|path| ("report", path)));
                values
            }
            Self::Source(source) => {
                let mut values = vec![("workdir", &source.workdir)];
                values.extend(source.repository.as_ref().map(|value| ("repository", value)));
                values
            }
            Self::Files(files) => {
                let mut values = vec![("workdir", &files.workdir)];
                values.extend(match &files.what {
                    FilesWork::MakeFolder { dir } | FilesWork::RemoveFolder { dir } => {
                        vec![("dir", dir)]
                    }
                    FilesWork::CopyFolder { source, dest } => vec![("src", source), ("dest", dest)],
                    FilesWork::Exists { file } | FilesWork::RemoveFile { file } => {
                        vec![("file", file)]
                    }
                    FilesWork::Write { dest, .. } => vec![("dest", dest)],
                });
                values
            }
            Self::Upload(upload) => vec![
                ("workdir", &upload.workdir),
                ("source", &upload.source),
                ("dest", &upload.dest),
            ],
            Self::Download(download) => vec![
                ("workdir", &download.workdir),
                ("source", &download.source),
                ("dest", &download.dest),
            ],
            Self::Here(HereStep::Shell { workdir, .. }) => vec![("workdir", workdir)],
            Self::Here(HereStep::Http { .. }) | Self::Dynamic(_) => Vec::new(),
            Self::Assert(check) => vec![("check", check)],
            Self::SetProperties(properties) => {
                properties.values().map(|value| ("properties", value)).collect()
            }
            Self::Trigger(trigger) => {
                let names = trigger.schedulers.iter().map(|value| ("schedulers", value));
                let set = trigger.set_properties.values().map(|value| ("set_properties", value));
                let mut values: Vec<_> = names.chain(set).collect();
                if let TriggerSources::These(stamps) = &trigger.sources {
                    values.push(("source_stamps", stamps));
                }
                values
            }
        };
        values.into_iter().find_map(|(what, value)| Some((what, value.secret()?)))
    }
}
