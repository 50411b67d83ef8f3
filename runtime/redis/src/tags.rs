//! Hash tags: which slot of a cluster a lane's keys lie in.

/// Slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// The most lanes that a group may have.
pub const LARGEST_LANES: u16 = 1024;

/// Slots that belong to one lane's range, so that each of [`LARGEST_LANES`] has its own.
const RANGE: u16 = SLOTS / LARGEST_LANES;

/// The slot of a key: of what stands between its first braces, if something does.
#[must_use]
pub fn slot(key: &[u8]) -> u16 {
    let braced = || {
        let start = key.iter().position(|byte| *byte == b'{')? + 1;
        let end = start + key[start..].iter().position(|byte| *byte == b'}')?;
        (end > start).then(|| &key[start..end])
    };
    crc16(braced().unwrap_or(key)) % SLOTS
}

/// The checksum that Redis finds slots by (CRC-16/XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ (u16::from(*byte) << 8),
            |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 },
        )
    })
}

/// The tag of a lane: its number, and letters that put it in the slots that are the lane's.
///
/// A lane's slots are found by turning the bits of its number around, so that the first lanes, however many there are,
/// lie evenly over the slots, and that a lane's tag does not depend on how many there are. The numbers alone, without
/// letters, would put half as many lanes again on one of twelve servers as on the average one. Powers of two come out best.
#[must_use]
pub fn tag(lane: u16) -> String {
    let range = (lane % LARGEST_LANES).reverse_bits() >> (u16::BITS - LARGEST_LANES.ilog2());
    let mut tag = format!("{lane}-");
    let number = tag.len();
    for attempt in 0_u32.. {
        tag.truncate(number);
        let mut rest = attempt;
        loop {
            tag.push(char::from(b'a' + (rest % 26) as u8));
            rest /= 26;
            if rest == 0 {
                break;
            }
        }
        if slot(tag.as_bytes()) / RANGE == range {
            break;
        }
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // From the specification of the cluster, and from `CLUSTER KEYSLOT`.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"a:{foo}:b"), 12_182);
        assert_eq!(slot(b"{}foo"), crc16(b"{}foo") % SLOTS);
        assert_eq!(slot(b"{foo}{bar}"), 12_182);
    }

    #[test]
    fn tags_are_what_they_were() {
        // Rows are found by them: another tag would lose what was written.
        let tags: Vec<String> = (0..4).map(tag).collect();
        assert_eq!(tags, ["0-uz", "1-vrb", "2-po", "3-g"]);
        assert!((0..LARGEST_LANES).all(|lane| tag(lane).len() <= 8));
    }

    #[test]
    fn any_number_of_lanes_is_spread_evenly_over_any_number_of_servers() {
        let slots: Vec<usize> = (0..LARGEST_LANES).map(|lane| usize::from(slot(tag(lane).as_bytes()))).collect();
        for servers in 1..=16 {
            let mut held = vec![0_usize; servers];
            for (index, slot) in slots.iter().enumerate() {
                held[slot * servers / usize::from(SLOTS)] += 1;
                let lanes = index + 1;
                let (most, least) = (held.iter().max().unwrap(), held.iter().min().unwrap());
                assert!(most - least <= 6, "{lanes} lanes on {servers} servers: {held:?}");
                let more = if lanes <= 64 { 2 } else { 3 };
                assert!(*most <= lanes.div_ceil(servers) + more, "{lanes} lanes on {servers} servers: {held:?}");
            }
        }
    }
}
