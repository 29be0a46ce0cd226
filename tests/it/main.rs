//! The integration tests: one binary, against real Git servers on loopback.

mod servers;
mod support;
