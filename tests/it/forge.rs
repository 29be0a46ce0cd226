//! Promotions as pull and merge requests, against the two fake forges.

mod github;
mod gitlab;
mod scenarios;
mod world;
