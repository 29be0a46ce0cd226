//! The table of `README.md` has the scenarios that there are, in their order.

use super::scenario::Scenario;
use super::{forged, forward, freeze, later, locks, order, overrides, soak, ways_back};

/// All of them, by file.
const ALL: [&[Scenario]; 9] = [
    soak::SOAK,
    freeze::FREEZE,
    locks::LOCKS,
    forward::FORWARD,
    order::ORDER,
    overrides::OVERRIDES,
    ways_back::WAYS_BACK,
    forged::FORGED,
    forged::ON_ONE_BRANCH,
];

#[test]
fn every_scenario_has_its_row_and_every_row_its_scenario() {
    let table = include_str!("README.md");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| S"));
    let told: Vec<(String, String)> = rows
        .map(|row| {
            let mut cells = row.split(" | ").map(str::to_owned);
            let mut cell = || cells.next().expect("a row has a number, a name and a why");
            (cell(), cell())
        })
        .collect();
    let later = later::LATER.iter().map(|later| later.scenario);
    let scenarios = ALL.iter().copied().flatten().copied().chain(later).zip(1..);
    let there: Vec<_> = scenarios
        .map(|(scenario, number)| (format!("{number}"), scenario.name.to_owned()))
        .collect();
    assert_eq!(told, there);
}
