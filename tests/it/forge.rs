//! Promotions as pull and merge requests, against the two fake forges.

mod bad_days;
mod behaviours;
mod between;
mod doctor;
mod github;
mod gitlab;
mod many;
mod requests;
mod scenarios;
mod secrets;
mod tokens;
mod world;
