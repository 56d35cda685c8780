//! A session bus with a notification service on it, as a desktop has.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::site::PATIENCE;

/// One notification as the service got it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Who sent it.
    pub application: String,
    /// Its title.
    pub summary: String,
    /// Its text.
    pub body: String,
    /// The notification it replaces; 0: none.
    pub replaces: u32,
}

/// A bus of the test's own.
pub struct Bus {
    daemon: Child,
    /// For `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
    shown: Receiver<Shown>,
    _runtime: tokio::runtime::Runtime,
    _connection: zbus::Connection,
}

/// How the notification service on a bus behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// As it should.
    Answers,
    /// It takes a notification and never answers.
    Hangs,
    /// There is none.
    Absent,
}

struct Service {
    say: Sender<Shown>,
    last: u32,
    manners: Manners,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[expect(clippy::too_many_arguments, reason = "the freedesktop specification has eight")]
    async fn notify(
        &mut self,
        app_name: String,
        replaces_id: u32,
        _app_icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, zbus::OwnedVariant>,
        _expire_timeout: i32,
    ) -> u32 {
        if self.manners == Manners::Hangs {
            std::future::pending::<()>().await;
        }
        drop(self.say.send(Shown { application: app_name, summary, body, replaces: replaces_id }));
        if replaces_id != 0 {
            return replaces_id;
        }
        self.last += 1;
        self.last
    }

    #[expect(clippy::unused_self, reason = "a method of the interface")]
    fn close_notification(&self, _id: u32) {}

    #[expect(clippy::unused_self, reason = "a method of the interface")]
    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "actions".into()]
    }

    #[expect(clippy::unused_self, reason = "a method of the interface")]
    fn get_server_information(&self) -> (String, String, String, String) {
        ("linn test".into(), "linn".into(), "1".into(), "1.2".into())
    }
}

impl Bus {
    /// Starts a bus and puts the service on it.
    ///
    /// # Panics
    /// When there is no `dbus-daemon`.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Manners::Answers)
    }

    /// The same with a service of other manners.
    ///
    /// # Panics
    /// When there is no `dbus-daemon`.
    #[must_use]
    pub fn with(manners: Manners) -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        let out = daemon.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut address).expect("an address");
        let address = address.trim().to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (say, shown) = channel();
        let connection = runtime.block_on(async {
            let mut builder = zbus::connection::Builder::address(address.as_str());
            if manners != Manners::Absent {
                builder = builder
                    .name("org.freedesktop.Notifications")
                    .serve_at("/org/freedesktop/Notifications", Service { say, last: 0, manners });
            }
            builder.build().await.expect("the bus takes us")
        });
        Self { daemon, address, shown, _runtime: runtime, _connection: connection }
    }

    /// The next notification that arrives.
    ///
    /// # Panics
    /// When none comes.
    #[must_use]
    pub fn next(&self) -> Shown {
        self.shown.recv_timeout(PATIENCE).expect("a notification arrives")
    }

    /// Everything that has arrived and was not taken yet.
    #[must_use]
    pub fn rest(&self) -> Vec<Shown> {
        self.shown.try_iter().collect()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}
