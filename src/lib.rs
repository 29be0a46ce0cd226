//! Pinrail manages the Git repository that says which version of every service runs in
//! every environment.
//!
//! ```text
//! main -> cli -> commands -> store | forge | argocd | render -> domain, session, child, trust
//! ```
//!
//! Arrows say who may import whom. `domain` is pure; git2 appears only in `store`, octocrab only in
//! `forge::github`, gitlab only in `forge::gitlab`; only
//! `cli::ui` writes to the terminal. `docs/architecture.md` tells the rest.

pub mod argocd;
pub mod child;
pub mod cli;
pub mod commands;
pub mod domain;
pub mod forge;
pub mod render;
pub mod session;
pub mod store;
pub mod trust;
