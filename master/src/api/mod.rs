//! The doors: what consoles, scripts, hooks and workers may ask, over gRPC.
