//! Objects of the API server, reduced to what discovery needs of them.
//!
//! In: one object as JSON. Out: a [`Pod`] or a [`Related`]. A server holds tens of thousands of pods of several
//! kilobytes, so texts that repeat are shared and everything else is left out when it is read.

use super::text::{Text, Texts};
use super::wire;

/// Names and values, sorted by name.
pub type Pairs = Box<[(Text, Text)]>;

/// What every object has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The name.
    pub name: Box<str>,
    /// The namespace; empty for objects that belong to none.
    pub namespace: Text,
    /// Tells objects of the same name apart.
    pub uid: Box<str>,
    /// The labels.
    pub labels: Pairs,
    /// The annotations.
    pub annotations: Pairs,
    /// What controls it.
    pub controller: Option<Controller>,
    /// When it is to be gone, in seconds since 1970; `None`: it is not being deleted.
    pub deleted_at: Option<i64>,
}

/// The object that manages another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// For instance `ReplicaSet`.
    pub kind: Text,
    /// Its name.
    pub name: Text,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Names, labels, annotations.
    pub meta: Meta,
    /// The node that it is bound to, or empty.
    pub node_name: Text,
    /// Whether it has its node's addresses and ports.
    pub host_network: bool,
    /// Its containers; the first [`Pod::regular`] are no init containers.
    pub containers: Box<[Container]>,
    /// How many of the containers are no init containers.
    pub regular: usize,
    /// `Running` and the like.
    pub phase: Text,
    /// Its address, or empty.
    pub ip: Box<str>,
    /// Its node's address, or empty.
    pub host_ip: Text,
    /// The status of the condition `Ready`, in small letters: `true`, `false`, `unknown`.
    pub ready: Text,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: Text,
    /// The image as the pod names it.
    pub image: Text,
    /// The runtime's id, or empty.
    pub id: Box<str>,
    /// The ports that it declares.
    pub ports: Box<[Port]>,
}

/// A declared port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name, or empty.
    pub name: Text,
    /// Its number.
    pub number: u32,
    /// `TCP`, `UDP`, `SCTP` or empty.
    pub protocol: Text,
}

/// An object whose metadata is attached to pods: a node, a namespace, a replica set, a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Related {
    /// Names, labels, annotations, controller.
    pub meta: Meta,
}

/// What is kept of one kind of objects.
pub trait Object: Clone + PartialEq + Send + Sync + Sized + 'static {
    /// Reads one object.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn read(json: &[u8], texts: &mut Texts) -> Result<Self, String>;

    /// What every object has.
    fn meta(&self) -> &Meta;
}

impl Object for Pod {
    fn read(json: &[u8], texts: &mut Texts) -> Result<Self, String> {
        wire::pod(json, texts)
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Object for Related {
    fn read(json: &[u8], texts: &mut Texts) -> Result<Self, String> {
        wire::related(json, texts)
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }
}

impl Meta {
    /// The value of an annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        let at = self.annotations.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.annotations.get(at).map(|(_, value)| &**value)
    }
}
