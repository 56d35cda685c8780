//! What an agent and a supervisor say to each other over their socket.
//!
//! Length-prefixed protobuf, so that after an upgrade a new agent understands the supervisors of the old one. Both
//! directions carry *states*, not events: a frame that is lost with a connection is made good by the next one.

use linn_proto::worker::{Finished, LinkFound, Progress, PropertyFound, Started};
use prost::Message;

/// The largest frame; a result with its captured output stays far below.
const MAX_FRAME_BYTES: usize = 4 << 20;

/// From the agent.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ToSupervisor {
    /// A command to run, given to an idle supervisor.
    #[prost(message, optional, tag = "1")]
    pub(crate) run: Option<Run>,
    #[prost(message, optional, tag = "2")]
    pub(crate) steer: Option<Steer>,
}

/// Which command to run; the rest is in its spool folder.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Run {
    /// The worker's folder.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) dir: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) command: u64,
    /// Put into the environment, with the command's id, so that leftovers can be told by it.
    #[prost(string, tag = "3")]
    pub(crate) mark: String,
}

/// What the agent wants at the moment, whole: said again to a supervisor that is adopted.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Steer {
    /// Log bytes that are durable on the master, over all logs of the command.
    #[prost(uint64, tag = "1")]
    pub(crate) acked: u64,
    /// The most bytes beyond `acked`; 0: no limit.
    #[prost(uint64, tag = "2")]
    pub(crate) limit: u64,
    #[prost(enumeration = "StopNow", tag = "3")]
    pub(crate) stop: i32,
    #[prost(string, tag = "4")]
    pub(crate) reason: String,
}

/// How far stopping has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum StopNow {
    No = 0,
    Interrupt = 1,
    Kill = 2,
}

/// From the supervisor: what has changed since the last frame of this connection.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Report {
    #[prost(uint64, tag = "1")]
    pub(crate) command: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) started: Option<Started>,
    /// Log name → bytes on disk.
    #[prost(btree_map = "string, uint64", tag = "3")]
    pub(crate) spooled: std::collections::BTreeMap<String, u64>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) properties: Vec<PropertyFound>,
    /// The command ended, and this is on disk as well.
    #[prost(message, optional, tag = "5")]
    pub(crate) finished: Option<Finished>,
    /// Another supervisor has the command: nothing was done.
    #[prost(bool, tag = "6")]
    pub(crate) taken: bool,
    #[prost(message, repeated, tag = "7")]
    pub(crate) links: Vec<LinkFound>,
    #[prost(message, optional, tag = "8")]
    pub(crate) progress: Option<Progress>,
}

/// The frame of a message.
pub(crate) fn encode(message: &impl Message) -> Vec<u8> {
    let length = message.encoded_len();
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    message.encode_raw(&mut frame);
    frame
}

/// Bytes that are no frame: the connection is of no use any more.
#[derive(Debug, thiserror::Error)]
#[error("the other end of the supervisor's socket speaks another language")]
pub(crate) struct Garbled;

/// Puts frames together from what a socket gives.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, if there is one.
    pub(crate) fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Garbled> {
        let Some(head) = self.bytes.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*head) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(Garbled);
        }
        let Some(body) = self.bytes.get(4..4 + length) else { return Ok(None) };
        let message = M::decode(body).map_err(|_| Garbled)?;
        self.bytes.drain(..4 + length);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        let steer =
            Steer { acked: 7, limit: 1 << 30, stop: StopNow::Kill.into(), reason: "x".into() };
        let message = ToSupervisor { run: None, steer: Some(steer) };
        let bytes = [encode(&message), encode(&message)].concat();
        for cut in 0..bytes.len() {
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.feed(part);
                while let Some(message) = decoder.next::<ToSupervisor>().unwrap() {
                    got.push(message);
                }
            }
            assert_eq!(got, [message.clone(), message.clone()]);
        }
    }

    #[test]
    fn an_absurd_length_is_refused_before_memory_is_taken() {
        let mut decoder = Decoder::default();
        decoder.feed(&u32::MAX.to_le_bytes());
        assert!(decoder.next::<ToSupervisor>().is_err());
    }
}
