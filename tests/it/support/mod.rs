//! Real Git servers on loopback, and the plain `git` program to look at what they hold.
#![allow(
    dead_code,
    reason = "a kit for every test module; not each part has a user at every moment"
)]

pub mod argocd;
pub mod forge;
pub mod git;
pub mod git_http;
pub mod hooks;
pub mod http1;
pub mod keys;
pub mod made;
pub mod pinrail;
pub mod place;
pub mod proxy;
pub mod root;
pub mod sshd;
pub mod tls;
pub mod tools;
pub mod way;
pub mod witness;
