//! Deltas: one object told as pieces of another.
//! <https://git-scm.com/docs/pack-format#_deltified_representation>

/// The longest piece that one instruction can copy.
const COPY: usize = 0xff_ffff;
/// The most bytes that one instruction can bring along.
const INSERT: usize = 0x7f;

/// What a delta makes of `base`; none where it does not fit, or would be longer than `longest`.
pub fn apply(base: &[u8], delta: &[u8], longest: usize) -> Option<Vec<u8>> {
    let mut rest = delta;
    if size(&mut rest)? != base.len() {
        return None;
    }
    let length = size(&mut rest).filter(|length| *length <= longest)?;
    // No room is made before the pieces add up to it.
    let (mut pieces, mut left) = (rest, length);
    while !pieces.is_empty() {
        left = left.checked_sub(piece(base, &mut pieces)?.len())?;
    }
    if left > 0 {
        return None;
    }
    let mut target = Vec::with_capacity(length);
    while !rest.is_empty() {
        target.extend_from_slice(piece(base, &mut rest)?);
    }
    Some(target)
}

/// What the next instruction adds: a piece of the base, or of the delta itself.
fn piece<'a>(base: &'a [u8], rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let code = byte(rest)?;
    if code == 0 {
        return None;
    }
    if code & 0x80 == 0 {
        let (inserted, after) = rest.split_at_checked(usize::from(code))?;
        *rest = after;
        return Some(inserted);
    }
    let (mut from, mut count) = (0, 0);
    for bit in 0..4 {
        if code & (1 << bit) != 0 {
            from |= usize::from(byte(rest)?) << (8 * bit);
        }
    }
    for bit in 0..3 {
        if code & (0x10 << bit) != 0 {
            count |= usize::from(byte(rest)?) << (8 * bit);
        }
    }
    let count = if count == 0 { 0x1_0000 } else { count };
    base.get(from..from.checked_add(count)?)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

/// A size, seven bits a byte, the lowest first.
fn size(rest: &mut &[u8]) -> Option<usize> {
    let (mut size, mut shift) = (0_usize, 0);
    loop {
        let byte = byte(rest)?;
        if shift > 56 {
            return None;
        }
        size |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
}

/// Tells `target` as `base` with one stretch replaced, which is what an edited tree is.
pub fn between(base: &[u8], target: &[u8]) -> Vec<u8> {
    let before = base.iter().zip(target).take_while(|(a, b)| a == b).count();
    let (rest, wanted) = (&base[before..], &target[before..]);
    let after = rest.iter().rev().zip(wanted.iter().rev()).take_while(|(a, b)| a == b).count();
    let mut delta = Vec::new();
    for mut size in [base.len(), target.len()] {
        while size >= 0x80 {
            delta.push(size.to_le_bytes()[0] | 0x80);
            size >>= 7;
        }
        delta.push(size.to_le_bytes()[0]);
    }
    copy(&mut delta, 0, before);
    for piece in wanted[..wanted.len() - after].chunks(INSERT) {
        delta.push(piece.len().to_le_bytes()[0]);
        delta.extend_from_slice(piece);
    }
    copy(&mut delta, base.len() - after, after);
    delta
}

fn copy(delta: &mut Vec<u8>, mut from: usize, mut count: usize) {
    while count > 0 {
        let piece = count.min(COPY);
        let start = delta.len();
        delta.push(0x80);
        for (bit, value) in [(0, from), (1, from >> 8), (2, from >> 16), (3, from >> 24)]
            .into_iter()
            .chain([(4, piece), (5, piece >> 8), (6, piece >> 16)])
        {
            if value & 0xff != 0 {
                delta[start] |= 1 << bit;
                delta.push(value.to_le_bytes()[0]);
            }
        }
        (from, count) = (from + piece, count - piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: usize = 1 << 20;

    proptest! {
        #[test]
        fn an_edit_is_told_and_read_back(
            before in proptest::collection::vec(any::<u8>(), 0..300),
            old in proptest::collection::vec(any::<u8>(), 0..300),
            new in proptest::collection::vec(any::<u8>(), 0..300),
            after in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let base = [&before[..], &old, &after].concat();
            let target = [&before[..], &new, &after].concat();
            let delta = between(&base, &target);
            prop_assert_eq!(apply(&base, &delta, LONGEST), Some(target.clone()));
            prop_assert!(delta.len() <= new.len() + new.len() / INSERT + 40);
        }

        #[test]
        fn any_bytes_are_refused_or_stay_within_bounds(
            base in proptest::collection::vec(any::<u8>(), 0..64),
            delta in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Some(target) = apply(&base, &delta, 4096) {
                prop_assert!(target.len() <= 4096);
            }
        }
    }

    #[test]
    fn a_long_tree_costs_no_more_than_its_edit() {
        let base = vec![7; 40_000_000];
        let mut target = base.clone();
        target[20_000_000] = 8;
        let delta = between(&base, &target);
        assert!(delta.len() < 60, "{}", delta.len());
        assert_eq!(apply(&base, &delta, 50_000_000), Some(target));
    }

    #[test]
    fn a_delta_for_another_base_or_beyond_the_limit_is_refused() {
        let delta = between(b"base", b"target");
        assert_eq!(apply(b"bas", &delta, LONGEST), None);
        assert_eq!(apply(b"base", &delta, 5), None);
        // Copies of copies cannot grow beyond what was announced.
        let bomb = [&[4, 4][..], &[0x90, 4].repeat(1000)].concat();
        assert_eq!(apply(b"base", &bomb, LONGEST), None);
    }
}
