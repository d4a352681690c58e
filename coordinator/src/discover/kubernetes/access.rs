//! How the API server is reached: from inside the cluster, by a kubeconfig, or by an address and HTTP client fields.
//!
//! In: a discovery's configuration. Out: the settings of a client, and a fingerprint of the files they were read from,
//! so that a client is made anew when one of them changes. Tokens in files are read again by the client itself.

use std::cell::RefCell;
use std::hash::{BuildHasher as _, BuildHasherDefault};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use model::http_client::{HttpClientConfig, Source};
use model::secret::Secret;
use runtime::bounded_file;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use url::Url;
use xxhash_rust::xxh3::Xxh3Default;

use crate::config::KubernetesDiscovery;

/// Where a service account says which namespace it belongs to.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The variable that Kubernetes sets in every container.
pub const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";
/// Names kubeconfigs, as for `kubectl`.
const KUBECONFIG: &str = "KUBECONFIG";

/// The largest file of certificates, keys or tokens, in bytes.
const FILE_LIMIT: u64 = 1 << 20;

/// A way to an API server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// The cluster that this process runs in; outside of one, what `KUBECONFIG` names.
    Around,
    /// A kubeconfig and the context in it.
    Kubeconfig(PathBuf, Option<Box<str>>),
    /// An address with credentials.
    Server(Url, Box<HttpClientConfig>),
}

/// What a client is made of.
pub(super) struct Settings {
    pub(super) config: Config,
    /// The files that the settings were read from.
    pub(super) files: Vec<PathBuf>,
}

impl Access {
    /// The way that a discovery takes.
    #[must_use]
    pub fn of(discovery: &KubernetesDiscovery) -> Self {
        match (&discovery.api_server, &discovery.kubeconfig_file) {
            (Some(url), _) => Self::Server(url.clone(), Box::new(discovery.http.clone())),
            (None, Some(file)) => Self::Kubeconfig(file.clone(), discovery.kubeconfig_context.clone()),
            (None, None) => Self::Around,
        }
    }

    /// Whether it leads to the cluster around this process, which is in none.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        let is_set = |name| std::env::var_os(name).is_some();
        matches!(self, Self::Around) && !is_set(IN_CLUSTER) && !is_set(KUBECONFIG)
    }

    /// What people call the cluster.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Around => "in-cluster".to_owned(),
            Self::Kubeconfig(file, None) => file.display().to_string(),
            Self::Kubeconfig(file, Some(context)) => format!("{} context {context}", file.display()),
            Self::Server(url, _) => url.origin().ascii_serialization(),
        }
    }

    /// Reads what the client needs.
    ///
    /// # Errors
    /// The file that is missing or wrong.
    pub(super) async fn settings(&self) -> Result<Settings, String> {
        let mut settings = match self {
            Self::Around
                if std::env::var_os(IN_CLUSTER).is_none() && std::env::var_os(KUBECONFIG).is_some() =>
            {
                let config = Kubeconfig::from_env().map_err(|error| format!("{KUBECONFIG}: {error}"))?;
                let paths = std::env::var_os(KUBECONFIG).unwrap_or_default();
                kubeconfig(config.unwrap_or_default(), std::env::split_paths(&paths).collect(), None).await?
            }
            Self::Around => {
                let config = Config::incluster_env().map_err(|error| error.to_string())?;
                Settings { config, files: Vec::new() }
            }
            Self::Kubeconfig(file, context) => {
                let config = Kubeconfig::read_from(file).map_err(|error| plain(&error))?;
                kubeconfig(config, vec![file.clone()], context.as_deref()).await?
            }
            Self::Server(url, http) => server(url, http)?,
        };
        // Failures are counted and waited for here.
        settings.config.default_retry = false;
        Ok(settings)
    }
}

/// The namespace of the pod that this process runs in.
///
/// # Errors
/// It runs in none, or the file cannot be read.
pub(super) fn own_namespace() -> Result<String, String> {
    let text = std::fs::read_to_string(OWN_NAMESPACE).map_err(|error| format!("{OWN_NAMESPACE}: {error}"))?;
    Ok(text.trim().to_owned())
}

/// A number that changes with the content of any of the files.
pub(super) fn fingerprint(files: &[PathBuf]) -> u64 {
    let contents: Vec<_> = files.iter().map(|file| bounded_file::read(file, FILE_LIMIT).ok()).collect();
    BuildHasherDefault::<Xxh3Default>::default().hash_one(contents)
}

async fn kubeconfig(
    kubeconfig: Kubeconfig,
    mut files: Vec<PathBuf>,
    context: Option<&str>,
) -> Result<Settings, String> {
    let clusters = || kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let users = || kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let named = clusters().map(|cluster| &cluster.certificate_authority);
    let named =
        named.chain(users().flat_map(|user| [&user.client_certificate, &user.client_key, &user.token_file]));
    files.extend(named.flatten().map(PathBuf::from));
    let proxied = clusters().any(|cluster| cluster.proxy_url.is_some());
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    let mut config = config.map_err(|error| plain(&error))?;
    // A proxy of the environment is for other programs; one that the kubeconfig itself names is refused by the client.
    if !proxied {
        config.proxy_url = None;
    }
    Ok(Settings { config, files })
}

