//! The same for each of many things, on all cores.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// What `each` makes of every item, in their order.
pub fn map<'a, T: Sync, R: Send>(items: &'a [T], each: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let workers = available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(workers).max(1);
    let each = &each;
    scope(|scope| {
        let some = |chunk: &'a [T]| chunk.iter().map(each).collect::<Vec<_>>();
        let running: Vec<_> =
            items.chunks(share).map(|chunk| scope.spawn(move || some(chunk))).collect();
        let done =
            running.into_iter().map(|one| one.join().unwrap_or_else(|why| resume_unwind(why)));
        done.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_there_in_its_order() {
        for count in [0, 1, 2, 3, 100] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(
                map(&items, |item| item * 2),
                items.iter().map(|i| i * 2).collect::<Vec<_>>()
            );
        }
    }
}
