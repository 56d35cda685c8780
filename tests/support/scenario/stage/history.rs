//! Retention on the stage: what would go is shown, or goes bite by bite as the master's edge has it.

use linn_core::config::Limits;
use linn_core::input::Input;
use linn_core::retention::{Chosen, Needs, choose};

use super::Stage;

impl Stage {
    /// What of history goes now.
    fn chosen(&self) -> Result<Chosen, String> {
        let limits = Limits::new(&self.master.config().retention);
        let queries = self.sqlite.queries();
        let history = queries.history(&limits).map_err(|error| error.to_string())?;
        let needs = Needs::of(self.master.state());
        Ok(choose(&limits, &needs, &history, self.now))
    }

    /// Goes through history as the master's edge does, bite by bite.
    pub(super) fn retain(&mut self, by: &str) -> Result<(), String> {
        let under = self.master.config().digest.clone();
        for _ in 0..3 {
            let chosen = self.chosen()?;
            let mut bites = chosen.first();
            if chosen.builds.is_empty() {
                bites.extend(chosen.then());
            }
            for bite in bites {
                let (under, bite) = (under.clone(), Box::new(bite));
                self.input(Input::HistoryChosen { under, bite })?;
            }
            if chosen.builds.is_empty() {
                break;
            }
        }
        self.input(Input::HistoryRead { by: by.to_owned(), failed: false })
    }

    /// What would go now, and what stays though it is old.
    pub(super) fn show_retention(&mut self) -> Result<(), String> {
        let chosen = self.chosen()?;
        for item in chosen.items() {
            let names = item.names.map(|(oldest, newest)| format!(": {oldest} to {newest}"));
            let rule =
                if item.rule.is_empty() { String::new() } else { format!(" ({})", item.rule) };
            let (count, kind) = (item.count, item.kind);
            self.came.push(format!("goes {count} {kind}{rule}{}", names.unwrap_or_default()));
        }
        let builds = chosen.kept.iter();
        let builds = builds.map(|(need, count)| format!("stays {count} builds: {}", need.words()));
        self.came.extend(builds);
        if chosen.changes_kept > 0 {
            self.came.push(format!("stays {} changes", chosen.changes_kept));
        }
        Ok(())
    }
}