fn server(url: &Url, http: &HttpClientConfig) -> Result<Settings, String> {
    let uri = url.as_str().parse::<http::Uri>().map_err(|error| format!("api_server: {error}"))?;
    let mut config = Config::new(uri);
    let tls = &http.tls;
    let files: RefCell<Vec<PathBuf>> = RefCell::default();
    let bytes = |path: &Path, limit: u64| {
        files.borrow_mut().push(path.to_path_buf());
        bounded_file::read(path, limit)
    };
    let headers = http.headers(bytes).map_err(|error| error.to_string())?;
    config.headers.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let read = |source: &Source| text(source, bytes);
    if let Some(ca) = &tls.ca {
        config.root_cert = Some(authorities(read(ca)?.expose())?);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        let encode = |pem: Secret| STANDARD.encode(pem.expose());
        config.auth_info.client_certificate_data = Some(encode(read(cert)?));
        config.auth_info.client_key_data = Some(encode(read(key)?).into());
    }
    config.tls_server_name = tls.server_name.as_deref().map(str::to_owned);
    config.accept_invalid_certs = tls.insecure_skip_verify;
    Ok(Settings { config, files: files.into_inner() })
}

fn authorities(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let certificates: Result<Vec<_>, _> = certificates.map(|it| it.map(|it| it.to_vec())).collect();
    let certificates = certificates.map_err(|error| format!("tls_config.ca: {error}"))?;
    if certificates.is_empty() {
        Err("tls_config.ca has no certificate".to_owned())
    } else {
        Ok(certificates)
    }
}

fn text(
    source: &Source,
    read: impl Fn(&Path, u64) -> Result<Vec<u8>, bounded_file::ReadError>,
) -> Result<Secret, String> {
    let path = match source {
        Source::Inline(text) => return Ok(text.clone()),
        Source::File(path) => path,
    };
    let bytes = read(Path::new(&**path), FILE_LIMIT).map_err(|error| format!("{path}: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path}: it is not UTF-8"))?;
    Ok(Secret::new(text.trim()))
}

/// An error with its causes in one line.
pub(super) fn plain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use model::http_client::{Authorization, TlsConfig};

    use super::*;

    const KUBECONFIG_TEXT: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c1, cluster: {server: "https://one:6443", certificate-authority: ca.pem}}
- {name: c2, cluster: {server: "http://two:8080"}}
users:
- {name: u, user: {tokenFile: /token}}
contexts:
- {name: one, context: {cluster: c2, user: u}}
- {name: two, context: {cluster: c1, user: u}}
"#;

    fn uri(settings: &Settings) -> String {
        settings.config.cluster_url.to_string()
    }

    #[tokio::test]
    async fn a_kubeconfig_says_where_the_cluster_is_and_which_files_matter() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("config");
        std::fs::write(&file, KUBECONFIG_TEXT).expect("written");
        let settings = Access::Kubeconfig(file.clone(), None).settings().await.expect("good");
        assert_eq!(uri(&settings), "http://two:8080/");
        assert!(!settings.config.default_retry);
        let ca = directory.path().join("ca.pem");
        assert!([&file, &ca, &PathBuf::from("/token")].iter().all(|named| settings.files.contains(named)));

        let pem =
            rcgen::generate_simple_self_signed(vec!["one".to_owned()]).expect("a certificate").cert.pem();
        std::fs::write(&ca, pem).expect("written");
        let before = fingerprint(&settings.files);
        let two = Access::Kubeconfig(file.clone(), Some("two".into())).settings().await.expect("good");
        assert_eq!(uri(&two), "https://one:6443/");
        std::fs::write(&ca, "other").expect("written");
        assert_ne!(fingerprint(&settings.files), before);

        for wrong in [Access::Kubeconfig(file.clone(), Some("nobody".into())), Access::Kubeconfig(ca, None)] {
            assert!(wrong.settings().await.is_err(), "{}", wrong.name());
        }
        let absent = Access::Kubeconfig(directory.path().join("absent"), None);
        assert!(absent.settings().await.is_err_and(|error| error.contains("absent")));
    }

    #[tokio::test]
    async fn an_address_comes_with_its_credentials() {
        let directory = tempfile::tempdir().expect("a directory");
        let token = directory.path().join("token");
        std::fs::write(&token, "secret\n").expect("written");
        let credentials = Some(Source::File(token.display().to_string().into()));
        let authorization = Some(Authorization { kind: "Bearer".into(), credentials });
        let tls =
            TlsConfig { insecure_skip_verify: true, server_name: Some("x".into()), ..TlsConfig::default() };
        let http = HttpClientConfig { authorization, tls, ..HttpClientConfig::default() };
        let url = Url::parse("https://h:6443/prefix").expect("a URL");
        let access = Access::Server(url.clone(), Box::new(http.clone()));
        let settings = access.settings().await.expect("good");
        assert_eq!(uri(&settings), "https://h:6443/prefix");
        assert_eq!(settings.config.headers[0].1, "Bearer secret");
        assert!(settings.config.accept_invalid_certs && settings.config.tls_server_name.is_some());
        assert_eq!(settings.files, [token]);
        assert_eq!(access.name(), "https://h:6443");

        let ca = Some(Source::Inline(Secret::new("no PEM")));
        let http = HttpClientConfig { tls: TlsConfig { ca, ..http.tls }, ..HttpClientConfig::default() };
        let wrong = Access::Server(url, Box::new(http)).settings().await;
        assert!(wrong.is_err_and(|error| error.contains("tls_config.ca")));
    }
}
