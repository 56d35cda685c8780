//! End to end: real processes, a real wire, real git, a real terminal, a real session bus. Few, slow, precious.

#[path = "e2e/bytes.rs"]
mod bytes;
#[path = "e2e/care.rs"]
mod care;
#[path = "e2e/crash.rs"]
mod crash;
#[path = "e2e/farm.rs"]
mod farm;
#[path = "e2e/files.rs"]
mod files;
#[path = "e2e/git.rs"]
mod git;
#[path = "e2e/hooks.rs"]
mod hooks;
#[path = "e2e/hostile.rs"]
mod hostile;
#[path = "e2e/mistakes.rs"]
mod mistakes;
#[path = "e2e/notice.rs"]
mod notice;
#[path = "e2e/reload.rs"]
mod reload;
#[path = "e2e/retention.rs"]
mod retention;
#[path = "e2e/said.rs"]
mod said;
#[path = "e2e/scheduler.rs"]
mod scheduler;
#[path = "e2e/secrets.rs"]
mod secrets;
#[path = "e2e/terminal.rs"]
mod terminal;
#[path = "e2e/translation.rs"]
mod translation;
#[path = "e2e/try.rs"]
mod try_;
#[path = "e2e/up.rs"]
mod up;
