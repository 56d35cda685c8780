//! Steps through a [`Recording`](super::Recording): the same core, the same inputs, so the same records and actions.
//!
//! There is no store: what one would load after any commit is what the state says of itself (`load(tables) == state`).

use std::sync::Arc;

use super::Said;
use super::recording::{Mark, Moment, What};
use crate::config::Config;
use crate::ctx::Outbox;
use crate::hooks::Hooks;
use crate::input::Input;
use crate::master::Master;
use crate::state::Tables;
use crate::time::Timestamp;

/// A master that lives through recorded moments.
pub struct Player<'a> {
    config: Arc<Config>,
    hooks: &'a dyn Hooks,
    /// `None` while it is down.
    master: Option<Master>,
    /// What was written down, as of when it went down.
    written: Tables,
}

impl<'a> Player<'a> {
    /// A master that is down and has never run.
    #[must_use]
    pub fn new(config: Arc<Config>, hooks: &'a dyn Hooks) -> Self {
        Self { config, hooks, master: None, written: Tables::default() }
    }

    /// The master, unless it is down.
    #[must_use]
    pub const fn master(&self) -> Option<&Master> {
        self.master.as_ref()
    }

    /// Lives through one moment. Records of an unwritten one are told, too, though nothing remembers them. A master that is
    /// down when an input comes is started for it.
    pub fn play(&mut self, moment: &Moment) -> Said {
        let mut out = Outbox::new();
        match &moment.what {
            What::Mark(Mark::Crash) => self.crash(),
            What::Mark(Mark::Start) => {
                self.crash();
                self.start(moment.at, &mut out);
            }
            What::Input(input) => self.handle(moment.at, input, &mut out),
            What::Unwritten(input) => {
                self.write_down();
                self.handle(moment.at, input, &mut out);
                self.master = None;
            }
        }
        let (records, actions) = out.take();
        Said { records, actions }
    }

    fn handle(&mut self, at: Timestamp, input: &Input, out: &mut Outbox) {
        if self.master.is_none() {
            self.start(at, out);
        }
        if let Some(master) = &mut self.master {
            master.handle(at, input.clone(), self.hooks, out);
        }
    }

    fn start(&mut self, at: Timestamp, out: &mut Outbox) {
        let configs = vec![Arc::clone(&self.config)];
        let tables = std::mem::take(&mut self.written);
        self.master = Some(Master::restore(configs, tables, at, self.hooks, out));
    }

    fn crash(&mut self) {
        self.write_down();
        self.master = None;
    }

    fn write_down(&mut self) {
        if let Some(master) = &self.master {
            self.written = master.state().tables();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::NoHooks;
    use crate::id::Token;
    use crate::input::Asking;
    use crate::testing::{change, config};

    #[test]
    fn only_what_was_written_outlives_a_crash() {
        let hooks = NoHooks;
        let mut player = Player::new(Arc::new(config("c", vec![], vec![], vec![])), &hooks);
        let submit = |revision: &str| {
            let asking = Asking { token: Token(1), request_id: String::new(), who: String::new() };
            let changes = vec![change("main", revision, &[], "Ana <a@x>")];
            Box::new(Input::ChangesSubmitted { asking, changes, commits: Vec::new() })
        };
        let mut play = |at, what| player.play(&Moment { at: Timestamp(at), what });
        // The configuration becomes known to a fresh master, then the change.
        assert_eq!(play(0, What::Input(submit("r1"))).records.len(), 2);
        assert_eq!(play(1, What::Unwritten(submit("r2"))).records.len(), 1);
        assert_eq!(play(2, What::Mark(Mark::Crash)), Said::default());
        assert_eq!(play(3, What::Mark(Mark::Start)), Said::default());
        let revisions: Vec<_> = player
            .master()
            .into_iter()
            .flat_map(|master| master.state().changes())
            .filter_map(|change| change.revision.clone())
            .collect();
        assert_eq!(revisions, ["r1"]);
    }
}
