//! Submits changes in pieces that fit a message.

use linn_proto::change::{NewChange, SubmitRequest};
use tonic::Status;

use crate::client::Master;

/// A message's size, at most, by a rough count; the wire's own limit is four times as much.
const MAX_BYTES: usize = linn_proto::MAX_MESSAGE_BYTES / 4;
/// Changes of one message, at most.
const MAX_CHANGES: usize = 200;

/// Submits all of them, oldest first; their ids.
pub(super) async fn submit(master: &Master, changes: &[NewChange]) -> Result<Vec<u64>, Status> {
    let mut ids = Vec::new();
    for piece in pieces(changes) {
        let request = SubmitRequest { changes: piece.to_vec() };
        ids.extend(master.changes().submit(request).await?.into_inner().ids);
    }
    Ok(ids)
}

/// Consecutive pieces, each of one change at least.
fn pieces(changes: &[NewChange]) -> Vec<&[NewChange]> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut bytes = 0;
    for (at, change) in changes.iter().enumerate() {
        let size = size(change);
        if at > from && (bytes + size > MAX_BYTES || at - from == MAX_CHANGES) {
            pieces.push(&changes[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += size;
    }
    if from < changes.len() {
        pieces.push(&changes[from..]);
    }
    pieces
}

fn size(change: &NewChange) -> usize {
    let files: usize = change.files.iter().map(|file| file.len() + 8).sum();
    files + change.comments.len() + change.parents.len() * 72 + 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_fit_and_keep_the_order() {
        let large = NewChange { comments: "x".repeat(MAX_BYTES / 2), ..Default::default() };
        let small = NewChange::default();
        let changes: Vec<NewChange> =
            std::iter::repeat_n(large, 3).chain(std::iter::repeat_n(small, 500)).collect();
        let pieces = pieces(&changes);
        assert_eq!(pieces.iter().map(|piece| piece.len()).sum::<usize>(), 503);
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_CHANGES));
        let heavy = pieces.iter().map(|piece| piece.iter().map(size).sum::<usize>());
        assert!(heavy.max().is_some_and(|bytes| bytes <= MAX_BYTES));
        assert!(super::pieces(&[]).is_empty());
    }
}
