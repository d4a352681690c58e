//! What an API server identifies itself and others with, made anew in a directory.
//!
//! In: a directory. Out: PEM files in it. No process is started here.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

/// The paths of the PEM files.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// Of the authority that has signed the others.
    pub authority: PathBuf,
    /// The API server's certificate, for 127.0.0.1 and localhost.
    pub server: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// A client certificate of the group that may do everything.
    pub admin: PathBuf,
    /// Its key.
    pub admin_key: PathBuf,
    /// The key that service account tokens are signed with.
    pub account_key: PathBuf,
    /// Its public half.
    pub account_public: PathBuf,
}

impl Certificates {
    /// Makes all of them in `directory`.
    ///
    /// # Errors
    /// What could not be made or written.
    pub fn make(directory: &Path) -> Result<Self, String> {
        let file = |name: &str| directory.join(name);
        let paths = Self {
            authority: file("ca.pem"),
            server: file("server.pem"),
            server_key: file("server.key"),
            admin: file("admin.pem"),
            admin_key: file("admin.key"),
            account_key: file("account.key"),
            account_public: file("account.pub"),
        };
        let authority = authority().map_err(|error| error.to_string())?;
        write(&paths.authority, &authority.pem())?;
        let (server, key) = server(&authority).map_err(|error| error.to_string())?;
        write(&paths.server, &server)?;
        write(&paths.server_key, &key)?;
        let (admin, key) =
            client(&authority, "admin", "system:masters").map_err(|error| error.to_string())?;
        write(&paths.admin, &admin)?;
        write(&paths.admin_key, &key)?;
        let account = KeyPair::generate().map_err(|error| error.to_string())?;
        write(&paths.account_key, &account.serialize_pem())?;
        write(&paths.account_public, &account.public_key_pem())?;
        Ok(paths)
    }
}

type Pair = (String, String);

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server(authority: &CertifiedIssuer<'_, KeyPair>) -> Result<Pair, rcgen::Error> {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    signed(&params, authority)
}

fn client(authority: &CertifiedIssuer<'_, KeyPair>, name: &str, group: &str) -> Result<Pair, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, group);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    signed(&params, authority)
}

fn signed(
    params: &CertificateParams,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<Pair, rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?.pem(), key.serialize_pem()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
