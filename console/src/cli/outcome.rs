//! From a result to an exit code: 0 for SUCCESS and WARNINGS, 1 for all others (`cli.md`).

use linn_proto::common::Results;

use super::ExitCode;

/// The exit code of a command that waited.
pub(crate) fn exit_code(results: Results) -> ExitCode {
    match results {
        Results::Success | Results::Warnings => ExitCode::DONE,
        Results::Unspecified
        | Results::Failure
        | Results::Skipped
        | Results::Exception
        | Results::Retry
        | Results::Cancelled => ExitCode::NOT_SUCCESSFUL,
    }
}
