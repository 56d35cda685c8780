//! Buildbot, measured by the lab's own scripts: each prints JSON on its last line.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// The lab, if there is one.
pub(crate) struct Peer {
    lab: Option<PathBuf>,
    python: PathBuf,
}

impl Peer {
    /// Takes the folder of scripts; `None`: Buildbot is not measured.
    pub(crate) fn new(lab: Option<PathBuf>) -> Self {
        let home = std::env::var_os("LAB_HOME")
            .map_or_else(|| std::env::temp_dir().join("peer-buildbot"), PathBuf::from);
        let python = home.join("venv/bin/python");
        if let Some(lab) = &lab
            && !python.exists()
        {
            eprintln!("setting Buildbot up in {} ...", home.display());
            let done = Command::new("bash").arg(lab.join("setup.sh")).status();
            if !done.is_ok_and(|status| status.success()) {
                eprintln!("warning: setup.sh failed; Buildbot is not measured");
            }
        }
        // Scripts are run from their own folder, so that a relative path would be looked for in the wrong place.
        let lab = lab.filter(|_| python.exists()).and_then(|lab| match lab.canonicalize() {
            Ok(lab) => Some(lab),
            Err(error) => {
                eprintln!("warning: {}: {error}; Buildbot is not measured", lab.display());
                None
            }
        });
        Self { lab, python }
    }

    /// Runs a script and takes the JSON it ends with.
    pub(crate) fn measure(&self, script: &str, arguments: &[&str]) -> Option<Value> {
        let lab = self.lab.as_ref()?;
        eprintln!("Buildbot: {script} {}", arguments.join(" "));
        let ran = Command::new(&self.python)
            .arg(lab.join(script))
            .args(arguments)
            .current_dir(lab)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&ran.stdout);
        let json = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        if json.is_none() {
            let errors = String::from_utf8_lossy(&ran.stderr);
            eprintln!("warning: {script} gave no figures: {}", errors.lines().last().unwrap_or(""));
        }
        json
    }
}

/// The number at a path of keys, such as `submit_to_command_ms/p50`.
pub(crate) fn number(json: Option<&Value>, path: &str) -> Option<f64> {
    let mut at = json?;
    for key in path.split('/') {
        at = match key.parse::<usize>() {
            Ok(index) if at.is_array() => at.get(index)?,
            _ => at.get(key)?,
        };
    }
    at.as_f64()
}
