//! How fast linn is, beside Buildbot on the same machine in the same run.
//!
//! ```text
//! cargo bench -p linn-tests --bench speed -- [--only NAME]... [--buildbot FOLDER] [--no-buildbot]
//! ```
//!
//! `--buildbot` names a folder with the measuring scripts of the Buildbot lab (`setup.sh` makes the virtual environment
//! they need, under `LAB_HOME`); `LINN_BUILDBOT_LAB` says the same. Without it only linn's own figures are printed.
//! Every figure stands with its target. Nothing here fails: a shared machine is no judge. Read ratios, not seconds.

mod brain;
mod follow;
mod herd;
mod history;
mod ingest;
mod latency;
mod peer;
mod reload;
mod start;
mod throughput;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use peer::Peer;

/// One measured figure with what it is measured against.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What is asked for, in words.
    pub(crate) target: String,
    /// Whether the target is met; `None` where there was nothing to hold it against.
    pub(crate) met: Option<bool>,
    /// Buildbot's figure of the same, in the same unit.
    pub(crate) peer: Option<f64>,
}

impl Figure {
    /// A figure with an absolute target: at most so much.
    pub(crate) fn at_most(what: &str, value: f64, unit: &'static str, most: f64) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            target: format!("<= {most} {unit}"),
            met: Some(value <= most),
            peer: None,
        }
    }

    /// A figure with an absolute target: at least so much.
    pub(crate) fn at_least(what: &str, value: f64, unit: &'static str, least: f64) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            target: format!(">= {least} {unit}"),
            met: Some(value >= least),
            peer: None,
        }
    }

    /// A rate that must be so many times Buildbot's.
    pub(crate) fn times(
        what: &str,
        value: f64,
        unit: &'static str,
        peer: Option<f64>,
        times: f64,
    ) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            target: format!(">= {times} x Buildbot"),
            met: peer.map(|peer| value >= times * peer),
            peer,
        }
    }

    /// A time that must be so many times shorter than Buildbot's.
    pub(crate) fn sooner(
        what: &str,
        value: f64,
        unit: &'static str,
        peer: Option<f64>,
        times: f64,
    ) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            target: format!(">= {times} x sooner"),
            met: peer.map(|peer| value * times <= peer),
            peer,
        }
    }

    /// The same figure with Buildbot's beside it.
    pub(crate) fn beside(mut self, peer: Option<f64>) -> Self {
        self.peer = peer;
        self
    }

    fn print(&self) {
        let peer = self.peer.map_or_else(|| "-".into(), |peer| format!("{peer:.2}"));
        let ratio = match self.peer {
            Some(peer) if peer > 0.0 && self.value > 0.0 => {
                let ratio = if self.target.contains("sooner") || self.target.starts_with("<=") {
                    peer / self.value
                } else {
                    self.value / peer
                };
                format!("{ratio:.1}x")
            }
            _ => "-".into(),
        };
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "SHORT",
            None => "-",
        };
        println!(
            "{:<52} {:>12.2} {:<9} {:<22} {:>12} {:>9}  {met}",
            self.what, self.value, self.unit, self.target, peer, ratio
        );
    }
}

type Bench = fn(&Peer) -> Vec<Figure>;

const ALL: [(&str, Bench); 12] = [
    ("one-slot", throughput::one_slot),
    ("fifty-slots", throughput::fifty_slots),
    ("latency", latency::change_to_command),
    ("ingest", ingest::hundred_megabytes),
    ("follow", follow::line_to_follower),
    ("start", start::to_answer),
    ("memory", start::idle_memory),
    ("herd", herd::five_hundred_at_once),
    ("history", history::last_two_hundred),
    ("distribution", |_| brain::distribution()),
    ("function", |_| brain::function()),
    ("reload", reload::thousand_builders),
];

fn main() -> ExitCode {
    let mut only = Vec::new();
    let mut lab = std::env::var_os("LINN_BUILDBOT_LAB").map(PathBuf::from);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => only.extend(arguments.next()),
            "--buildbot" => lab = arguments.next().map(PathBuf::from),
            "--no-buildbot" => lab = None,
            // What cargo itself adds.
            "--bench" => {}
            other => {
                eprintln!(
                    "error: unknown argument {other}\ntry: --only NAME, --buildbot FOLDER or --no-buildbot"
                );
                return ExitCode::from(2);
            }
        }
    }
    if let Some(unknown) =
        only.iter().find(|name| ALL.iter().all(|(known, _)| known != &name.as_str()))
    {
        let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
        eprintln!("error: no benchmark is called {unknown}\ntry: one of {}", names.join(", "));
        return ExitCode::from(2);
    }
    let peer = Peer::new(lab);
    println!(
        "{:<52} {:>12} {:<9} {:<22} {:>12} {:>9}",
        "what", "linn", "", "target", "Buildbot", "ratio"
    );
    for (name, bench) in ALL {
        if only.is_empty() || only.iter().any(|wanted| wanted == name) {
            for figure in bench(&peer) {
                figure.print();
            }
        }
    }
    ExitCode::SUCCESS
}
