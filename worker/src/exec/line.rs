//! The supervisor's end of the line to an agent.
//!
//! The line may be cut at any time (the agent died) and another agent may call: whoever connects last is the agent.
//! What there is to say is kept as a state with marks for what the present agent has not heard, so nothing queues up
//! while nobody listens, and a new agent hears everything.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use linn_proto::worker::{Finished, LinkFound, Progress, PropertyFound, Started};
use rustix::event::{PollFd, PollFlags};

use crate::exec::frame::{Decoder, Report, Run, Steer, ToSupervisor, encode};

/// A line to whoever is the agent.
#[derive(Debug)]
pub(crate) struct Line {
    agent: Option<UnixStream>,
    listener: Option<UnixListener>,
    /// The first agent, whose child this process is, has been lost: nobody will give it another command.
    orphaned: bool,
    inbox: Decoder,
    outbox: Vec<u8>,
    next: Option<Run>,
    steer: Steer,
    said: Report,
    unsaid: Unsaid,
}

#[derive(Debug, Default)]
struct Unsaid {
    started: bool,
    logs: BTreeSet<String>,
    /// Properties from this position on.
    properties: usize,
    /// Links from this position on.
    links: usize,
    progress: bool,
    finished: bool,
    taken: bool,
}

impl Line {
    pub(crate) fn new(agent: UnixStream) -> io::Result<Self> {
        agent.set_nonblocking(true)?;
        Ok(Self {
            agent: Some(agent),
            listener: None,
            orphaned: false,
            inbox: Decoder::default(),
            outbox: Vec::new(),
            next: None,
            steer: Steer::default(),
            said: Report::default(),
            unsaid: Unsaid::default(),
        })
    }

    /// Waits until the agent has heard all and gives the next command; nothing when there is no agent to give one.
    pub(crate) fn next_job(&mut self) -> io::Result<Option<Run>> {
        loop {
            self.flush();
            if !self.has_unsaid() {
                // The command is over: nobody may call about it any more.
                self.listener = None;
                if self.orphaned {
                    return Ok(None);
                }
                if let Some(run) = self.next.take() {
                    return Ok(Some(run));
                }
            }
            if self.agent.is_none() {
                return Ok(None);
            }
            let ready = {
                let mut fds = self.poll_fds();
                match rustix::event::poll(&mut fds, None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
                fds.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>()
            };
            self.serve(&ready);
        }
    }

    /// Begins a command: agents may call at its folder from now on. False when another supervisor listens there.
    pub(crate) fn begin(&mut self, command: u64, folder: &Path) -> io::Result<bool> {
        self.said = Report { command, ..Report::default() };
        self.unsaid = Unsaid::default();
        let folder = File::open(folder)?;
        match UnixListener::bind(short_path(&folder)) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                self.listener = Some(listener);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the agent wants at the moment.
    pub(crate) fn steer(&self) -> &Steer {
        &self.steer
    }

    pub(crate) fn started(&mut self, started: Started) {
        self.said.started = Some(started);
        self.unsaid.started = true;
    }

    pub(crate) fn spooled(&mut self, log: &str, to: u64) {
        // Called for every chunk: the name is copied only when it is new to the agent.
        match self.said.spooled.get_mut(log) {
            Some(length) => *length = to,
            None => drop(self.said.spooled.insert(log.to_owned(), to)),
        }
        if !self.unsaid.logs.contains(log) {
            self.unsaid.logs.insert(log.to_owned());
        }
    }

    pub(crate) fn property(&mut self, found: PropertyFound) {
        self.said.properties.push(found);
    }

    pub(crate) fn link(&mut self, found: LinkFound) {
        self.said.links.push(found);
    }

    pub(crate) fn progress(&mut self, progress: Progress) {
        self.said.progress = Some(progress);
        self.unsaid.progress = true;
    }

    /// All links told so far.
    pub(crate) fn links(&self) -> &[LinkFound] {
        &self.said.links
    }

    /// All properties found so far.
    pub(crate) fn properties(&self) -> &[PropertyFound] {
        &self.said.properties
    }

    /// When the command's process started, if it did.
    pub(crate) fn started_ms(&self) -> i64 {
        self.said.started.map_or(0, |started| started.at_ms)
    }

    pub(crate) fn finish(&mut self, finished: Finished) {
        self.said.finished = Some(finished);
        self.unsaid.finished = true;
    }

    /// Another supervisor has this command.
    pub(crate) fn taken(&mut self, command: u64) {
        self.said = Report { command, ..Report::default() };
        self.unsaid = Unsaid { taken: true, ..Unsaid::default() };
    }

    /// Whether the agent has not heard something yet.
    pub(crate) fn has_unsaid(&self) -> bool {
        self.agent.is_some() && (!self.outbox.is_empty() || self.has_news())
    }

    /// What to wait for; the answers go to [`Line::serve`] in the same order.
    pub(crate) fn poll_fds(&self) -> Vec<PollFd<'_>> {
        let mut fds = Vec::with_capacity(8);
        if let Some(agent) = &self.agent {
            let blocked = !self.outbox.is_empty();
            let flags = if blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            fds.push(PollFd::new(agent, flags));
        }
        if let Some(listener) = &self.listener {
            fds.push(PollFd::new(listener, PollFlags::IN));
        }
        fds
    }

    /// Does what the sockets are ready for.
    pub(crate) fn serve(&mut self, ready: &[bool]) {
        let mut ready = ready.iter().copied();
        let agent = self.agent.is_some() && ready.next() == Some(true);
        let caller = self.listener.is_some() && ready.next() == Some(true);
        if agent {
            self.receive();
        }
        if caller {
            self.accept();
        }
    }

    /// Says what has not been said, as far as the socket takes it.
    pub(crate) fn flush(&mut self) {
        if self.outbox.is_empty() && self.has_news() && self.agent.is_some() {
            self.outbox = encode(&self.news());
        }
        while let Some(agent) = self.agent.as_mut().filter(|_| !self.outbox.is_empty()) {
            match agent.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.lose(),
            }
        }
    }

