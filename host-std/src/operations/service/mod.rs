//! A server under a supervisor: who is told how it is, who has opened its sockets, and which process comes after it.
//!
//! | module | idea |
//! | --- | --- |
//! | [`notify`] | systemd is told that the server is ready, reads its files again, stops, and is alive |
//! | [`Sockets`] | sockets that somebody else has opened: systemd, or the process before this one |
//! | `terms` | what that one has to do as this one did |
//! | `upgrade` | another process goes on in the place of this one, on the same sockets and with what it held |

pub(crate) mod notify;
mod sockets;
mod terms;
mod upgrade;

pub(crate) use sockets::Sockets;
pub(crate) use terms::{Kept, Terms};
pub(crate) use upgrade::{Heir, Predecessor, Refused, UPGRADE, Upgrade};
