//! What of the proofs is run, and how much of it.

use super::page::Part;
use crate::kill::seed_of_now;

/// The doses. The default is the full one.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only part that is run.
    pub part: Option<Part>,
    /// The only workload that is killed, or `all`.
    pub workload: String,
    /// Kills of each workload.
    pub kills: u32,
    /// Share of the records of each workload, in percent.
    pub percent: u64,
    /// Seconds for each fuzz target.
    pub seconds: u64,
    /// The only fuzz target that is run.
    pub target: Option<String>,
    /// `address` or `none`.
    pub sanitizer: String,
    /// Cases of each property.
    pub cases: u32,
    /// Where random numbers begin.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            part: None,
            workload: "all".to_owned(),
            kills: 200,
            percent: 100,
            seconds: 600,
            target: None,
            sanitizer: "address".to_owned(),
            cases: 20_000,
            seed: seed_of_now(),
        }
    }
}

impl Options {
    /// Reads `--part kill --kills 20` and the like.
    ///
    /// # Errors
    /// An option that there is not, or without its value.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self::default();
        for pair in words.chunks(2) {
            let [name, value] = pair else { return Err(format!("`{}` needs a value", pair[0])) };
            let number = || value.replace('_', "").parse::<u64>().map_err(|_| format!("`{name} {value}`: no number"));
            let small = || u32::try_from(number()?).map_err(|_| format!("`{name} {value}`: too large"));
            match *name {
                "--part" => options.part = Some(Part::parse(value)?),
                "--workload" => options.workload = (*value).to_owned(),
                "--kills" => options.kills = small()?,
                "--percent" => options.percent = number()?,
                "--seconds" => options.seconds = number()?,
                "--target" => options.target = Some((*value).to_owned()),
                "--sanitizer" => options.sanitizer = (*value).to_owned(),
                "--cases" => options.cases = small()?,
                "--seed" => options.seed = number()?,
                _ => return Err(format!("there is no option `{name}`")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, Part};

    #[test]
    fn a_single_part_can_be_scaled() {
        let options = Options::parse(&["--part", "kill", "--kills", "20"]).map_err(|error| error.len());
        let options = options.unwrap_or_default();
        assert_eq!((options.part, options.kills, options.seconds), (Some(Part::Kill), 20, 600));
        assert!(Options::parse(&["--part"]).is_err() && Options::parse(&["--parts", "kill"]).is_err());
    }
}
