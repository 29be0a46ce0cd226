//! What a pin costs on the network, and what becomes of it where the server cannot do the usual.

mod cost;
mod fallback;
mod login;
mod many;
mod race;
mod ssh;
