//! Constant texts that others are compared with: by length and outer bytes first, without a call where that decides.

/// A text as its length and its outer bytes, which are all of it up to sixteen.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Outer {
    length: usize,
    front: u64,
    back: u64,
}

impl Outer {
    #[inline(always)]
    fn of(text: &[u8]) -> Self {
        let length = text.len();
        let (front, back) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            (Some(front), Some(back)) => (u64::from_le_bytes(*front), u64::from_le_bytes(*back)),
            _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
                (Some(front), Some(back)) => (u32::from_le_bytes(*front).into(), u32::from_le_bytes(*back).into()),
                _ => (few(text), 0),
            },
        };
        Self { length, front, back }
    }
}

/// Up to three bytes as a number.
#[inline(always)]
fn few(text: &[u8]) -> u64 {
    let byte = |index: usize| u64::from(text.get(index).copied().unwrap_or(0));
    byte(0) | byte(1) << 8 | byte(2) << 16
}

/// Some constant texts in their order.
pub struct Texts {
    texts: Vec<(Outer, Box<str>)>,
}

impl Texts {
    /// These texts.
    pub fn new(texts: impl IntoIterator<Item = Box<str>>) -> Self {
        Self { texts: texts.into_iter().map(|text| (Outer::of(text.as_bytes()), text)).collect() }
    }

    /// The place of the first that is equal.
    #[inline]
    pub fn position(&self, text: &str) -> Option<usize> {
        let outer = Outer::of(text.as_bytes());
        self.texts.iter().position(|(other, constant)| outer == *other && (outer.length <= 16 || **constant == *text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_equal_only_to_themselves() {
        let long = "abcdefghijklmnopqrstuvwxyz";
        let mut all: Vec<Box<str>> = (0..=long.len()).map(|length| long[..length].into()).collect();
        for length in 1..=long.len() {
            for at in 0..length {
                let mut text = long[..length].to_owned();
                text.replace_range(at..=at, "\0");
                all.push(text.into());
            }
        }
        let texts = Texts::new(all.clone());
        for (index, text) in all.iter().enumerate() {
            assert_eq!(texts.position(text), Some(index), "{text:?}");
        }
        assert_eq!(texts.position("no"), None);
    }
}
