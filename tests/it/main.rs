//! The integration tests: one binary, against real Git servers on loopback.

mod example;
mod servers;
mod ssh_server;
mod support;
