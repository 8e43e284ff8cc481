//! What the registry calls itself: the host in `repositoryUri`, the address in `proxyEndpoint`.

use wharf_registry::RegistryId;

/// The registry's own name, as the operator set it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// `http` or `https`.
    pub scheme: String,
    /// Host and port; `{account}` and `{region}` stand for the registry's.
    pub host: String,
}

impl Endpoint {
    /// The host of one registry, as it stands in image references.
    #[must_use]
    pub fn host(&self, id: &RegistryId) -> String {
        self.host.replace("{account}", id.account.as_str()).replace("{region}", id.region.as_str())
    }

    /// The address of one registry, with scheme and without a path.
    #[must_use]
    pub fn address(&self, id: &RegistryId) -> String {
        format!("{}://{}", self.scheme, self.host(id))
    }
}
