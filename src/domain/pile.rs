//! The versions that a pin has had, put one on another: going back takes away what was left.

use std::collections::HashMap;

use super::pin::{Pin, Version};

/// The versions that were not gone back past, oldest first, each with what is known of it.
///
/// A version that comes back takes away what was put on it meanwhile, so that going back again
/// never brings the one that was left.
pub(super) struct Pile<'a, T> {
    layers: Vec<(&'a Pin, T)>,
    /// Where each version lies.
    places: HashMap<Version<'a>, usize>,
}

impl<'a, T> Pile<'a, T> {
    pub fn new() -> Self {
        Self { layers: Vec::new(), places: HashMap::new() }
    }

    /// Puts a version on top, or uncovers it where it lies already: it keeps what is known of it
    /// then, and how many were on it is returned.
    pub fn put(&mut self, pin: &'a Pin, known: T) -> Option<usize> {
        let place = self.places.get(&pin.version()).copied();
        let Some(place) = place else {
            self.places.insert(pin.version(), self.layers.len());
            self.layers.push((pin, known));
            return None;
        };
        let left = self.layers.drain(place + 1..);
        let count = left.len();
        for (pin, _) in left {
            self.places.remove(&pin.version());
        }
        self.layers[place].0 = pin;
        Some(count)
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        self.layers.clear();
        self.places.clear();
    }

    pub fn into_layers(self) -> Vec<(&'a Pin, T)> {
        self.layers
    }
}
