//! The DAM: the sandbox's world with its contents, and the remote port directly over it.
//!
//! `answers` puts what the world says into the model's terms exactly as the HTTP client reads it off the wire: what a
//! list leaves out is left out here too.

mod answers;
mod calls;
mod looks;
mod server;
mod side;

pub use server::Server;
pub use side::WorldRemote;
