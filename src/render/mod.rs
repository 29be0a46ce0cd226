//! Files that are generated, from templates with `${{ }}` as their delimiters.

pub mod argocd;
mod codeowners;
pub mod helm;
pub mod request;
mod services_root;
mod yaml;

pub use codeowners::codeowners;
pub use services_root::{SETTINGS, services_root};
