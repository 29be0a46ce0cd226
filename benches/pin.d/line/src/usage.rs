//! `getrusage`, which std does not have.

#[repr(C)]
struct Raw {
    user: [i64; 2],
    system: [i64; 2],
    max_rss: i64,
    rest: [i64; 13],
}

unsafe extern "C" {
    fn getrusage(who: i32, usage: *mut Raw) -> i32;
}

pub struct Usage {
    pub cpu_ms: f64,
    /// Of the largest process, not a sum.
    pub peak_kb: i64,
}

/// What this process used itself.
pub fn own() -> Usage {
    usage(0)
}

/// What the children that have been waited for used, and theirs.
pub fn children() -> Usage {
    usage(-1)
}

fn usage(who: i32) -> Usage {
    let mut raw = Raw { user: [0; 2], system: [0; 2], max_rss: 0, rest: [0; 13] };
    // SAFETY: `Raw` is laid out as 64-bit Linux's `struct rusage`: two timevals and 14 longs.
    let done = unsafe { getrusage(who, &raw mut raw) };
    assert_eq!(done, 0, "getrusage");
    let _ = raw.rest;
    let ms = |[seconds, micros]: [i64; 2]| seconds as f64 * 1e3 + micros as f64 / 1e3;
    Usage { cpu_ms: ms(raw.user) + ms(raw.system), peak_kb: raw.max_rss }
}
