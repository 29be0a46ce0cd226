//! Promotions as pull and merge requests, against the two fake forges.

/// Each test on GitHub and on GitLab.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod github { $(#[test] fn $test() { super::$test(super::Kind::GitHub); })* }
        mod gitlab { $(#[test] fn $test() { super::$test(super::Kind::GitLab); })* }
    };
}

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
mod tending;
mod tending_bad_days;
mod tokens;
mod world;
