//! Who calls, and whether they may: the user this master runs as, and root.
//!
//! The kernel says who is at the other end of the local socket, and on Linux of a loopback connection too. Every call also says which protocol it speaks; another one is refused with words.

use tonic::{Request, Status};

use super::status;

/// The metadata key that carries the protocol's number in every call.
const PROTOCOL_KEY: &str = "linn-protocol";

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    /// A process of this user, says the kernel.
    User(u32),
    /// Some process of this machine: here the kernel cannot tell of which user.
    Loopback,
    /// This process.
    Inside,
    /// The kernel would not say.
    Unknown,
}

/// Lets a call in or turns it away. An interceptor of every service.
pub(super) fn admit(request: Request<()>) -> Result<Request<()>, Status> {
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Unknown);
    if !allowed(peer, rustix::process::geteuid().as_raw()) {
        return Err(Status::permission_denied(
            "this master serves the user it runs as, and root; you are neither",
        ));
    }
    if let Some(said) = request.metadata().get(PROTOCOL_KEY) {
        let ours = linn_proto::PROTOCOL;
        let theirs = said.to_str().ok().and_then(|number| number.parse::<u32>().ok());
        if theirs != Some(ours) {
            return Err(status::not_now(
                format!("this master speaks protocol {ours}, and you another"),
                "master and console are of different versions of linn",
                "use the same version of linn on both sides",
            ));
        }
    }
    Ok(request)
}

fn allowed(peer: Peer, owner: u32) -> bool {
    match peer {
        Peer::User(uid) => uid == owner || uid == 0,
        Peer::Loopback | Peer::Inside => true,
        Peer::Unknown => false,
    }
}

/// Who asks, for people and for the audit. `owner` is the user this process runs as.
pub(super) fn caller<T>(request: &Request<T>, owner: &str) -> String {
    match request.extensions().get::<Peer>() {
        Some(Peer::User(0)) if owner != "root" => "root".to_owned(),
        Some(Peer::User(_) | Peer::Inside) => owner.to_owned(),
        // Nobody knows which user of this machine.
        _ => "loopback".to_owned(),
    }
}

/// The name of the user this process runs as: from the passwd file, or else the number.
pub(crate) fn owner() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(uid, &passwd).unwrap_or_else(|| uid.to_string())
}

fn name_of(uid: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let number = fields.nth(1)?.parse::<u32>().ok()?;
        (number == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_and_root_come_in_over_the_socket() {
        assert!(allowed(Peer::User(1000), 1000));
        assert!(allowed(Peer::User(0), 1000));
        assert!(!allowed(Peer::User(1001), 1000));
        assert!(!allowed(Peer::Unknown, 1000));
        assert!(allowed(Peer::Inside, 1000));
    }

    #[test]
    fn a_caller_has_a_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(1000, passwd).as_deref(), Some("ana"));
        assert_eq!(name_of(7, passwd), None);
        let mut request = Request::new(());
        assert_eq!(caller(&request, "ana"), "loopback");
        request.extensions_mut().insert(Peer::User(1000));
        assert_eq!(caller(&request, "ana"), "ana");
        request.extensions_mut().insert(Peer::User(0));
        assert_eq!(caller(&request, "ana"), "root");
    }

    #[test]
    fn another_protocol_is_refused_with_words() {
        let call = |number: &str| {
            let mut request = Request::new(());
            request.extensions_mut().insert(Peer::Inside);
            request.metadata_mut().insert(PROTOCOL_KEY, number.parse().unwrap());
            admit(request)
        };
        assert!(call("1").is_ok());
        assert_eq!(call("2").unwrap_err().code(), tonic::Code::FailedPrecondition);
        assert!(call("x").is_err());
    }
}
