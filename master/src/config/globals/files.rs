//! The steps that do one small thing to the files of the build folder: `mkdir`, `rmdir`, `copy_directory`, `file_exists`,
//! `download_text` (contract.md F17).

use linn_core::config::{FilesStep, FilesWork, Flags, StepKind, TemplateValue};
use serde_json::Value as Json;

use super::step::{COMMON, NAME, WORKDIR, step, workdir};
use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "mkdir",
        group: Group::Steps,
        doc: "Makes a folder on the worker, with those above it. One that is there already will do.",
        positional: 1,
        parameters: &[NAME, DIR, WORKDIR, COMMON],
        open: false,
        example: "mkdir(dir = \"build/out\")",
        call: |call| {
            let what = FilesWork::MakeFolder { dir: path(call, "dir") };
            files(call, what)
        },
    },
    Function {
        name: "rmdir",
        group: Group::Steps,
        doc: "Removes a folder on the worker with all that is in it. None being there will do. A link is removed itself, not what it leads to.",
        positional: 1,
        parameters: &[NAME, DIR, WORKDIR, COMMON],
        open: false,
        example: "rmdir(dir = \"build/out\", always_run = True)",
        call: |call| {
            let what = FilesWork::RemoveFolder { dir: path(call, "dir") };
            files(call, what)
        },
    },
    Function {
        name: "rmfile",
        group: Group::Steps,
        doc: "Removes a file on the worker. None being there will do. A link is removed itself, not what it leads to.",
        positional: 1,
        parameters: &[NAME, FILE, WORKDIR, COMMON],
        open: false,
        example: "rmfile(file = \".netrc\", always_run = True)",
        call: |call| {
            let what = FilesWork::RemoveFile { file: path(call, "file") };
            files(call, what)
        },
    },
    Function {
        name: "copy_directory",
        group: Group::Steps,
        doc: "Copies a folder on the worker, links as links. What was at `dest` is replaced.",
        positional: 1,
        parameters: &[NAME, COPY, WORKDIR, COMMON],
        open: false,
        example: "copy_directory(src = \"build/doc\", dest = interpolate(\"site/%(prop:branch)s\"))",
        call: |call| {
            let what =
                FilesWork::CopyFolder { source: path(call, "src"), dest: path(call, "dest") };
            files(call, what)
        },
    },
    Function {
        name: "file_exists",
        group: Group::Steps,
        doc: "Fails when there is no such file on the worker; a folder is none.",
        positional: 1,
        parameters: &[NAME, FILE, WORKDIR, COMMON],
        open: false,
        example: "file_exists(file = \"dist/zork.tar.zst\", halt_on_failure = True)",
        call: |call| {
            let what = FilesWork::Exists { file: path(call, "file") };
            files(call, what)
        },
    },
    Function {
        name: "download_text",
        group: Group::Steps,
        doc: "Writes a text to a file on the worker, at most 1 MiB. A file that is there is replaced.",
        positional: 1,
        parameters: &[NAME, TEXT, MODE, WORKDIR, COMMON],
        open: false,
        example: "download_text(text = interpolate(\"branch=%(prop:branch)s\\n\"), dest = \"build/info.txt\")",
        call: |call| {
            let text = required(call, "text");
            let what = FilesWork::Write { text, dest: path(call, "dest"), mode: mode(call) };
            files(call, what)
        },
    },
];

static DIR: &[Parameter] = &[param("dir", Type::Value, "", "Which, below `workdir`.")];

static COPY: &[Parameter] = &[
    param("src", Type::Value, "", "Which, below `workdir`."),
    param("dest", Type::Value, "", "To where, below `workdir`."),
];

static FILE: &[Parameter] = &[param("file", Type::Value, "", "Which, below `workdir`.")];

static TEXT: &[Parameter] = &[
    param("text", Type::Value, "", "What is in it."),
    param("dest", Type::Value, "", "Which file, below `workdir`."),
];

/// The permissions of a file that a step makes.
pub(super) static MODE: &[Parameter] = &[param(
    "mode",
    Type::Text,
    "the worker's usual",
    "Its permissions, as `chmod` has them: `\"755\"`. A text with a secret in it has `\"600\"` when nothing is said.",
)];

/// What [`MODE`] says.
pub(super) fn mode(call: &Call<'_, '_>) -> Option<u32> {
    let text = call.text("mode")?;
    let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| (1..=0o777).contains(mode));
    if mode.is_none() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        let message = format!("{} are no permissions of a file", quote(&text));
        call.problem("mode", message, "three digits from 0 to 7, as \"755\" or \"600\"");
        return None;
    }
    mode
}

fn files(call: &Call<'_, '_>, what: FilesWork) -> Outcome {
    let kind = FilesStep { workdir: workdir(call), what };
    step(call, StepKind::Files(kind), Flags::default())
}

/// A text that must be given and may depend on the build.
pub(super) fn required(call: &Call<'_, '_>, parameter: &str) -> TemplateValue {
    if !call.is_written(parameter) {
        call.missing(parameter);
    }
    let empty = || TemplateValue::Plain(Json::String(String::new()));
    call.text_template(parameter).unwrap_or_else(empty)
}

/// A path below the build's folder that must be given. What is known already is looked at here, the rest by the worker.
pub(super) fn path(call: &Call<'_, '_>, parameter: &str) -> TemplateValue {
    let path = required(call, parameter);
    if let TemplateValue::Plain(Json::String(text)) = &path
        && call.is_written(parameter)
    {
        if call.is_blank(parameter) {
            let message = format!("`{parameter}` is empty");
            call.problem(parameter, message, "write a path below the build's folder");
        } else if !text.is_empty() && !is_below(text) {
            let message = format!("{parameter} {} is not below the build's folder", quote(text));
            call.problem(parameter, message, "write a relative path without `..`");
        }
    }
    path
}

/// Whether a path names something below the folder it is for, as far as the text says.
pub(super) fn is_below(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..")
}
