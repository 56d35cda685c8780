//! How a Gerrit server is reached: one `ssh` that runs until the line breaks, with everything that could surprise us off.

use std::ffi::OsString;
use std::process::Stdio;

use linn_core::config::GerritStream;
use tokio::process::{Child, Command};

/// Never ask a person; end when the other side has gone; forward nothing.
const OPTIONS: [&str; 8] = [
    "-T",
    "-a",
    "-x",
    "-oBatchMode=yes",
    "-oConnectTimeout=20",
    "-oServerAliveInterval=30",
    "-oServerAliveCountMax=3",
    "-oClearAllForwardings=yes",
];

/// What the server is asked for.
const ASKED: [&str; 8] = [
    "gerrit",
    "stream-events",
    "-s",
    "patchset-created",
    "-s",
    "change-merged",
    "-s",
    "ref-updated",
];

/// The program that reaches the server.
#[derive(Clone, Debug)]
pub(in crate::source) struct Ssh {
    program: OsString,
}

impl Default for Ssh {
    fn default() -> Self {
        Self { program: "ssh".into() }
    }
}

impl Ssh {
    /// Another program than `ssh`, which is given the same arguments.
    #[cfg(test)]
    pub(in crate::source) fn program(program: impl Into<OsString>) -> Self {
        Self { program: program.into() }
    }

    /// Its arguments. The server's name comes after `--`, so that it is no option whatever it looks like.
    pub(super) fn arguments(server: &GerritStream) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = OPTIONS.map(OsString::from).into();
        arguments.extend(["-p".into(), server.port.to_string().into()]);
        if let Some(identity) = &server.identity_file {
            arguments.extend(["-oIdentitiesOnly=yes".into(), "-i".into(), identity.into()]);
        }
        arguments.extend(["-l".into(), OsString::from(&server.user), "--".into()]);
        arguments.push(OsString::from(&server.server));
        arguments.extend(ASKED.map(OsString::from));
        arguments
    }

    /// Starts it. It is killed when it is let go.
    ///
    /// # Errors
    /// When the program cannot be started, as a sentence.
    pub(super) fn start(&self, server: &GerritStream) -> Result<Child, String> {
        let mut command = Command::new(&self.program);
        command
            .args(Self::arguments(server))
            .env("LC_ALL", "C")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command.spawn().map_err(|error| {
            format!(
                "the program `ssh` could not be started: {error}; install it, or put it into the PATH of the master"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_name_is_no_option() {
        let server = GerritStream {
            server: "-oProxyCommand=x".to_owned(),
            port: 29418,
            user: "linn".to_owned(),
            identity_file: Some("/k".to_owned()),
            projects: Vec::new(),
        };
        let arguments = Ssh::arguments(&server);
        let text: Vec<_> = arguments.iter().map(|one| one.to_string_lossy()).collect();
        let end =
            "-p 29418 -oIdentitiesOnly=yes -i /k -l linn -- -oProxyCommand=x gerrit stream-events";
        assert!(text.join(" ").contains(end), "{text:?}");
    }
}
