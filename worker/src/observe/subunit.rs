//! Subunit: version 2 in packets, version 1 in the lines between them.
//!
//! A packet of version 2 is `b3`, two bytes of flags, its length, then the parts that the flags name, and a CRC-32 of all
//! that. Whatever is no packet is output, in which lines of version 1 are understood.

use std::collections::BTreeMap;

use super::lines::Lines;
use super::tally::{Outcome, Tally};

const SIGNATURE: u8 = 0xb3;
/// The longest packet that the format has.
const MAX_PACKET: usize = 4 << 20;
/// Each byte may be part of so many sums that are worked out, so that nobody keeps a supervisor busy with packets in packets.
const CHECKS: usize = 8;
/// The most tests whose beginning is remembered.
const MAX_BEGUN: usize = 10_000;

/// What has come and is not understood yet.
#[derive(Debug, Default)]
pub(super) struct Subunit {
    held: Vec<u8>,
    /// How many bytes may still be summed up.
    budget: usize,
    lines: Lines,
    first: First,
    begun: BTreeMap<String, f64>,
}

/// The state of version 1 between lines.
#[derive(Debug, Default)]
struct First {
    /// Between `[` and `]`: details of a test.
    details: bool,
}

/// What stands at the beginning of the bytes held.
enum Head {
    /// A packet of this length, sound.
    Packet(usize),
    /// Perhaps a packet; its end has not come.
    Wait,
    /// No packet.
    Other,
}

impl Subunit {
    pub(super) fn feed(&mut self, bytes: &[u8], tally: &mut Tally) {
        self.budget = self.budget.saturating_add(bytes.len() * CHECKS);
        self.held.extend_from_slice(bytes);
        self.read(false, tally);
    }

    /// Nothing more comes: what might have become a packet is none.
    pub(super) fn end(&mut self, tally: &mut Tally) {
        self.read(true, tally);
        let (lines, first) = (&mut self.lines, &mut self.first);
        lines.end(|line| first.line(&String::from_utf8_lossy(line), tally));
    }

    fn read(&mut self, last: bool, tally: &mut Tally) {
        let mut held = std::mem::take(&mut self.held);
        let mut at = 0;
        while at < held.len() {
            let rest = &held[at..];
            match head(rest, &mut self.budget) {
                Head::Packet(length) => {
                    self.packet(&rest[..length], tally);
                    at += length;
                }
                Head::Wait if !last => break,
                Head::Wait | Head::Other => {
                    let next = rest[1..].iter().position(|byte| *byte == SIGNATURE);
                    let length = next.map_or(rest.len(), |next| next + 1);
                    self.output(&rest[..length], tally);
                    at += length;
                }
            }
        }
        held.drain(..at);
        self.held = held;
    }

    fn output(&mut self, bytes: &[u8], tally: &mut Tally) {
        let first = &mut self.first;
        self.lines.feed(bytes, |line| first.line(&String::from_utf8_lossy(line), tally));
    }

    fn packet(&mut self, packet: &[u8], tally: &mut Tally) {
        let flags = u16::from_be_bytes([packet[1], packet[2]]);
        let Some((_, used)) = number(&packet[3..]) else { return };
        let mut rest = &packet[3 + used..packet.len() - 4];
        let mut seconds = None;
        if flags & 0x0200 != 0 {
            let Some((stamp, after)) = rest.split_first_chunk::<4>() else { return };
            let Some((nanos, used)) = number(after) else { return };
            seconds = Some(f64::from(u32::from_be_bytes(*stamp)) + f64::from(nanos) / 1e9);
            rest = &after[used..];
        }
        if flags & 0x0800 == 0 {
            return;
        }
        let Some((length, used)) = number(rest) else { return };
        let Some(id) = rest.get(used..used + length as usize) else { return };
        let id = String::from_utf8_lossy(id).into_owned();
        let outcome = match flags & 0x7 {
            2 => {
                if let Some(seconds) = seconds.filter(|_| self.begun.len() < MAX_BEGUN) {
                    self.begun.insert(id, seconds);
                }
                return;
            }
            // An expected failure is well.
            3 | 7 => Outcome::Passed,
            // A success that nobody expected is not.
            4 | 6 => Outcome::Failed,
            5 => Outcome::Skipped,
            _ => return,
        };
        let took = self.begun.remove(&id).zip(seconds).map(|(from, to)| to - from);
        tally.add(&id, outcome, took);
    }
}

fn head(bytes: &[u8], budget: &mut usize) -> Head {
    match bytes.first() {
        None => return Head::Wait,
        Some(&SIGNATURE) => {}
        Some(_) => return Head::Other,
    }
    let Some(flags) = bytes.get(1) else { return Head::Wait };
    if flags >> 4 != 2 {
        return Head::Other;
    }
    let Some(lead) = bytes.get(3) else { return Head::Wait };
    if bytes.len() < 4 + usize::from(lead >> 6) {
        return Head::Wait;
    }
    let Some((length, used)) = number(&bytes[3..]) else { return Head::Other };
    let length = length as usize;
    if length < 3 + used + 4 || length > MAX_PACKET {
        return Head::Other;
    }
    let Some(packet) = bytes.get(..length) else { return Head::Wait };
    let Some(left) = budget.checked_sub(length) else { return Head::Other };
    *budget = left;
    let (body, sum) = packet.split_at(length - 4);
    if crc32(body).to_be_bytes() == sum { Head::Packet(length) } else { Head::Other }
}

