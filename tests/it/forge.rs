//! Promotions as pull and merge requests, against the two fake forges.

mod github;
mod gitlab;
mod requests;
mod scenarios;
mod tokens;
mod world;
