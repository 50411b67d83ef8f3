//! Whom an encrypted connection trusts.

use std::sync::Arc;

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::settings::WebhookSettings;

/// The settings of encrypted connections: the system's authorities, or those that are given.
///
/// # Errors
/// Where there is no authority.
pub(crate) fn configuration(settings: &WebhookSettings) -> ConnectorResult<Arc<ClientConfig>> {
    let wrong = |what: &str, help: &str| {
        let message = format!("the webhook `{}` cannot use TLS: {what}", settings.name);
        ConnectorError::new(ConnectorErrorKind::NotFound, message).with_help(help)
    };
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> = match &settings.authorities {
        Some(pem) => CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect(),
        None => rustls_native_certs::load_native_certs().certs,
    };
    // Those of the system that cannot be used are left out, as everyone does.
    let (known, _) = roots.add_parsable_certificates(certificates);
    if known == 0 {
        return Err(wrong(
            "this machine has no authorities to trust",
            "install the system's certificates (the package `ca-certificates`), or name their file in SSL_CERT_FILE",
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error.to_string(), "report it: this is a fault of this build"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
