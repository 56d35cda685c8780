//! Logs are files: appended by offset, read by line, sealed when over.
