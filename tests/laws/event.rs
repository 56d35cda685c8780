//! What can happen, in small numbers that a site resolves against what there is.

use proptest::prelude::*;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Change {
        branch: u8,
        key: u8,
    },
    Poll {
        commits: u8,
    },
    Force {
        builder: u8,
        id: u8,
    },
    Rebuild {
        which: u8,
    },
    Stop {
        which: u8,
        kill: bool,
    },
    Cancel {
        request: u8,
    },
    Priority {
        request: u8,
        priority: i8,
    },
    Control {
        worker: u8,
        verb: u8,
    },
    Connect {
        worker: u8,
        keeps: bool,
        other_folder: bool,
    },
    Detach {
        worker: u8,
    },
    End {
        which: u8,
        how: u8,
    },
    Pass {
        seconds: u16,
    },
    Disk {
        full: bool,
    },
    /// What was decided becomes durable.
    Commit,
    /// What was not durable is gone; the rest is read from the file.
    Crash,
}

/// Any of them, those more often that lead on.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let flag = any::<bool>;
    prop_oneof![
        4 => (0..3_u8, 0..30_u8).prop_map(|(branch, key)| Event::Change { branch, key }),
        2 => (0..4_u8).prop_map(|commits| Event::Poll { commits }),
        4 => (0..3_u8, 0..4_u8).prop_map(|(builder, id)| Event::Force { builder, id }),
        1 => any::<u8>().prop_map(|which| Event::Rebuild { which }),
        1 => (any::<u8>(), flag()).prop_map(|(which, kill)| Event::Stop { which, kill }),
        1 => (0..20_u8).prop_map(|request| Event::Cancel { request }),
        1 => (0..20_u8, -2..3_i8).prop_map(|(request, priority)| Event::Priority { request, priority }),
        1 => (0..3_u8, 0..3_u8).prop_map(|(worker, verb)| Event::Control { worker, verb }),
        3 => (0..3_u8, flag(), prop::bool::weighted(0.2))
            .prop_map(|(worker, keeps, other_folder)| Event::Connect { worker, keeps, other_folder }),
        1 => (0..3_u8).prop_map(|worker| Event::Detach { worker }),
        10 => (any::<u8>(), 0..12_u8).prop_map(|(which, how)| Event::End { which, how }),
        3 => (0..1_200_u16).prop_map(|seconds| Event::Pass { seconds }),
        1 => flag().prop_map(|full| Event::Disk { full }),
        8 => Just(Event::Commit),
        2 => Just(Event::Crash),
    ]
}
