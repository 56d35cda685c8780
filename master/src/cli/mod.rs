//! The commands of the binary that need a master or a worker.
