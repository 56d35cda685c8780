//! Which user is at the other end of a loopback connection. The kernel lists every socket of the machine with its owner;
//! the other end of ours is one of them.
//!
//! Without this, whoever may run a program on the machine could give orders here and so run commands as this user. The
//! table is Linux's; elsewhere nobody can tell, and a loopback connection is let in as `--listen` asked for it.

use std::net::{IpAddr, SocketAddr};

use super::peer::Peer;

/// Who dialled: `theirs` is the other end, `ours` this one. Reads files, so it blocks a little.
pub(super) fn peer(theirs: SocketAddr, ours: SocketAddr) -> Peer {
    if !cfg!(target_os = "linux") {
        return Peer::Loopback;
    }
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    let mut tables = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok());
    let owner = tables.find_map(|table| owner_in(&table, theirs, ours));
    owner.map_or(Peer::Unknown, Peer::User)
}

/// The owner of the socket from `local` to `remote`, from a table of the kernel: `sl local remote st queues timer retr uid …`.
fn owner_in(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (from, to) = (address(fields.next()?)?, address(fields.next()?)?);
        let uid = fields.nth(4)?.parse().ok()?;
        (same(from, local) && same(to, remote)).then_some(uid)
    })
}

/// `0100007F:2710`: words of the address in the machine's own order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = ip.get(at * 8..at * 8 + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            IpAddr::from(bytes)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// An address of the old kind may be written as one of the new.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:2710 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C001 0100007F:2710 01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0 20 4 30 10 -1
";

    #[test]
    #[cfg(target_endian = "little")]
    fn the_other_end_is_looked_up() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (theirs, ours) = (at("127.0.0.1:49153"), at("127.0.0.1:10000"));
        assert_eq!(owner_in(TABLE, theirs, ours), Some(1001));
        assert_eq!(owner_in(TABLE, ours, theirs), Some(1000));
        assert_eq!(owner_in(TABLE, at("127.0.0.1:49154"), ours), None);
        assert_eq!(owner_in(TABLE, at("[::ffff:127.0.0.1]:49153"), ours), Some(1001));
        assert_eq!(address("00000000000000000000000001000000:0050"), Some(at("[::1]:80")));
        assert_eq!(address("01:2"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_of_this_user_is_this_users() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(address) else { continue };
            let ours = listener.local_addr().unwrap();
            let stream = std::net::TcpStream::connect(ours).unwrap();
            let uid = rustix::process::geteuid().as_raw();
            assert_eq!(peer(stream.local_addr().unwrap(), ours), Peer::User(uid));
        }
    }
}
