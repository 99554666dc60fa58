//! Planted faults: in debug builds a process misbehaves where `MOORING_PLANT` says, so that tests can show that they would
//! notice. Release builds have none.

/// Whether a debug build should misbehave here: the environment names this fault.
#[inline]
pub fn planted(name: &str) -> bool {
    #[cfg(debug_assertions)]
    return std::env::var("MOORING_PLANT").is_ok_and(|wanted| wanted == name);
    #[cfg(not(debug_assertions))]
    {
        let _ = name;
        false
    }
}

/// Panics in a debug build whose environment names this fault.
#[inline]
#[cfg_attr(debug_assertions, expect(clippy::panic, reason = "it is there to panic"))]
pub fn panics(name: &str) {
    #[cfg(debug_assertions)]
    if planted(name) {
        panic!("planted: {name}");
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}
