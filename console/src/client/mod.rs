//! The client's half of the link to a master: which master, how to reach it, how to speak of things, and what a refusal
//! means.
//!
//! Everything that talks to a master (console, scripting commands, hooks) comes through here, so that the protocol
//! number is said in every call and every failure is told in the same three sentences. A [`tonic::transport::Channel`]
//! made here dials again by itself: after a lost link the next call finds the new master, so *retrying* is calling
//! again ([`Patience`] says how often and how long).

mod address;
mod contexts;
mod dial;
mod error;
mod patience;
mod references;
mod request_id;
mod resolve;
mod sentence;

pub use self::address::ServerAddr;
pub use self::contexts::{Context, Contexts};
pub use self::dial::{Carrier, Master, PROTOCOL_KEY, connect, protocol_header};
pub(crate) use self::error::innermost;
pub use self::error::{ClientError, Kind, lost};
pub use self::patience::Patience;
pub use self::references::{
    Awaited, BuildRef, LogRef, Numbered, RefError, StepRef, awaited, is_name, numbered,
};
pub use self::request_id::request_id;
pub use self::resolve::{Place, resolve_server, resolve_server_at};
pub use self::sentence::{HINT_KEY, WHY_KEY, decode_sentence, encode_sentence};
