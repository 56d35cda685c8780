//! The steps that carry files: `upload`, `upload_directory`, `download` (contract.md F17).

use linn_core::config::{DownloadStep, Flags, StepKind, TemplateValue, UploadStep};
use linn_core::model::Artifact;
use linn_core::results::Results;
use serde_json::Value as Json;

use super::files::{MODE, mode, path, required};
use super::step::{COMMON, NAME, WORKDIR, step, workdir};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "upload",
        group: Group::Steps,
        doc: "Keeps a file of the worker on the master, or all that a glob matches (`*` within a folder, `**` through folders; links are left out). `linn artifacts` lists them. A step whose source is not there fails.",
        positional: 1,
        parameters: &[NAME, UPLOAD, WORKDIR, COMMON],
        open: false,
        example: "upload(\"dist\", source = \"dist/*.tar.zst\", when = [\"SUCCESS\", \"WARNINGS\"])",
        call: |call| upload(call, false),
    },
    Function {
        name: "upload_directory",
        group: Group::Steps,
        doc: "Keeps a folder of the worker on the master, each file of it below `dest`; links are left out.",
        positional: 1,
        parameters: &[NAME, UPLOAD, WORKDIR, COMMON],
        open: false,
        example: "upload_directory(source = \"build/doc\", dest = \"doc\", max_bytes = \"64MiB\")",
        call: |call| upload(call, true),
    },
    Function {
        name: "download",
        group: Group::Steps,
        doc: "Brings a file from the master to the worker: one that this build uploaded, one of another build as `BUILDER#NUMBER/NAME`, or one that lies beside `master.star`. The file at `dest` is replaced.",
        positional: 1,
        parameters: &[NAME, DOWNLOAD, MODE, WORKDIR, COMMON],
        open: false,
        example: "download(source = \"tools/sign.sh\", dest = \"sign.sh\")",
        call: download,
    },
];

static UPLOAD: &[Parameter] = &[
    param("source", Type::Value, "", "Which, below `workdir`."),
    param(
        "dest",
        Type::Value,
        "its own name",
        "Its name on the master; with a glob, or when it ends in `/`, the folder of names.",
    ),
    param("max_bytes", Type::Size, "\"1GiB\"", "The most of all files together."),
    param("when", Type::Texts, "always", "Only while the build's results are one of these."),
];

static DOWNLOAD: &[Parameter] = &[
    param("source", Type::Value, "", "Which."),
    param("dest", Type::Value, "", "To where, below `workdir`."),
];

/// The most of one upload, unless the file says otherwise.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;

fn upload(call: &mut Call<'_, '_>, directory: bool) -> Outcome {
    let source = path(call, "source");
    let dest = call.text_template("dest");
    if let Some(TemplateValue::Plain(Json::String(text))) = &dest
        && !text.is_empty()
        && !Artifact::is_name(text.strip_suffix('/').unwrap_or(text))
    {
        let message = format!("{} cannot be the name of an upload", quote(text));
        call.problem("dest", message, "write a relative path without `..`");
    }
    let kind = UploadStep {
        workdir: workdir(call),
        source,
        dest: dest.unwrap_or_else(|| TemplateValue::Plain(Json::String(String::new()))),
        directory,
        max_bytes: call.size("max_bytes").unwrap_or(DEFAULT_MAX_BYTES),
        when: when(call),
    };
    step(call, StepKind::Upload(kind), Flags::default())
}

fn when(call: &Call<'_, '_>) -> Option<Vec<Results>> {
    let mut all = Vec::new();
    for (word, place) in call.texts("when")? {
        match Results::from_word(&word) {
            Some(results) => all.push(results),
            None => {
                let words: Vec<&str> = Results::ALL.iter().map(|results| results.word()).collect();
                let message = format!("{} is no result", quote(&word));
                call.draft().problem(&place, message, format!("one of {}", words.join(", ")));
            }
        }
    }
    Some(all)
}

fn download(call: &mut Call<'_, '_>) -> Outcome {
    let source = required(call, "source");
    let kind =
        DownloadStep { source, workdir: workdir(call), dest: path(call, "dest"), mode: mode(call) };
    step(call, StepKind::Download(kind), Flags::default())
}
