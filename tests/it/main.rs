//! The integration tests: one binary, against real Git servers on loopback.

mod example;
mod races;
mod servers;
mod ssh_server;
mod support;
