//! TLS and logins, as they are said of every kind of server.

use super::address::UrlParts;
use super::mistake::MistakeKind;
use super::reading::{Entry, Given, Reading, Section};
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

/// Reads `user` and `password`, which must not stand in the address as well.
pub(super) fn login(reading: &mut Reading<'_>, section: &Section<'_>, url: Option<&ServerUrl>) -> Option<Login> {
    let user = reading.text(section.get("user"));
    let password = reading.secret(section.get("password"));
    let parts = url.and_then(|url| UrlParts::read(url.expose()));
    let twice = parts.map(|parts| [("user", parts.user.is_some()), ("password", parts.password.is_some())]);
    for (name, _) in twice.into_iter().flatten().filter(|(_, is_there)| *is_there) {
        if let Some(entry) = section.get(name) {
            reading.rule(entry, Rule::AlsoInUrl);
        }
    }
    Some(Login { user: user.optional()?, password: password.optional()? })
}

/// Reads an address of one of these schemes; a password in it must be a reference.
pub(super) fn url(reading: &mut Reading<'_>, entry: Option<&Entry<'_>>, schemes: &[&'static str]) -> Given<ServerUrl> {
    let Some(entry) = entry else { return Given::Absent };
    if let NodeKind::Text(words) = &entry.value.kind
        && let Ok(text) = super::reference::Text::read(words)
        && holds_password(&text.marked(MARK))
    {
        reading.mistake(entry.key, MistakeKind::Literal { setting: entry.path.clone() });
        return Given::Unknown;
    }
    let shown: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://…`")).collect();
    let expected = format!("an address, {}", shown.join(" or "));
    reading.parsed(Some(entry), &expected, |text| {
        UrlParts::read(text).filter(|parts| schemes.contains(&parts.scheme))?;
        ServerUrl::read(text)
    })
}

/// Whether characters of the file itself are a password, before `@` in the address.
fn holds_password(marked: &str) -> bool {
    let Some((_, rest)) = marked.split_once("://") else { return false };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let password = authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, password)| password);
    password.is_some_and(|password| password.chars().any(|sign| sign != MARK))
}

/// TLS that an address says by its scheme, and the setting beside it.
pub(super) fn tls_of_url(
    reading: &mut Reading<'_>,
    entry: Option<&Entry<'_>>,
    url: Option<&ServerUrl>,
    (plain, encrypted): (&'static str, &'static str),
) -> Given<Option<Tls>> {
    let given = tls(reading, entry);
    let scheme = url.and_then(|url| url.expose().split_once("://")).map(|(scheme, _)| scheme);
    match (entry, given.known(), scheme) {
        (Some(entry), Some(Some(_)), Some(scheme)) if scheme == plain => {
            reading.rule(entry, Rule::TlsWithPlainUrl { scheme: encrypted });
            Given::Unknown
        }
        (Some(entry), Some(None), Some(scheme)) if scheme == encrypted => {
            reading.rule(entry, Rule::NoTlsWithTlsUrl { scheme: encrypted });
            Given::Unknown
        }
        (None, _, Some(scheme)) if scheme == encrypted => Given::Known(Some(Tls::default())),
        _ => given,
    }
}
