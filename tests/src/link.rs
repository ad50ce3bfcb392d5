//! A network between two programs that can be cut: a proxy for TCP.
//!
//! Cut as an IP network is, it closes nothing and tells nobody: bytes stay where they are, connections that are new
//! wait, and what was on its way arrives when it is mended.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::wait::{SOON, until};

/// Bytes that it takes from a sender before the receiver has room; what the operating system takes comes on top.
const ROOM: usize = 16 << 10;

/// How long a change of its state may go unseen by who waits for a socket.
const LOOK: Duration = Duration::from_millis(20);

/// A way to an address, which ends when it is dropped.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    way: Arc<Way>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Way {
    to: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Pieces that are being written.
    writing: usize,
    /// Both ends of each connection, for as long as it is forwarded.
    connections: Vec<Weak<[TcpStream; 2]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    Cut,
    Refusing,
    Over,
}

impl Link {
    /// A way to `to`, open.
    ///
    /// # Panics
    /// Without a free port.
    pub fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = State { mode: Mode::Open, writing: 0, connections: Vec::new() };
        let way = Arc::new(Way { to, state: Mutex::new(state), changed: Condvar::new() });
        let mut link = Self { address, way, listener: None };
        link.listen(listener);
        link
    }

    /// Where it begins.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards nothing from now on, and closes nothing; who connects waits.
    pub fn cut(&mut self) {
        self.change(Mode::Cut);
    }

    /// Closes all connections, and refuses more.
    pub fn refuse(&mut self) {
        self.change(Mode::Refusing);
    }

    /// Forwards again, what was held back first.
    ///
    /// # Panics
    /// When it was refusing, and another has its port now.
    pub fn mend(&mut self) {
        self.change(Mode::Open);
    }

    /// On the way back no byte is on its way that should not be.
    fn change(&mut self, mode: Mode) {
        let mut state = self.way.state();
        state.mode = mode;
        if matches!(mode, Mode::Refusing | Mode::Over) {
            for ends in state.connections.drain(..).filter_map(|ends| ends.upgrade()) {
                ends.iter().for_each(|end| _ = end.shutdown(Shutdown::Both));
            }
        }
        self.way.changed.notify_all();
        drop(self.way.wait(state, |state| state.writing > 0));
        if matches!(mode, Mode::Refusing | Mode::Over) {
            // It ends, and with it what would take connections.
            self.listener.take().into_iter().for_each(|listener| listener.join().expect("a listener does not panic"));
        } else if self.listener.is_none() {
            self.listen(until("the port of a link", || TcpListener::bind(self.address).ok()));
        }
    }

    fn listen(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).expect("an option of the socket");
        let way = Arc::clone(&self.way);
        self.listener = Some(thread::spawn(move || way.listen(&listener)));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.change(Mode::Over);
    }
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        question: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_while(state, question).unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes connections until it has to refuse them.
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        loop {
            let state = self.wait(self.state(), |state| state.mode == Mode::Cut);
            if state.mode != Mode::Open {
                return;
            }
            drop(state);
            match listener.accept() {
                Ok((from, _)) => self.connect(from),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Connects who has come with where it leads to; who comes while nobody is there is sent away.
    fn connect(self: &Arc<Self>, from: TcpStream) {
        let Ok(to) = TcpStream::connect_timeout(&self.to, SOON) else { return };
        for end in [&from, &to] {
            let set = end.set_nonblocking(false).and_then(|()| end.set_nodelay(true));
            set.and_then(|()| end.set_write_timeout(Some(LOOK))).expect("options of the socket");
        }
        let mut state = self.state();
        if matches!(state.mode, Mode::Refusing | Mode::Over) {
            return;
        }
        let ends = Arc::new([from, to]);
        state.connections.retain(|ends| ends.strong_count() > 0);
        state.connections.push(Arc::downgrade(&ends));
        for source in 0..2 {
            let (way, ends) = (Arc::clone(self), Arc::clone(&ends));
            thread::spawn(move || way.forward(&ends[source], &ends[1 - source]));
        }
    }

    /// Forwards bytes, and in the end the end, until either side is gone.
    fn forward(&self, mut source: &TcpStream, sink: &TcpStream) {
        let mut bytes = vec![0; ROOM];
        loop {
            let read = match source.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.unwrap_or(0),
            };
            if self.write(sink, &bytes[..read]).is_err() {
                let _ = source.shutdown(Shutdown::Both);
            }
            if read == 0 {
                return;
            }
        }
    }

    /// Writes all, when that is allowed; nothing is the end.
    fn write(&self, mut sink: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
        loop {
            self.wait(self.state(), |state| state.mode == Mode::Cut).writing += 1;
            // A full socket is waited for no longer than for a look, so that the link can be cut meanwhile.
            let written = if bytes.is_empty() { sink.shutdown(Shutdown::Write).map(|()| 0) } else { sink.write(bytes) };
            self.state().writing -= 1;
            self.changed.notify_all();
            match written {
                Ok(n) => bytes = &bytes[n..],
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    const SILENCE: Duration = Duration::from_millis(100);

    /// What listens behind a link, a link to it, and a connection through it.
    fn pair() -> (TcpListener, Link, Client, Client) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let link = Link::to(listener.local_addr().expect("an address"));
        let near = Client::connect(link.address());
        let far = accepted(&listener);
        (listener, link, near, far)
    }

    fn accepted(listener: &TcpListener) -> Client {
        Client::on(listener.accept().expect("a connection").0)
    }

    #[test]
    fn bytes_go_both_ways_and_so_does_the_end() {
        let (_listener, _link, mut near, mut far) = pair();
        let much = vec![7; 1 << 20];
        thread::scope(|scope| {
            scope.spawn(|| near.send(&much));
            assert!(far.take(1 << 20) == much);
        });
        far.send("back");
        assert_eq!(near.take(4), b"back");
        near.finish();
        assert_eq!(far.rest(), b"");
        far.send("and after");
        far.finish();
        assert_eq!(near.rest(), b"and after");
    }

    #[test]
    fn cut_it_holds_everything_and_closes_nothing() {
        let (listener, mut link, mut near, mut far) = pair();
        link.cut();
        near.send("held");
        far.send("back");
        let mut other = Client::connect(link.address());
        other.send("new");
        near.finish();
        assert_eq!((far.so_far(SILENCE), near.so_far(SILENCE)), (vec![], vec![]));
        assert!(!other.has_more_within(SILENCE));
        listener.set_nonblocking(true).expect("an option of the socket");
        assert!(listener.accept().is_err(), "nobody has come through");
        listener.set_nonblocking(false).expect("an option of the socket");
        link.mend();
        assert_eq!(far.rest(), b"held");
        assert_eq!(near.take(4), b"back");
        assert_eq!(accepted(&listener).take(3), b"new");
    }

    #[test]
    fn cut_it_takes_no_more_than_it_has_room_for() {
        let (_listener, mut link, near, mut far) = pair();
        link.cut();
        near.stream.set_nonblocking(true).expect("an option of the socket");
        let piece = vec![7; 1 << 16];
        let mut sent = 0;
        // Until the socket is full, and stays so.
        while let Some(n) = (0..20).find_map(|_| {
            (&near.stream).write(&piece).ok().or_else(|| {
                thread::sleep(LOOK);
                None
            })
        }) {
            sent += n;
            assert!(sent < 64 << 20, "it takes everything");
        }
        link.mend();
        assert_eq!(far.take(sent).len(), sent);
    }

    #[test]
    fn it_can_be_cut_while_the_receiver_is_full() {
        let (_listener, mut link, near, mut far) = pair();
        near.stream.set_nonblocking(true).expect("an option of the socket");
        while (0..20).any(|_| {
            (&near.stream).write(&[7; 1 << 16]).is_ok() || {
                thread::sleep(LOOK);
                false
            }
        }) {}
        link.cut();
        far.so_far(SILENCE);
        assert_eq!(far.so_far(SILENCE), b"", "nothing comes when there is room");
        link.mend();
        assert!(far.has_more_within(SOON));
    }

    #[test]
    fn refusing_it_closes_what_is_there_until_it_is_mended() {
        let (listener, mut link, mut near, mut far) = pair();
        link.refuse();
        assert_eq!((near.rest(), far.rest()), (vec![], vec![]));
        assert!(Client::try_connect(link.address(), SOON).is_none());
        link.mend();
        let mut near = Client::connect(link.address());
        near.send("again");
        assert_eq!(accepted(&listener).take(5), b"again");
    }

    #[test]
    fn dropped_it_is_gone() {
        let (_listener, link, mut near, mut far) = pair();
        let address = link.address();
        drop(link);
        assert_eq!((near.rest(), far.rest()), (vec![], vec![]));
        assert!(Client::try_connect(address, SOON).is_none());
    }
}