    fn has_news(&self) -> bool {
        let unsaid = &self.unsaid;
        unsaid.started
            || unsaid.finished
            || unsaid.taken
            || !unsaid.logs.is_empty()
            || unsaid.progress
            || unsaid.properties < self.said.properties.len()
            || unsaid.links < self.said.links.len()
    }

    /// What the agent has not heard; it counts as said from now on.
    fn news(&mut self) -> Report {
        let unsaid = mem::replace(
            &mut self.unsaid,
            Unsaid {
                properties: self.said.properties.len(),
                links: self.said.links.len(),
                ..Unsaid::default()
            },
        );
        let said = &self.said;
        Report {
            command: said.command,
            started: said.started.filter(|_| unsaid.started),
            spooled: unsaid
                .logs
                .into_iter()
                .filter_map(|log| said.spooled.get(&log).map(|to| (log, *to)))
                .collect(),
            properties: said.properties[unsaid.properties..].to_vec(),
            links: said.links[unsaid.links..].to_vec(),
            progress: said.progress.filter(|_| unsaid.progress),
            finished: said.finished.clone().filter(|_| unsaid.finished),
            taken: unsaid.taken,
        }
    }

    fn receive(&mut self) {
        let mut buffer = [0; 4096];
        while let Some(agent) = &mut self.agent {
            match agent.read(&mut buffer) {
                Ok(0) => self.lose(),
                Ok(count) => {
                    self.inbox.feed(&buffer[..count]);
                    self.understand();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.lose(),
            }
        }
    }

    fn understand(&mut self) {
        loop {
            match self.inbox.next::<ToSupervisor>() {
                Ok(Some(message)) => {
                    if let Some(run) = message.run {
                        self.next = Some(run);
                        self.steer = Steer::default();
                    }
                    if let Some(steer) = message.steer {
                        self.steer = steer;
                    }
                }
                Ok(None) => return,
                Err(_) => return self.lose(),
            }
        }
    }

    fn accept(&mut self) {
        let Some(Ok((agent, _))) = self.listener.as_ref().map(UnixListener::accept) else { return };
        self.lose();
        if agent.set_nonblocking(true).is_err() {
            return;
        }
        self.agent = Some(agent);
        self.unsaid = Unsaid {
            started: self.said.started.is_some(),
            logs: self.said.spooled.keys().cloned().collect(),
            properties: 0,
            links: 0,
            progress: self.said.progress.is_some(),
            finished: self.said.finished.is_some(),
            taken: false,
        };
        self.flush();
    }

    fn lose(&mut self) {
        self.agent = None;
        self.orphaned = true;
        self.inbox = Decoder::default();
        self.outbox.clear();
    }
}

/// Calls the supervisor that listens in a command's folder.
pub(crate) fn call(folder: &Path) -> io::Result<UnixStream> {
    let folder = File::open(folder)?;
    UnixStream::connect(short_path(&folder))
}

/// A path to the folder's socket that is short whatever the folder's own is: a socket's address holds 107 bytes.
fn short_path(folder: &File) -> String {
    format!("/proc/self/fd/{}/sock", folder.as_raw_fd())
}

/// This process's standard input as the socket it was given.
pub(crate) fn from_stdin() -> io::Result<UnixStream> {
    use std::os::fd::AsFd;
    let fd: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(UnixStream::from(fd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_report(agent: &mut UnixStream, decoder: &mut Decoder) -> Report {
        let mut buffer = [0; 4096];
        loop {
            if let Some(report) = decoder.next::<Report>().unwrap() {
                return report;
            }
            let count = agent.read(&mut buffer).unwrap();
            assert!(count > 0, "the line was cut");
            decoder.feed(&buffer[..count]);
        }
    }

    #[test]
    fn a_new_agent_hears_everything_the_old_one_heard() {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, theirs) = UnixStream::pair().unwrap();
        let mut line = Line::new(theirs).unwrap();
        assert!(line.begin(9, dir.path()).unwrap());
        line.started(Started { command: 9, at_ms: 5, pid: 7 });
        line.spooled("stdio", 100);
        line.flush();
        let heard = read_report(&mut first, &mut Decoder::default());
        assert_eq!((heard.command, heard.started.unwrap().pid), (9, 7));
        assert!(!line.has_unsaid());

        drop(first);
        let mut second = call(dir.path()).unwrap();
        line.serve(&[true, true]);
        line.spooled("stdio", 120);
        line.flush();
        let mut decoder = Decoder::default();
        let heard = read_report(&mut second, &mut decoder);
        assert_eq!((heard.started.unwrap().pid, heard.spooled["stdio"]), (7, 100));
        let heard = read_report(&mut second, &mut decoder);
        assert_eq!((heard.started, heard.spooled["stdio"]), (None, 120));
    }

    #[test]
    fn a_folder_has_one_listener() {
        let dir = tempfile::tempdir().unwrap();
        let line = || Line::new(UnixStream::pair().unwrap().0).unwrap();
        let (mut one, mut other) = (line(), line());
        assert!(one.begin(1, dir.path()).unwrap());
        assert!(!other.begin(1, dir.path()).unwrap());
    }

    #[test]
    fn an_idle_supervisor_ends_with_its_agent() {
        let (agent, theirs) = UnixStream::pair().unwrap();
        let mut line = Line::new(theirs).unwrap();
        drop(agent);
        assert_eq!(line.next_job().unwrap(), None);
    }

    #[test]
    fn steering_is_a_state() {
        let (mut agent, theirs) = UnixStream::pair().unwrap();
        let mut line = Line::new(theirs).unwrap();
        for acked in [1, 2, 3] {
            let steer = Some(Steer { acked, ..Steer::default() });
            agent.write_all(&encode(&ToSupervisor { run: None, steer })).unwrap();
        }
        line.serve(&[true]);
        assert_eq!(line.steer().acked, 3);
    }
}