/// A number of one to four bytes, of which the first two bits say how many; and how many.
fn number(bytes: &[u8]) -> Option<(u32, usize)> {
    let used = usize::from(bytes.first()? >> 6) + 1;
    let all = bytes.get(..used)?;
    let value = all.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    let bits = 8 * used as u32 - 2;
    Some((value & ((1 << bits) - 1), used))
}

/// The CRC-32 of zip and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

impl First {
    fn line(&mut self, line: &str, tally: &mut Tally) {
        if self.details {
            self.details = line != "]";
            return;
        }
        let Some((word, name)) = line.split_once(": ") else { return };
        let outcome = match word {
            "success" | "successful" | "xfail" => Outcome::Passed,
            "failure" | "error" | "uxsuccess" => Outcome::Failed,
            "skip" => Outcome::Skipped,
            _ => return,
        };
        let name = match name.strip_suffix(" [").or_else(|| name.strip_suffix(" [ multipart")) {
            Some(name) => {
                self.details = true;
                name
            }
            None => name,
        };
        tally.add(name, outcome, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the format's own description: `foo` is enumerated.
    const FOO: [u8; 12] = [0xb3, 0x29, 0x01, 0x0c, 0x03, 0x66, 0x6f, 0x6f, 0x08, 0x55, 0x5f, 0x1b];

    fn packet(status: u16, id: &str, at: Option<u32>) -> Vec<u8> {
        let flags = 0x2000 | 0x0800 | status | if at.is_some() { 0x0200 } else { 0 };
        let mut body = Vec::new();
        if let Some(at) = at {
            body.extend(at.to_be_bytes());
            body.push(0);
        }
        body.push(id.len() as u8);
        body.extend(id.as_bytes());
        let mut out = vec![SIGNATURE];
        out.extend(flags.to_be_bytes());
        // Two bytes of length, so that both forms are seen.
        let length = (out.len() + 2 + body.len() + 4) as u16;
        out.extend((0x4000 | length).to_be_bytes());
        out.extend(body);
        let sum = crc32(&out);
        out.extend(sum.to_be_bytes());
        out
    }

    fn read(bytes: &[u8], piece: usize) -> Tally {
        let (mut tally, mut subunit) = (Tally::default(), Subunit::default());
        bytes.chunks(piece).for_each(|piece| subunit.feed(piece, &mut tally));
        subunit.end(&mut tally);
        tally
    }

    #[test]
    fn the_example_of_the_format_is_sound() {
        assert!(matches!(head(&FOO, &mut 100), Head::Packet(12)));
        let mut spoilt = FOO;
        spoilt[6] ^= 1;
        assert!(matches!(head(&spoilt, &mut 100), Head::Other));
        assert_eq!(read(&FOO, 3).numbers(), (0, 0, 0, 0), "an enumerated test has not run");
    }

    #[test]
    fn packets_are_found_between_output_however_they_are_cut() {
        let mut bytes = b"hello \xb3 world\n".to_vec();
        bytes.extend(packet(2, "t.slow", Some(100)));
        bytes.extend(packet(3, "t.good", None));
        bytes.extend(b"noise");
        bytes.extend(packet(6, "t.slow", Some(103)));
        bytes.extend(packet(5, "t.skip", None));
        bytes.extend(packet(7, "t.xfail", None));
        bytes.extend(packet(4, "t.ux", None));
        for piece in [1, 2, 5, 1_000] {
            let tally = read(&bytes, piece);
            assert_eq!(tally.numbers(), (5, 2, 2, 1), "{piece}");
            assert_eq!(tally.failures(), ["t.slow", "t.ux"]);
            assert_eq!(tally.seconds(0), Some(3.0));
        }
        // A packet that never ends hides none that follow.
        let mut torn = packet(3, "t.a", None)[..8].to_vec();
        torn.extend(packet(6, "t.b", None));
        assert_eq!(read(&torn, 4).failures(), ["t.b"]);
    }

    /// Packets within packets, each of which would have to be summed up to its end.
    #[test]
    fn packets_in_packets_cost_no_more_than_their_bytes() {
        let hostile = [0xb3, 0x28, 0x03, 0xbf, 0xff, 0xff].repeat(500_000);
        assert_eq!(read(&hostile, 64 << 10).numbers(), (0, 0, 0, 0));
    }

    #[test]
    fn version_1_is_read() {
        let text = "time: 2026-01-02 03:04:05Z
test: a.good
success: a.good
test: a.bad
failure: a.bad [
Traceback:
success: not.this
]
skip: a.skip [
no network
]
error: a.broken
xfail: a.known
";
        let tally = read(text.as_bytes(), 9);
        assert_eq!(tally.numbers(), (5, 2, 2, 1));
        assert_eq!(tally.failures(), ["a.bad", "a.broken"]);
    }
}
