//! Pinrail manages the Git repository that says which version of every service runs in
//! every environment.
//!
//! ```text
//! main -> cli -> commands -> store | render -> domain, child
//! ```
//!
//! Arrows say who may import whom. `domain` is pure; git2 appears only in `store`; only
//! `cli::ui` writes to the terminal. `docs/architecture.md` tells the rest.

pub mod child;
pub mod cli;
pub mod commands;
pub mod domain;
pub mod render;
pub mod store;
