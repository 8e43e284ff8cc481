//! `wharf env`: the exports that point aws and the SDKs at this registry.

use super::{print, quoted};
use crate::config::Config;
use crate::folder;

pub(super) fn environment(config: &Config) -> anyhow::Result<()> {
    let (id, secret) = match &config.root {
        Some(root) => (root.id.clone(), root.secret.0.clone()),
        None => folder::read_credentials(&config.data)?,
    };
    let (endpoint, region) = reached(config);
    let mut text = String::new();
    let exports = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
    ];
    for (name, value) in exports {
        text.push_str(&format!("export {name}={}\n", quoted(&value)));
    }
    // A token of another session would be sent along and make every signature wrong.
    text.push_str("unset AWS_SESSION_TOKEN AWS_PROFILE\n");
    print(&text)
}

/// URL and Region: what this command was told, else what the server on this folder was told, else
/// the defaults.
fn reached(config: &Config) -> (String, String) {
    let told = folder::read_endpoint(&config.data);
    let (mut endpoint, mut region) =
        told.unwrap_or_else(|| (config.endpoint_url(config.listen.port()), config.region.clone()));
    if config.is_set("public_url") || config.is_set("tls_cert") {
        endpoint = config.endpoint_url(folder_port(&endpoint).unwrap_or(config.listen.port()));
    }
    if config.is_set("region") {
        region = config.region.clone();
    }
    (endpoint, region)
}

fn folder_port(endpoint: &str) -> Option<u16> {
    endpoint.parse::<http::Uri>().ok()?.port_u16()
}
