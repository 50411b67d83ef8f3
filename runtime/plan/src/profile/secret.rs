//! What must not be shown: passwords, tokens, keys, and addresses that may hold them.

use std::fmt;

use zeroize::Zeroizing;

use super::address::UrlParts;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// A password, token or key. It is never printed or written, and its memory is cleared when it ends.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps a value secret.
    #[must_use]
    pub fn new(value: impl Into<Zeroizing<String>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one who logs in with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether someone gave this very secret. How long it takes tells the length alone, not where the first difference
    /// is.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let different = own.iter().zip(given).fold(0, |different, (a, b)| different | (a ^ b));
        own.len() == given.len() && std::hint::black_box(different) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

/// The address of a server, which may hold a password or be itself one: shown are its scheme, host and port alone.
#[derive(Clone)]
pub struct ServerUrl {
    whole: Secret,
    shown: String,
}

impl ServerUrl {
    /// The address of a text that [`UrlParts`] can take apart.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts = UrlParts::read(text)?;
        let shown = format!("{}://{}", parts.scheme, parts.host);
        Some(Self { whole: Secret::new(text.to_owned()), shown })
    }

    /// The address itself, for the one who connects.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.whole.expose()
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter2");
        assert!(secret.is(b"hunter2") && !secret.is(b"hunter3") && !secret.is(b"hunter") && !secret.is(b""));
    }

    #[test]
    fn an_address_shows_its_host_alone() {
        let url = ServerUrl::read("https://u:p@host:8443/hook/T0KEN?key=x").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://host:8443 https://host:8443");
        assert!(url.expose().contains("T0KEN"));
    }
}
