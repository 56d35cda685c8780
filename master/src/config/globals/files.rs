//! The steps that do one small thing to the files of the build folder: `mkdir`, `rmdir`, `copy_directory`, `file_exists`,
//! `download_text` (contract.md F17).

use linn_core::config::{FilesStep, Flags, StepKind, TemplateValue};
use serde_json::Value as Json;

use super::step::{COMMON, NAME, step};
use super::{Function, Group, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "mkdir",
        group: Group::Steps,
        doc: "Makes a folder on the worker, with those above it. One that is there already will do.",
        positional: 1,
        parameters: &[NAME, DIR, COMMON],
        open: false,
        example: "mkdir(dir = \"build/out\")",
        call: |call| {
            let kind = FilesStep::MakeFolder { dir: path(call, "dir") };
            step(call, StepKind::Files(kind), Flags::default())
        },
    },
    Function {
        name: "rmdir",
        group: Group::Steps,
        doc: "Removes a folder on the worker with all that is in it. None being there will do. A link is removed itself, not what it leads to.",
        positional: 1,
        parameters: &[NAME, DIR, COMMON],
        open: false,
        example: "rmdir(dir = \"build/out\", always_run = True)",
        call: |call| {
            let kind = FilesStep::RemoveFolder { dir: path(call, "dir") };
            step(call, StepKind::Files(kind), Flags::default())
        },
    },
    Function {
        name: "copy_directory",
        group: Group::Steps,
        doc: "Copies a folder on the worker, links as links. What was at `dest` is replaced.",
        positional: 1,
        parameters: &[NAME, COPY, COMMON],
        open: false,
        example: "copy_directory(src = \"build/doc\", dest = interpolate(\"site/%(prop:branch)s\"))",
        call: |call| {
            let kind =
                FilesStep::CopyFolder { source: path(call, "src"), dest: path(call, "dest") };
            step(call, StepKind::Files(kind), Flags::default())
        },
    },
    Function {
        name: "file_exists",
        group: Group::Steps,
        doc: "Fails when there is no such file on the worker; a folder is none.",
        positional: 1,
        parameters: &[NAME, FILE, COMMON],
        open: false,
        example: "file_exists(file = \"dist/zork.tar.zst\", halt_on_failure = True)",
        call: |call| {
            let kind = FilesStep::Exists { file: path(call, "file") };
            step(call, StepKind::Files(kind), Flags::default())
        },
    },
    Function {
        name: "download_text",
        group: Group::Steps,
        doc: "Writes a text to a file on the worker, at most 1 MiB. A file that is there is replaced.",
        positional: 1,
        parameters: &[NAME, TEXT, COMMON],
        open: false,
        example: "download_text(text = interpolate(\"branch=%(prop:branch)s\\n\"), dest = \"build/info.txt\")",
        call: |call| {
            let text = required(call, "text");
            let kind = FilesStep::Write { text, dest: path(call, "dest") };
            step(call, StepKind::Files(kind), Flags::default())
        },
    },
];

static DIR: &[Parameter] = &[param("dir", Type::Value, "", "Which, below the build's folder.")];

static COPY: &[Parameter] = &[
    param("src", Type::Value, "", "Which, below the build's folder."),
    param("dest", Type::Value, "", "To where, below the build's folder."),
];

static FILE: &[Parameter] = &[param("file", Type::Value, "", "Which, below the build's folder.")];

static TEXT: &[Parameter] = &[
    param("text", Type::Value, "", "What is in it."),
    param("dest", Type::Value, "", "Which file, below the build's folder."),
];

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
        } else if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            let message = format!("{parameter} {} is not below the build's folder", quote(text));
            call.problem(parameter, message, "write a relative path without `..`");
        }
    }
    path
}
