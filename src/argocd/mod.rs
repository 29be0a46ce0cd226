//! Argo CD, as far as Pinrail asks it: what an Application looks like, and whether a pin is live.
//!
//! Nothing is ever written here, and the token goes to one address alone.

mod address;
mod application;
mod client;
mod error;
mod live;

pub use address::{Address, AddressError};
pub use application::Application;
pub use client::{Client, Question};
pub use error::ArgoCdError;
pub use live::{Liveness, NotLive, Part, judge};

pub use crate::session::Session;
