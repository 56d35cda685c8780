//! What breaks: the master, its disk, agents, machines, the network.

use linn_core::id::CommandId;
use linn_core::input::Input;
use linn_core::model::Url;
use linn_core::time::Span;

use crate::world::World;

/// How long nothing breaks, at most, in milliseconds.
const PAUSE: u64 = 2_500;

impl World {
    /// Something breaks.
    pub(crate) fn trouble(&mut self) -> Result<(), String> {
        self.next_trouble = self.now + 50 + self.random.ms(PAUSE);
        let n = self.random.place(self.machines.len());
        let dials = self.now + self.random.ms(6_000);
        match self.random.below(100) {
            0..14 => self.crash_master(),
            14..24 => self.master.refuse = true,
            24..28 => self.disk_fills()?,
            28..40 => {
                self.agent_ends(n);
                self.machines[n].end(dials);
                self.tally.agent_crashes += 1;
            }
            40..48 => {
                self.agent_ends(n);
                self.machines[n].reboot(self.now, dials);
                self.tally.reboots += 1;
            }
            48..56 => {
                self.agent_ends(n);
                self.machines[n].lose(dials);
                self.tally.machines_lost += 1;
            }
            56..60 => self.sleep()?,
            60..62 => {
                let (file, why) = ("master.star".to_owned(), "it has a mistake".to_owned());
                self.tell(Input::ConfigRefused { file, why })?;
            }
            62..68 => self.chatter()?,
            68..74 if self.turns => {
                self.tally.turns += usize::from(self.master.core.is_some());
                self.tell(self.master.turn())?;
            }
            _ => self.cut(n),
        }
        Ok(())
    }

    /// The master's machine sleeps: nobody sees so much time, and it makes nothing due before its moment.
    fn sleep(&mut self) -> Result<(), String> {
        let span = 500 + self.random.ms(3_000);
        self.now += span;
        self.tally.sleeps += usize::from(self.master.core.is_some());
        self.tell(Input::TimeSkipped(Span(span)))
    }

    /// A worker tells of a command, its own or one that is not: links and how far it is.
    fn chatter(&mut self) -> Result<(), String> {
        let sessions: Vec<_> = self.master.sessions.keys().copied().collect();
        if sessions.is_empty() {
            return Ok(());
        }
        let session = sessions[self.random.place(sessions.len())];
        let command = CommandId(1 + self.random.below(300));
        let share = 0.25;
        self.tell(Input::ProgressTold { session, command, share })?;
        let url = Url { name: "coverage".to_owned(), url: "https://example.org/".to_owned() };
        self.tell(Input::LinkFound { session, command, url })
    }

    /// The disk under the master is nearly full for a while.
    fn disk_fills(&mut self) -> Result<(), String> {
        self.room_again.get_or_insert(self.now + 100 + self.random.ms(5_000));
        self.tell_of_the_disk()
    }

    /// The master hears how its disk is: when that changes, and when it has started.
    pub(crate) fn tell_of_the_disk(&mut self) -> Result<(), String> {
        let full = self.room_again.map(|_| "the disk is nearly full".to_owned());
        self.tell(Input::DiskState(full))
    }

    /// The master dies. Its end of every connection is gone at once; workers hear of it some time.
    pub(crate) fn crash_master(&mut self) {
        if self.master.core.is_none() {
            return;
        }
        self.master.crash(self.now);
        self.edge.die();
        self.tally.crashes += 1;
        self.boots = Some(self.now + 1 + self.random.ms(3_000));
        let Self { wires, random, .. } = self;
        for wire in wires.values_mut() {
            let hears = self.now + random.ms(3_000);
            wire.close_above(hears, Some(random));
        }
    }

    /// The store refused a commit: memory is thrown away, all sessions end, and the disk is loaded anew.
    pub(crate) fn start_over(&mut self) {
        self.tally.unwritten += 1;
        self.edge.die();
        self.boots = Some(self.now);
        for wire in self.wires.values_mut() {
            wire.close_above(self.now + 5, None);
        }
    }

    /// A machine's agent is gone, and its end of the connection.
    pub(crate) fn agent_ends(&mut self, n: usize) {
        let hears = self.now + self.random.ms(3_000);
        if let Some(wire) = self.machines[n].link.take().and_then(|link| self.wires.get_mut(&link))
        {
            wire.close_below(hears, &mut self.random);
        }
    }

    /// The network fails between a worker and the master; each hears of it at its own time, so a worker may well be back
    /// before the master knows that it was gone: then it has two connections at once.
    fn cut(&mut self, n: usize) {
        let (above, below) = (self.now + self.random.ms(5_000), self.now + self.random.ms(3_000));
        let Some(link) = self.machines[n].link else { return };
        if let Some(wire) = self.wires.get_mut(&link)
            && wire.stands()
        {
            wire.tear(above, below, &mut self.random);
            self.tally.cuts += 1;
        }
    }
}
