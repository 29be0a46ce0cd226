//! The integration tests: one binary, against real Git servers on loopback.

mod demo;
mod example;
mod history;
mod locks;
mod promote;
mod promotions;
mod promotions_by_hand;
mod races;
mod removal;
mod request_races;
mod rollback;
mod rollback_forge;
mod servers;
mod ssh_server;
mod support;
