//! "Did you mean": the candidate nearest to what was written.

/// The candidate nearest to `written`, if one is near enough: at most one edit for every three characters, letters
/// swapped or of other case count little.
#[must_use]
pub fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let limit = (written.chars().count().max(3) / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != written)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| {
            let length = candidate.len().abs_diff(written.len());
            (*distance, is_other_start(&lower, candidate), length, *candidate)
        })
        .map(|(_, candidate)| candidate)
}

/// Whether two names start differently: of two that are equally near, the one that starts alike is meant, since first
/// letters are seldom mistyped.
fn is_other_start(lower: &str, candidate: &str) -> bool {
    lower.chars().next() != candidate.to_lowercase().chars().next()
}

/// [`closest`] over owned names.
#[must_use]
pub fn closest_of<S: AsRef<str>>(written: &str, candidates: &[S]) -> Option<String> {
    closest(written, candidates.iter().map(AsRef::as_ref)).map(str::to_owned)
}

/// Whether a near name is surely the one that is meant: it differs in capitals and signs between words alone, or in one letter of
/// many. Of short names one is easily another, and so are names that differ in a digit.
#[must_use]
pub fn is_sure(written: &str, near: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(|own| *own != '_' && *own != '-').flat_map(char::to_lowercase).collect()
    };
    if plain(written) == plain(near) {
        return true;
    }
    let digits = |name: &str| -> Vec<char> { name.chars().filter(char::is_ascii_digit).collect() };
    let length = written.chars().count().max(near.chars().count());
    let allowed = match length {
        0..=4 => 0,
        5..=9 => 1,
        _ => 2,
    };
    digits(written) == digits(near) && strsim::damerau_levenshtein(written, near) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["source", "space", "state", "stu_id", "class_id", "key"];

    #[test]
    fn a_short_name_is_not_surely_another() {
        for (written, near) in
            [("Orders", "orders"), ("orderId", "order_id"), ("custmer", "customer"), ("ordres", "orders")]
        {
            assert!(is_sure(written, near), "{written}");
        }
        for (written, near) in [("cost", "MOST"), ("fee", "FEW"), ("page1", "page2"), ("None", "note"), ("fee", "free")]
        {
            assert!(!is_sure(written, near), "{written}");
        }
    }

    #[test]
    fn swapped_letters_are_one_mistake() {
        assert_eq!(closest("soruce", NAMES), Some("source"));
        assert_eq!(closest("kye", NAMES), Some("key"));
        assert_eq!(closest("ordesr", ["order", "orders"]), Some("orders"));
    }

    #[test]
    fn missing_doubled_and_wrong_letters_are_found() {
        assert_eq!(closest("sorce", NAMES), Some("source"));
        assert_eq!(closest("sttate", NAMES), Some("state"));
        assert_eq!(closest("class_is", NAMES), Some("class_id"));
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(closest("StU_ID", NAMES), Some("stu_id"));
    }

    #[test]
    fn a_far_name_is_not_offered() {
        assert_eq!(closest("payment", NAMES), None);
        assert_eq!(closest("k", NAMES), None);
        assert_eq!(closest("", NAMES), None);
    }

    #[test]
    fn the_name_itself_is_not_offered() {
        assert_eq!(closest("key", ["key"]), None);
    }

    #[test]
    fn of_equally_near_names_the_same_one_is_always_taken() {
        assert_eq!(closest("cat", ["car", "bat", "can"]), Some("can"));
        assert_eq!(closest("cat", ["can", "bat", "car"]), Some("can"));
    }

    #[test]
    fn of_equally_near_names_one_that_starts_alike_is_taken() {
        assert_eq!(closest("tet", ["set", "text"]), Some("text"));
        assert_eq!(closest("tet", ["text", "set"]), Some("text"));
    }

    #[test]
    fn owned_names_serve_as_well() {
        assert_eq!(closest_of("stat", &["state".to_owned()]), Some("state".to_owned()));
    }
}
