//! The endpoint's certificate and key.

use std::sync::Arc;

use nsf_plan::profile::Tls;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

use crate::problem::Problem;

fn wrong(what: &str, help: &str) -> Problem {
    Problem::new(format!("the admin endpoint cannot use TLS: {what}")).with_help(help)
}

/// What accepts connections with the certificate of the profile. Where it names an authority, callers must show a
/// certificate of it.
///
/// # Errors
/// Where certificate, key or authority cannot be used. Nothing of the key is in the words.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, Problem> {
    let Some(identity) = &tls.identity else {
        return Err(wrong("there is no certificate", "give `admin.tls` both `certificate` and `key`"));
    };
    let help = "`admin.tls.certificate` is to be PEM, the own certificate first";
    let chain = certificates(&identity.certificate).ok_or_else(|| wrong("its certificate cannot be read", help))?;
    let help = "`admin.tls.key` is to be an unencrypted key in PEM: PKCS 8, PKCS 1 or SEC 1";
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
        .map_err(|_| wrong("its key cannot be read", help))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error.to_string(), "report it: this is a fault of this build"))?;
    let builder = match &tls.authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let help = "`admin.tls.ca` is to be PEM";
            let mut roots = RootCertStore::empty();
            let all = certificates(authority).ok_or_else(|| wrong("the authority cannot be read", help))?;
            for certificate in all {
                roots.add(certificate).map_err(|_| wrong("a certificate of the authority cannot be used", help))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|_| wrong("the authority cannot be used", help))?)
        }
    };
    let help = "see that `admin.tls.key` is the key of the first certificate in `admin.tls.certificate`";
    let config = builder.with_single_cert(chain, key).map_err(|_| wrong("key and certificate do not fit", help))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificates of a text; none where it has none, or one is damaged.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let all: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()?;
    Some(all).filter(|all| !all.is_empty())
}
