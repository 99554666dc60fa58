//! Internet checksums (RFC 1071) as the kernel mends them: by what goes and what comes, never by summing up anew.

/// The checksum that belongs into a field which is zero in these bytes; 0 over bytes that have a right one.
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

/// The checksum after a rule has changed some of what it covers. It never writes a zero: to UDP that means "none".
pub(super) fn mended(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    let without = u32::from(!checksum) + u32::from(!fold(sum(old)));
    match !fold(without + u32::from(fold(sum(new)))) {
        0 => 0xffff,
        sum => sum,
    }
}

/// The checksum of an IP header whose TTL is one less now. A router never writes the other zero.
pub(super) fn passed_on(checksum: u16) -> u16 {
    match fold(u32::from(checksum) + 0x0100) {
        0xffff => 0,
        sum => sum,
    }
}

fn sum(bytes: &[u8]) -> u32 {
    let pair = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    bytes.chunks(2).map(pair).fold(0, |sum, pair| u32::from(fold(sum)) + pair)
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mending_comes_to_what_summing_up_anew_comes_to() {
        let before = [0x45, 0, 0, 84, 203, 0, 113, 64, 10, 0, 1, 50];
        let mut after = before;
        after[4..8].copy_from_slice(&[10, 0, 1, 50]);
        assert_eq!(mended(checksum(&before), &before[4..8], &after[4..8]), checksum(&after));
    }

    #[test]
    fn what_comes_out_as_none_is_written_as_the_other_zero() {
        // 0x0001 + 0xfffe is 0xffff, whose complement is zero.
        assert_eq!(checksum(&[0, 1, 0xff, 0xfe]), 0);
        assert_eq!(mended(checksum(&[0, 1, 0, 0]), &[0, 0], &[0xff, 0xfe]), 0xffff);
    }

    #[test]
    fn a_router_writes_the_zero_itself() {
        for before in 0..=u16::MAX {
            let after = mended(before, &[1, 0], &[0, 0]);
            assert_eq!(passed_on(before), if after == 0xffff { 0 } else { after });
        }
    }
}
