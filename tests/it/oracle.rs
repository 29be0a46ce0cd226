//! What the gates say, told beforehand by hand: scenarios of who pinned what when, the moment of
//! a question, and the answer that is right.
//!
//! Nothing here is computed by what it judges. A history is written by plain git, at the times
//! that the scenario tells; `promote` is asked in one clone, `check --base` judges the same
//! change, written by hand, in another; with a forge, a person's click is let through or not.
//! `README.md` is the list of them in words.

/// The scenarios of a file on each kind of forge.
macro_rules! on_each_kind {
    ($scenarios:expr, $hold:path) => {
        #[test]
        fn git_alone() {
            $hold(crate::oracle::place::Kind::Git, $scenarios);
        }
        #[test]
        fn github() {
            $hold(crate::oracle::place::Kind::GitHub, $scenarios);
        }
        #[test]
        fn gitlab() {
            $hold(crate::oracle::place::Kind::GitLab, $scenarios);
        }
    };
}

mod answers;
mod by_hand;
mod click;
mod forged;
mod forward;
mod freeze;
mod history;
mod later;
mod locks;
mod order;
mod overrides;
mod place;
mod scenario;
mod soak;
mod table;
mod ways_back;
