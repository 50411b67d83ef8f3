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
        .min_by_key(|(distance, candidate)| (*distance, candidate.len(), *candidate))
        .map(|(_, candidate)| candidate)
}

/// [`closest`] over owned names.
#[must_use]
pub fn closest_of<S: AsRef<str>>(written: &str, candidates: &[S]) -> Option<String> {
    closest(written, candidates.iter().map(AsRef::as_ref)).map(str::to_owned)
}
