//! One gRPC server for all connections, with its limits.

use std::sync::Arc;
use std::time::Duration;

use linn_proto::change::change_hook_server::ChangeHookServer;
use linn_proto::console::console_server::ConsoleServer;
use linn_proto::control::control_server::ControlServer;
use linn_proto::worker::worker_server::WorkerServer;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;

use super::Doors;
use super::change::{ChangeDoor, MAX_SUBMIT_BYTES};
use super::connection::Connection;
use super::console::ConsoleDoor;
use super::control::ControlDoor;
use super::peer::admit;
use super::worker::WorkerDoor;

/// Connections accepted and not yet served.
pub(crate) const WAITING_CONNECTIONS: usize = 64;
/// How often a silent peer is asked whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// A peer that does not answer in this time is gone.
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(8);
/// Calls at one time over one connection.
const MAX_STREAMS: u32 = 256;
/// What a peer may send of one call before we have read it: room for a few pieces of a log.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for a whole connection.
const CONNECTION_WINDOW: u32 = 2 << 20;
/// The largest head of a call.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// Serves connections until the doors close and all calls have ended.
pub(crate) async fn serve(doors: Arc<Doors>, connections: mpsc::Receiver<Connection>) {
    let ending = doors.ending.clone();
    let incoming = ReceiverStream::new(connections).map(Ok::<_, std::io::Error>);
    let most = linn_proto::MAX_MESSAGE_BYTES;
    let console = ConsoleServer::new(ConsoleDoor(doors.clone()))
        .max_decoding_message_size(most)
        .max_encoding_message_size(most * 2);
    let control = ControlServer::new(ControlDoor(doors.clone())).max_decoding_message_size(most);
    let change = ChangeHookServer::new(ChangeDoor(doors.clone()))
        .max_decoding_message_size(MAX_SUBMIT_BYTES);
    let worker = WorkerServer::new(WorkerDoor(doors)).max_decoding_message_size(most);
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .add_service(InterceptedService::new(console, admit))
        .add_service(InterceptedService::new(control, admit))
        .add_service(InterceptedService::new(change, admit))
        .add_service(InterceptedService::new(worker, admit))
        .serve_with_incoming_shutdown(incoming, ending.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!("the server has ended: {error}");
    }
}
