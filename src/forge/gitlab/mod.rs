//! GitLab, through the `gitlab` crate.
