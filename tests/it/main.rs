//! The integration tests: one binary, against real Git servers on loopback.

mod architecture;
mod authentication;
mod bad_input;
mod documents;
mod example;
mod faults;
mod hanging;
mod judgement;
mod moving_tip;
mod races;
mod refusals;
mod schemas;
mod secrets;
mod servers;
mod ssh;
mod ssh_server;
mod support;
mod surface;
mod surroundings;
mod tls_and_proxy;
