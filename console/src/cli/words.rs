//! The words of states, as `cli.md` has them.

use linn_proto::entity::{BuildState, StepState};

/// One of `starting running stopping finished`.
pub(crate) fn build_state(state: BuildState) -> Option<&'static str> {
    match state {
        BuildState::Unspecified => None,
        BuildState::Starting => Some("starting"),
        BuildState::Running => Some("running"),
        BuildState::Stopping => Some("stopping"),
        BuildState::Finished => Some("finished"),
    }
}

/// One of `pending waiting running finished`.
pub(crate) fn step_state(state: StepState) -> Option<&'static str> {
    match state {
        StepState::Unspecified => None,
        StepState::Pending => Some("pending"),
        StepState::Waiting => Some("waiting"),
        StepState::Running => Some("running"),
        StepState::Finished => Some("finished"),
    }
}
