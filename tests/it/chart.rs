//! The chart, rendered by Helm itself and judged by Kubernetes' own code.

mod cells;
mod data;
mod examples;
mod golden;
mod helm;
mod jobs;
mod judge;
mod network;
mod ownership;
mod packages;
mod pods;
mod refused;
mod schema;
mod values;
mod waves;
