//! The sub-commands.

pub mod check;
pub mod heal;
pub mod migrate;
pub mod rejected;
pub mod reload;
pub mod reset;
pub mod run;
pub mod state;

/// A text without what a terminal would take for a command: control characters stand as `\u….` Line ends stay.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && character != '\n' {
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn terminals_are_told_nothing() {
        assert_eq!(super::printable("a\u{1b}[2J\n\u{9b}ü"), "a\\u001b[2J\n\\u009bü");
    }
}
