//! Somebody who lists and watches pods, and what they take to exist: the product, or the library that others use.

mod library;
pub(crate) mod product;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use integration::wait;

use library::Library;
use product::Product;

/// Who follows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Library,
    Product,
}

/// Follows pods until it is dropped.
pub(crate) enum Follower {
    Library(Library),
    Product(Box<Product>),
}

impl Follower {
    pub(crate) async fn start(who: Who, kubeconfig: &Path, namespace: &str, labels: &str) -> Self {
        match who {
            Who::Library => Self::Library(Library::start(kubeconfig, namespace, labels).await),
            Who::Product => Self::Product(Box::new(Product::start(kubeconfig, namespace, labels).await)),
        }
    }

    /// Waits until it takes exactly these pods to exist.
    pub(crate) async fn sees(&self, pods: &[(&str, &str)]) {
        let wanted = states(pods);
        wait::until("the pods to be seen", Duration::from_secs(60), || async {
            match self.pods()? {
                seen if seen == wanted => Ok(()),
                seen => Err(format!("{seen:?} instead of {wanted:?}")),
            }
        })
        .await;
    }

    /// Looks for so long: these pods exist, and no others.
    pub(crate) async fn keeps(&self, pods: &[(&str, &str)], time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < until {
            assert_eq!(self.pods(), Ok(states(pods)));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many complete lists it has had.
    pub(crate) fn lists(&self) -> u64 {
        match self {
            Self::Library(library) => library.lists(),
            Self::Product(product) => product.lists(),
        }
    }

    /// Name to phase and readiness, as in `Running ready`.
    fn pods(&self) -> Result<BTreeMap<String, String>, String> {
        match self {
            Self::Library(library) => Ok(library.pods()),
            Self::Product(product) => product.pods(),
        }
    }
}

fn states(pods: &[(&str, &str)]) -> BTreeMap<String, String> {
    pods.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}
