//! What a services-root means: names, pins, configuration, rules.
//!
//! Everything here is pure: values in, values out. No I/O, no clock, no git.

pub mod applicationset;
pub mod artifact;
pub mod cause;
pub mod change;
pub mod check;
pub mod config;
pub mod config_edit;
pub mod environment;
pub mod gate;
pub mod gotemplate;
pub mod judge;
pub mod layout;
pub mod lock;
pub mod lookup;
pub mod name;
pub mod nearest;
pub mod owner;
pub mod parallel;
mod pile;
pub mod pin;
pub mod platform;
pub mod problem;
pub mod promotion;
pub mod registry;
pub mod repository_url;
pub mod request;
pub mod rollback;
pub mod template;
pub mod tree;
pub mod values;
pub mod yaml;
