//! ServiceAccounts with exactly the rights a test gives them, and kubeconfigs of theirs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::api_server::kubeconfig;
use super::cluster::Cluster;
use crate::wait;

/// A ServiceAccount.
#[derive(Clone, Debug)]
pub struct Account {
    cluster: Cluster,
    namespace: String,
    name: String,
}

impl Account {
    /// Makes the account `name` in `namespace`, with no rights.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn create(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self, String> {
        let account = document("v1", "ServiceAccount", name, namespace, &json!({}));
        cluster.apply(&account.to_string()).await?;
        Ok(Self::existing(cluster, namespace, name))
    }

    /// The account `name` of `namespace` that is there already.
    #[must_use]
    pub fn existing(cluster: &Cluster, namespace: &str, name: &str) -> Self {
        Self { cluster: cluster.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Deletes it and makes it again, with the rights it had: no token of before is good any more.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn renew(&self) -> Result<(), String> {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", self.namespace, self.name);
        self.cluster.delete(&path).await?;
        Self::create(&self.cluster, &self.namespace, &self.name).await.map(drop)
    }

    /// As the API server calls it.
    #[must_use]
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Gives it a ClusterRole with these rules (a JSON array), in place of what it had in the whole cluster.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn allow(&self, rules: &Value) -> Result<(), String> {
        self.bind("ClusterRole", "", rules).await
    }

    /// Gives it a Role with these rules in a namespace, in place of what it had there.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn allow_in(&self, namespace: &str, rules: &Value) -> Result<(), String> {
        self.bind("Role", namespace, rules).await
    }

    async fn bind(&self, kind: &str, namespace: &str, rules: &Value) -> Result<(), String> {
        let api = "rbac.authorization.k8s.io/v1";
        let name = format!("{}-{}", self.namespace, self.name);
        let role = document(api, kind, &name, namespace, &json!({"rules": rules}));
        let subject = json!({"kind": "ServiceAccount", "namespace": self.namespace, "name": self.name});
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
        let more = json!({"subjects": [subject], "roleRef": reference});
        let binding = document(api, &format!("{kind}Binding"), &name, namespace, &more);
        self.cluster.apply(&role.to_string()).await?;
        self.cluster.apply(&binding.to_string()).await
    }

    /// Takes away what [`Self::allow`] has given, and waits until the server goes by it: no pod may be listed any more.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn forbid(&self) -> Result<(), String> {
        self.allow(&json!([])).await?;
        let wanted = json!({"verb": "list", "resource": "pods", "namespace": self.namespace});
        let spec = json!({"user": self.user(), "resourceAttributes": wanted});
        let kind = "SubjectAccessReview";
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
        wait::until("the rights to be gone", Duration::from_secs(30), || async {
            let answer =
                self.cluster.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?;
            if answer["status"]["allowed"] == json!(false) { Ok(()) } else { Err(answer.to_string()) }
        })
        .await;
        Ok(())
    }

    /// A token that is good for `seconds`, at least 600.
    ///
    /// # Errors
    /// What the server answered instead.
    pub async fn token(&self, seconds: u32) -> Result<String, String> {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", self.namespace, self.name);
        let spec = json!({"expirationSeconds": seconds, "audiences": []});
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
        let answer = self.cluster.post(&path, &body).await?;
        answer["status"]["token"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
    }

    /// A kubeconfig with a token in it.
    ///
    /// # Errors
    /// What could not be had or written.
    pub async fn kubeconfig(&self, directory: &Path) -> Result<PathBuf, String> {
        let token = self.token(3600).await?;
        self.write(directory, "token", &json!({"token": token}))
    }

    /// A kubeconfig that names a file with a token, and that file: a test may write another token into it.
    ///
    /// # Errors
    /// What could not be had or written.
    pub async fn kubeconfig_with_token_file(&self, directory: &Path) -> Result<(PathBuf, PathBuf), String> {
        let file = directory.join(format!("{}.token", self.name));
        write(&file, &self.token(3600).await?)?;
        Ok((self.write(directory, "token-file", &json!({"tokenFile": file}))?, file))
    }

    /// A kubeconfig that runs a program for its credentials, and the file that the program prints: an ExecCredential.
    ///
    /// # Errors
    /// What could not be had or written.
    pub async fn kubeconfig_with_exec(&self, directory: &Path) -> Result<(PathBuf, PathBuf), String> {
        let file = directory.join(format!("{}.credential.json", self.name));
        let api = "client.authentication.k8s.io/v1";
        let status = json!({"token": self.token(3600).await?});
        let credential = json!({"apiVersion": api, "kind": "ExecCredential", "status": status});
        write(&file, &credential.to_string())?;
        let exec = json!({"apiVersion": api, "command": "cat", "args": [file], "interactiveMode": "Never"});
        Ok((self.write(directory, "exec", &json!({"exec": exec}))?, file))
    }

    fn write(&self, directory: &Path, how: &str, user: &Value) -> Result<PathBuf, String> {
        let path = directory.join(format!("{}.{how}.kubeconfig", self.name));
        write(&path, &kubeconfig(self.cluster.server(), self.cluster.authority(), user))?;
        Ok(path)
    }
}

fn document(api: &str, kind: &str, name: &str, namespace: &str, more: &Value) -> Value {
    let mut document = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        document["metadata"]["namespace"] = json!(namespace);
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        document[key.as_str()] = value.clone();
    }
    document
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
