//! Files that are generated, from templates with `${{ }}` as their delimiters.

pub mod argocd;
pub mod helm;
pub mod request;
mod services_root;
mod yaml;

pub use services_root::services_root;
