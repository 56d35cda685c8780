//! The laws over random lists of inputs, with both stores behind the core: what SQLite loads is the state, after any commit of
//! any size and with a reload from the file at any point; no request is lost, a buildset is the worst of its requests, a
//! worker is never over its limit (`sim/ledger.rs` reads the records for that).

#[path = "sim/changes.rs"]
mod changes;
#[path = "laws/event.rs"]
mod event;
#[path = "sim/ledger.rs"]
mod ledger;
#[path = "sim/locks.rs"]
mod locks;
#[path = "laws/site.rs"]
mod site;

use proptest::prelude::*;

use crate::event::event;
use crate::site::Site;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// I1, I3, I4, L1, BS-2, `load(tables) == state`.
    #[test]
    fn what_is_loaded_is_the_state(events in prop::collection::vec(event(), 1..100)) {
        let mut site = Site::new();
        for event in &events {
            if let Err(broken) = site.happen(event) {
                return Err(TestCaseError::fail(format!("{broken} at {event:?}")));
            }
        }
        prop_assert_eq!(site.end(), Ok(()));
    }
}
