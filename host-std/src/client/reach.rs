//! From an address to a connection.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Error, Url, https};
use crate::transport::{Transport, keep_alive};

/// Opens a connection that sends at once what is written to it, and that ends when the other side vanishes.
pub(crate) async fn open(url: &Url, within: Duration) -> Result<Transport, Error> {
    let config = url.is_secure().then(https::config).transpose()?;
    let deadline = Instant::now() + within;
    let connecting = async {
        let addresses: Vec<_> = lookup_host((url.host(), url.port())).await?.collect();
        let socket = first_of(&addresses, deadline).await?;
        socket.set_nodelay(true)?;
        keep_alive(&socket)?;
        match config {
            Some(config) => https::secure(socket, url, config).await,
            None => Ok(socket.into()),
        }
    };
    let connected = timeout_at(deadline, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    connected.map_err(Error::Connect)
}

/// A connection to the first of a host's addresses that takes one. Each has its share of the time, as one that says nothing,
/// such as that of a network that leads nowhere, would take all of it.
async fn first_of(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut why = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let share = deadline.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => why = error,
            Err(_) => why = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use nix::sys::socket::{Backlog, getsockopt, listen, sockopt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_says_nothing_leaves_time_for_the_next_one() {
        // It is full with one that nobody accepts, and says nothing to others.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listen(&silent, Backlog::new(0).unwrap()).unwrap();
        let (silent_at, mut held) = (silent.local_addr().unwrap(), Vec::new());
        while let Ok(one) = timeout(Duration::from_millis(300), TcpStream::connect(silent_at)).await {
            held.push(one.unwrap());
            assert!(held.len() < 10, "it takes everybody");
        }
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open_at = open.local_addr().unwrap();
        let within = |seconds| Instant::now() + Duration::from_secs(seconds);
        let socket = first_of(&[silent_at, open_at], within(2)).await.unwrap();
        assert_eq!(socket.peer_addr().unwrap(), open_at);
        assert_eq!(first_of(&[silent_at], within(1)).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(first_of(&[], within(1)).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn who_vanishes_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let asks = |socket: &TcpStream| getsockopt(socket, sockopt::KeepAlive).unwrap();
        assert!(!asks(&socket));
        let url: Url = format!("http://{}/sub", listener.local_addr().unwrap()).parse().unwrap();
        let opened = open(&url, Duration::from_secs(5)).await.unwrap();
        assert!(opened.socket().is_some_and(asks));
    }
}
