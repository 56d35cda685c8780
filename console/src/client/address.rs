//! Where a master listens, as people write it.
//!
//! Two kinds can be dialled: a Unix socket (`unix:PATH`, peer credentials say who calls) and HTTP on this machine alone
//! (`http://127.0.0.1:PORT`). Anything that would carry builds over a network in the clear is refused here, before a
//! byte is sent (decision D11).

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::error::ClientError;

/// The longest path of a Unix socket, in bytes: `sun_path` holds 108 with its ending NUL.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// A master's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddr {
    /// A local socket.
    Unix(PathBuf),
    /// `HOST:PORT` on the loopback device, spoken to without TLS.
    Http(String),
}

impl ServerAddr {
    /// The socket of the state folder `dir`.
    #[must_use]
    pub fn of_folder(dir: &Path) -> Self {
        Self::Unix(dir.join("linn.sock"))
    }

    /// Why this address cannot be dialled at all, if so.
    pub(crate) fn trouble(&self) -> Option<String> {
        match self {
            Self::Unix(path) => {
                let bytes = path.as_os_str().len();
                (bytes > MAX_SOCKET_PATH_BYTES).then(|| {
                    format!(
                        "the path is {bytes} bytes long, and a Unix socket's path may have {MAX_SOCKET_PATH_BYTES}"
                    )
                })
            }
            Self::Http(_) => None,
        }
    }
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(authority) => write!(f, "http://{authority}"),
        }
    }
}

impl FromStr for ServerAddr {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(no_address(text, "after `unix:` comes the path of a socket"));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        if let Some(authority) = text.strip_prefix("http://") {
            return loopback(text, authority.trim_end_matches('/'));
        }
        if text.starts_with("https://") {
            return Err(ClientError::usage(format!("cannot connect to {text}"))
                .why("workers and consoles of other machines are enrolled over TLS, which this version does not have yet")
                .hint("log in to the master's machine and use its socket, for example --server unix:DIR/linn.sock"));
        }
        Err(no_address(text, "it begins with neither `unix:` nor `http://`"))
    }
}

fn loopback(text: &str, authority: &str) -> Result<ServerAddr, ClientError> {
    let Some((host, port)) = authority.rsplit_once(':') else {
        return Err(no_address(text, "the port is missing"));
    };
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(no_address(text, "a port is a number from 1 to 65535"));
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let here = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !here {
        return Err(ClientError::usage(format!("cannot connect to {text}"))
            .why(format!(
                "without TLS linn speaks only to this machine itself, and {host} is another one"
            ))
            .hint(
                "use 127.0.0.1, [::1] or localhost, or the socket: --server unix:DIR/linn.sock",
            ));
    }
    Ok(ServerAddr::Http(authority.to_owned()))
}

fn no_address(text: &str, why: &str) -> ClientError {
    ClientError::usage(format!("`{text}` is no address of a master"))
        .why(why)
        .hint("write unix:PATH, for example unix:.linn/linn.sock, or http://127.0.0.1:PORT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Kind;

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("unix:/a/linn.sock", "unix:/a/linn.sock"),
            ("unix:///a/linn.sock", "unix:/a/linn.sock"),
            ("unix:.linn/linn.sock", "unix:.linn/linn.sock"),
            ("http://127.0.0.1:8010", "http://127.0.0.1:8010"),
            ("http://127.9.0.1:1/", "http://127.9.0.1:1"),
            ("http://[::1]:8010", "http://[::1]:8010"),
            ("http://localhost:8010", "http://localhost:8010"),
        ] {
            assert_eq!(text.parse::<ServerAddr>().expect(text).to_string(), shown);
        }
    }

    #[test]
    fn no_addresses() {
        for text in [
            "",
            "unix:",
            "/a/linn.sock",
            "http://127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:99999",
            "http://example.org:80",
            "http://[::1:80",
            "https://example.org:8010",
            "ftp://127.0.0.1:1",
        ] {
            let error = text.parse::<ServerAddr>().expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(error.sentences().1.is_some(), "{text} has no why");
        }
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_said_so() {
        let long = ServerAddr::Unix(PathBuf::from(format!("/{}", "x".repeat(110))));
        assert!(long.trouble().is_some());
        assert!(ServerAddr::Unix(PathBuf::from("/x")).trouble().is_none());
    }
}
