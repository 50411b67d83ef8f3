//! TLS and logins, as they are said of every kind of server.

use zeroize::Zeroizing;

use super::address::UrlParts;
use super::mistake::MistakeKind;
use super::reading::{Entry, Given, Reading, Section};
use super::reference::Text;
use super::rule::Rule;
use super::secret::{Secret, ServerUrl};
use super::tree::NodeKind;

/// What stands for a variable in a text that is not looked up.
const MARK: char = '\u{1}';

/// TLS to a server, or of one. Whose certificate it is, is always checked, name of the host included.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whom to trust instead of the system's authorities, as PEM.
    pub authority: Option<String>,
    /// Who the program is itself.
    pub identity: Option<Identity>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate, with those that vouch for it, as PEM.
    pub certificate: String,
    /// Its key, as PEM.
    pub key: Secret,
}

/// Reads `tls: true`, `false` or `{ ca, certificate, key }`; none for `false`.
pub(super) fn tls(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>) -> Given<Option<Tls>> {
    let Some(entry) = entry else { return Given::Absent };
    let section = match &entry.value.kind {
        NodeKind::Switch(on) => return Given::Known(on.then(Tls::default)),
        NodeKind::Map(_) => reading.section(entry, &["ca", "certificate", "key"]),
        _ => {
            reading.wrong(entry.key, &entry.path, "`true`, `false` or `{ ca, certificate, key }`");
            None
        }
    };
    Given::of(section.and_then(|section| tls_section(reading, &section)).map(Some))
}

fn tls_section(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<Tls> {
    let authority = reading.text(section.get("ca"));
    let certificate = reading.text(section.get("certificate"));
    let key = reading.secret(section.get("key"));
    for (given, missing) in [("certificate", "key"), ("key", "certificate")] {
        if let (Some(entry), None) = (section.get(given), section.get(missing)) {
            reading.rule(entry, Rule::Half { missing });
        }
    }
    let identity = match (certificate.optional()?, key.optional()?) {
        (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
        (None, None) => None,
        _ => return None,
    };
    Some(Tls { authority: authority.optional()?, identity })
}

/// Who logs in.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// The user; none where the address names it, or the server's default user is meant.
    pub user: Option<String>,
    /// The password; none where the address holds it, or there is none.
    pub password: Option<Secret>,
}

/// An address of a setting.
pub(super) struct Address {
    /// What it is, where that is known.
    pub url: Given<ServerUrl>,
    /// Its text, or how it is written: what stands in the file itself can be checked before the program runs.
    shape: Option<Zeroizing<String>>,
}

impl Address {
    /// Whether this is its scheme; not where only the environment knows.
    pub fn is(&self, scheme: &str) -> bool {
        self.parts().is_some_and(|parts| parts.scheme == scheme)
    }

    fn parts(&self) -> Option<UrlParts<'_>> {
        self.shape.as_deref().and_then(|shape| UrlParts::split(shape))
    }
}

/// Reads `user` and `password`, which must not stand in the address as well.
pub(super) fn login(reading: &mut Reading<'_>, section: &Section<'_>, address: &Address) -> Option<Login> {
    let user = reading.text(section.get("user"));
    let password = reading.secret(section.get("password"));
    let parts = address.parts();
    let in_address = parts.map(|parts| [("user", parts.user), ("password", parts.password)]);
    for (name, _) in in_address.into_iter().flatten().filter(|(_, part)| part.is_some()) {
        if let Some(entry) = section.get(name) {
            reading.rule(entry, Rule::AlsoInUrl);
        }
    }
    Some(Login { user: user.optional()?, password: password.optional()? })
}

/// Reads an address of one of these schemes; a password in it must be a reference.
pub(super) fn url(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>, schemes: &[&'static str]) -> Address {
    let Some(entry) = entry else { return Address { url: Given::Absent, shape: None } };
    let shown: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://…`")).collect();
    let expected = format!("an address, {}", shown.join(" or "));
    let written = match &entry.value.kind {
        NodeKind::Text(words) => Text::read(words).ok().map(|text| text.marked(MARK)),
        _ => None,
    };
    let shape = written.map(Zeroizing::new);
    if let Some(parts) = shape.as_deref().and_then(|shape| UrlParts::split(shape)) {
        if parts.password.is_some_and(|password| password.contains(|sign| sign != MARK)) {
            reading.mistake(entry.key, MistakeKind::Literal { setting: entry.path.clone() });
            return Address { url: Given::Unknown, shape };
        }
        if !parts.scheme.contains(MARK) && !schemes.contains(&parts.scheme) {
            reading.wrong(entry.value, &entry.path, expected);
            return Address { url: Given::Unknown, shape };
        }
    }
    let url = reading.guarded(entry, &expected, |text| {
        UrlParts::read(text).filter(|parts| schemes.contains(&parts.scheme))?;
        ServerUrl::read(text)
    });
    let shape = url.known().map(|url| Zeroizing::new(url.expose().to_owned())).or(shape);
    Address { url, shape }
}

/// TLS that an address says by its scheme, and the setting beside it.
pub(super) fn tls_of_url(
    reading: &mut Reading<'_>,
    entry: Option<&Entry<'_>>,
    address: &Address,
    (plain, encrypted): (&'static str, &'static str),
) -> Given<Option<Tls>> {
    let given = tls(reading, entry);
    let Some(entry) = entry else {
        return if address.is(encrypted) { Given::Known(Some(Tls::default())) } else { Given::Absent };
    };
    let off = matches!(given, Given::Known(None));
    if !off && address.is(plain) {
        reading.rule(entry, Rule::TlsWithPlainUrl { scheme: encrypted });
    } else if off && address.is(encrypted) {
        reading.rule(entry, Rule::NoTlsWithTlsUrl { scheme: encrypted });
    }
    given
}
