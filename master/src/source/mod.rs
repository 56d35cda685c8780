//! Change sources: where the master looks for changes.
