//! Numbers as people read them: counts, bytes, times, rates.

use std::fmt::Write as _;

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `2 records`.
pub fn counted(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `512 B`, `1.5 MB`; units of 1000.
pub fn bytes(number: u64) -> String {
    let mut value = number as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    if unit == "B" || value >= 99.95 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// `0.34 s`, `12.1 s`, `3 min 5 s`, `2 h 4 min`.
pub fn seconds(number: f64) -> String {
    let whole = number.round() as u64;
    match whole {
        0..10 if number < 9.995 => format!("{number:.2} s"),
        0..60 if number < 59.95 => format!("{number:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        0..60 => "1 min 0 s".to_owned(),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Records a second, rounded to what matters: `184,000`.
pub fn rate(number: f64) -> String {
    if !number.is_finite() || number < 0.0 {
        return "0".to_owned();
    }
    let whole = number.round() as u64;
    let step = match whole {
        0..1_000 => 1,
        1_000..10_000 => 10,
        10_000..100_000 => 100,
        _ => 1_000,
    };
    count((whole + step / 2) / step * step)
}

/// Lines of columns: the cells of a column begin at one place, the last is not padded.
pub fn table(rows: &[Vec<String>], indent: &str) -> String {
    use unicode_width::UnicodeWidthStr;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (column, cell) in row.iter().enumerate() {
            let _ = write!(line, "{cell}{}", " ".repeat(widths[column] - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "record"), "1 record");
        assert_eq!(counted(1000, "record"), "1,000 records");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(250_000_000), "250 MB");
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(seconds(0.336), "0.34 s");
        assert_eq!(seconds(12.12), "12.1 s");
        assert_eq!(seconds(59.97), "1 min 0 s");
        assert_eq!(seconds(185.0), "3 min 5 s");
        assert_eq!(seconds(7_440.0), "2 h 4 min");
    }

    #[test]
    fn rates_are_rounded() {
        assert_eq!(rate(183_612.4), "184,000");
        assert_eq!(rate(12.4), "12");
        assert_eq!(rate(f64::NAN), "0");
    }

    #[test]
    fn columns_begin_at_one_place() {
        let rows = [vec!["学".to_owned(), "1".to_owned()], vec!["abc".to_owned(), "22".to_owned()]];
        assert_eq!(table(&rows, " "), " 学   1\n abc  22\n");
    }
}
