//! The git poller as a source that looks from time to time.

use linn_core::state::SourceCursor;

use super::poll::{GitSource, Plan};
use crate::source::look::{Look, Pace, Portion};

impl Look for GitSource {
    type Plan = Plan;

    async fn look(&self, cursor: &SourceCursor) -> Result<Option<Plan>, String> {
        Self::look(self, cursor).await.map_err(|error| error.to_string())
    }

    async fn next(&self, plan: &mut Plan) -> Result<Option<Portion>, String> {
        Self::next(self, plan).await.map_err(|error| error.to_string())
    }

    fn pace(&self) -> Pace {
        let repository = self.repository();
        Pace { remote: repository.is_remote(), slowest: repository.slowest_retry() }
    }
}
